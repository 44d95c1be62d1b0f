"""What the LSP door let through once, and what it must be able to see."""

import asyncio
import json
from typing import Any

import pytest
from lsprotocol import types

from byte_lsp.client import Client, ServerError
from byte_lsp.client.framing import frame
from byte_lsp.server.framing import MessageReader
from byte_lsp.server.protocol import Protocol
from tests.fuzz.lsp_door import check

INITIALIZE = {"id": 0, "method": "initialize", "params": {"capabilities": {}}}
URI = "file:///a.py"


def session(*messages: Any) -> bytes:
    """An input for the door: a handshake, and these messages."""
    bodies = [INITIALIZE, {"method": "initialized", "params": {}}, *messages]
    return b"#" + b"\n".join(json.dumps({"jsonrpc": "2.0", **body}).encode() for body in bodies)


def opened(text: Any = "a\nb", uri: Any = URI, **changed: Any) -> dict[str, Any]:
    item = {"uri": uri, "languageId": "python", "version": 1, "text": text} | changed
    return {"method": "textDocument/didOpen", "params": {"textDocument": item}}


def asked(number: Any, uri: str = URI, character: Any = 1) -> dict[str, Any]:
    params = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": character}}
    params["context"] = {"triggerKind": 1}
    return {"id": number, "method": "textDocument/inlineCompletion", "params": params}


FOLDER = {"uri": "file://[", "name": "a"}
NESTED: Any = []
for _ in range(500):
    NESTED = [NESTED]

FOUND = {
    "a folder that is no URI": [asked(1)],
    "a URI that is none": [opened(uri="file://["), asked(1, "file://["), asked(2, "file://\u2100/")],
    "half a pair in a URI": [opened(uri="file:///\ud800"), asked(1, "file:///\ud800")],
    "half a pair in a language": [opened(languageId="\ud800"), asked(1)],
    "a NUL in a path": [opened(uri="file:///%00"), asked(1, "file:///%00")],
    "a language that is a number": [opened(languageId=7), asked(1)],
    "the root as a folder": [
        {
            "method": "workspace/didChangeWorkspaceFolders",
            "params": {"event": {"added": [{"uri": "file:///", "name": ""}], "removed": []}},
        },
        opened(),
        asked(1),
    ],
    "an answer to one's own request": [opened(), asked(1), asked(1), {"id": 1, "result": None}],
    "an id used twice": [opened(), asked(1), asked(1), asked(1)],
    "a cancelled id that is a list": [
        opened(),
        asked(1),
        {"method": "$/cancelRequest", "params": {"id": []}},
    ],
    "a request inside of another": [
        opened(),
        {"method": "x", "params": {"jsonrpc": "2.0", "id": 9, "method": "shutdown"}},
        asked(1),
    ],
    "a method that is a list": [{"id": 1, "method": []}, asked(2)],
    "a notification with an id": [{"id": 1, **opened()}, asked(2)],
    "a request without an id": [{"method": "textDocument/inlineCompletion"}, asked(2)],
    "deep nesting": [
        {"id": 1, "method": "x", "params": NESTED},
        {"id": 2, "method": "shutdown", "params": NESTED},
    ],
    "requests after shutdown": [opened(), asked(1), {"id": 2, "method": "shutdown"}, asked(3)],
    "shutdown while settings are awaited": [
        {"method": "workspace/didChangeConfiguration", "params": {"settings": {}}},
        {"id": 2, "method": "shutdown"},
    ],
    "initialize twice": [{**INITIALIZE, "id": 5}, asked(1)],
}


@pytest.mark.parametrize("name", FOUND)
def test_what_was_found_does_no_harm_any_more(name: str) -> None:
    check(session(*FOUND[name]))


def test_a_root_that_is_no_uri() -> None:
    params = {"capabilities": {}, "rootUri": "file://[", "workspaceFolders": [FOLDER]}
    check(b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":%s}' % json.dumps(params).encode())


@pytest.mark.parametrize(
    "stream",
    [
        b"Content-Length: 99999999999999999999999999999\r\n\r\n",
        b"Content-Length: 1000000000\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n{}",
        b"Content-Length: 0\r\n\r\n",
        b"Content-Length: 2\r\n\r\n{}{}{}",
        b"Content-Length: 9\r\n\r\n{}",
        b"content-length:  2\r\nContent-Type: x\r\n\r\n[]",
        b"x" * 300_000,
        b"\r\n" * 1000,
        b"\x00\xff\xfe\r\n\r\n",
        b"Content-Length: 3\r\n\r\n\xff\xfe\x00",
        b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    ],
    ids=lambda stream: ascii(stream[:30]),
)
def test_broken_streams(stream: bytes) -> None:
    check(b"!" + stream)


@pytest.mark.parametrize(
    ("stream", "bodies"),
    [
        (b"Content-Length: 2\r\n\r\n{}", [b"{}"]),
        (b"content-length: 2\r\nContent-Type: a\r\n\r\n{}", [b"{}"]),
        (b"Content-Length: 2\r\n\r\n{}rest of itContent-Length: 2\r\n\r\n[]", [b"{}", b"[]"]),
        (b"junk\r\n\r\nContent-Length: 2\r\n\r\n[]", [b"[]"]),
        (b"Content-Length: 101\r\n\r\nContent-Length: 2\r\n\r\n[]", [b"[]"]),
        (b"x" * 200_000 + b"\r\nContent-Length: 2\r\n\r\n[]", [b"[]"]),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", []),
        (b"Content-Length: 5\r\n\r\n[]", []),
    ],
)
async def test_what_is_read_of_a_stream(stream: bytes, bodies: list[bytes]) -> None:
    source = asyncio.StreamReader()
    source.feed_data(stream)
    source.feed_eof()
    reader = MessageReader(source, most_bytes=100)
    found = []
    while (body := await reader.read()) is not None:
        found.append(body)
    assert found == bodies


async def test_an_edit_that_cannot_be_read_closes_its_document() -> None:
    """Or suggestions would be made for a text that is not the editor's."""
    client = await Client.start()
    await client.initialize(options={"model": "none.gguf"})
    client.open(URI, "a")
    assert await client.document(URI) is not None
    identifier = {"uri": URI, "version": 2}
    client.notify(
        "textDocument/didChange",
        {"textDocument": identifier, "contentChanges": [{"range": None, "text": "b"}]},
    )
    assert await client.document(URI) is None
    client.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [{"text": "b"}]})
    assert await client.document(URI) is None
    client.open(URI, "c")
    assert (await client.document(URI) or {})["bytes"] == 1
    assert [each for each in client.messages if "could not be handled" in each.message]
    assert await client.stop() == 0


async def test_requests_out_of_order_are_refused_as_the_specification_says() -> None:
    client = await Client.start()
    with pytest.raises(ServerError) as early:
        await client.status()
    assert early.value.code == -32002
    await client.initialize(options={"model": "none.gguf"})
    with pytest.raises(ServerError) as twice:
        await client.initialize(options={"model": "none.gguf"})
    assert twice.value.code == -32600
    await client.request("shutdown")
    with pytest.raises(ServerError) as late:
        await client.status()
    assert late.value.code == -32600
    client.notify("exit")
    assert client.process is not None
    assert await client.process.wait() == 0
    await client.stop()


async def test_a_web_page_cannot_talk_to_the_server() -> None:
    """A browser lets any page post to a port of this machine; the body could be a message."""
    body = frame({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})
    source = asyncio.StreamReader()
    source.feed_data(b"POST / HTTP/1.1\r\nHost: localhost:1\r\n" + body)
    source.feed_eof()
    assert await MessageReader(source).read() is None


async def test_a_late_answer_to_a_question_is_no_fault() -> None:
    """The client answers after the server has stopped waiting."""
    said: list[bytes] = []
    from byte_lsp.server.app import build_server

    protocol = build_server().protocol
    assert isinstance(protocol, Protocol)
    protocol.set_writer(type("Writer", (), {"write": said.append, "close": lambda: None}))
    asks = types.ConfigurationParams([types.ConfigurationItem(section="byteLsp")])
    question = protocol.send_request_async(types.WORKSPACE_CONFIGURATION, asks, msg_id="q")
    question.cancel()
    await asyncio.sleep(0)
    protocol.take(b'{"jsonrpc": "2.0", "id": "q", "result": [null]}')
    assert len(said) == 1
    assert "q" not in protocol._request_futures


async def test_the_books_of_requests_do_not_grow() -> None:
    from byte_lsp.server.app import build_server

    server = build_server()
    server.protocol.take(json.dumps({"jsonrpc": "2.0", **INITIALIZE}).encode())
    for _ in range(50):
        server.protocol.take(b'{"jsonrpc": "2.0", "method": "$/setTrace", "params": {"value": "off"}}')
        await asyncio.sleep(0)
    assert not server.protocol._request_futures
    server.close()


async def test_a_result_that_cannot_be_written_is_an_error() -> None:
    said: list[bytes] = []
    from byte_lsp.server.app import build_server

    protocol = build_server().protocol
    protocol.set_writer(type("Writer", (), {"write": said.append, "close": lambda: None}))
    protocol._send_response(7, result={"a": object()})
    (answer,) = said
    message = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (message["id"], message["error"]["code"]) == (7, -32603)


def test_a_blank_text_is_no_completion_item() -> None:
    from byte_lsp.server.documents import Document
    from byte_lsp.server.suggestions import Slot, Suggestion, completion_items

    document = Document(types.TextDocumentItem(URI, "python", 1, ""), "utf-8")
    blank, word = Suggestion("\n  "), Suggestion("\n a")
    (item,) = completion_items(document, Slot(0, 0), [blank, word], "", as_is=False)
    assert item.label == "a"


class TestTheDoorSees:
    """A fuzzer is worth what it can see: each oracle fails where it should."""

    def test_two_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        send = Protocol._send_response

        def twice(protocol: Protocol, *args: Any, **named: Any) -> None:
            send(protocol, *args, **named)
            send(protocol, *args, **named)

        monkeypatch.setattr(Protocol, "_send_response", twice)
        with pytest.raises(AssertionError, match="answered"):
            check(session())

    def test_no_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Protocol, "_refuse", lambda *_: None)
        with pytest.raises(AssertionError, match="answered"):
            check(session({"id": 3, "method": "textDocument/inlineCompletion", "params": {}}))

    def test_an_error_of_ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from byte_lsp.server.documents import Document

        monkeypatch.setattr(Document, "offset", lambda *_: 1 // 0)
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            check(session(opened(), asked(1)))

    def test_a_wrong_index_of_lines(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from byte_lsp.server.lines import LineStarts

        monkeypatch.setattr(LineStarts, "splice", lambda *_: None)
        events = [
            {
                "range": {"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}},
                "text": "\n",
            }
        ]
        document = {"uri": URI, "version": 2}
        with pytest.raises(AssertionError, match="lines start at"):
            check(
                session(
                    opened(),
                    {
                        "method": "textDocument/didChange",
                        "params": {"textDocument": document, "contentChanges": events},
                    },
                )
            )
