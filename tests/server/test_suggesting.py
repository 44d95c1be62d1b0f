"""Suggestions of the real model, through the real server process."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from lsprotocol import types

from byte_lsp.client import Client, ClientDocument, ServerError
from byte_lsp.client.framing import frame

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT_MODIFIED = -32801
REQUEST_CANCELLED = -32800


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[Client]:
    """One server for the whole module, its model loaded."""
    client = await Client.start()
    await client.initialize(options={"model": model_path, "suggest": {"max_bytes": 64, "confidence": 0}})
    await client.wait_for_ready()
    yield client
    assert await client.stop() == 0
    assert client.stray == b""


@pytest.fixture
def open_stack(client: Client, stack: str, request: pytest.FixtureRequest) -> Iterator[ClientDocument]:
    document = client.open(f"file:///{request.node.name}.py", stack)
    yield document
    client.close(document)


async def fails_with(answer: asyncio.Future[object]) -> int:
    with pytest.raises(ServerError) as raised:
        await answer
    return raised.value.code


async def test_inside_a_token(client: Client, open_stack: ClientDocument) -> None:
    (item,) = await client.inline_completion(open_stack, len(open_stack.text))
    assert isinstance(item.insert_text, str)
    assert item.insert_text.startswith("ms")
    cursor = types.Position(5, len("        self.ite"))
    assert item.range == types.Range(cursor, cursor)


async def test_one_while_typing_and_several_when_invoked(client: Client) -> None:
    document = client.open("file:///open.py", "# Names of people: Anna, Bert, ")
    automatic = await client.inline_completion(document, len(document.text))
    invoked = await client.inline_completion(document, len(document.text), invoked=True)
    texts = {str(item.insert_text) for item in invoked}
    assert len(automatic) == 1
    assert 2 <= len(texts) == len(invoked) <= 3


async def test_typing_on_keeps_the_suggestion(client: Client, open_stack: ClientDocument) -> None:
    (before,) = await client.inline_completion(open_stack, len(open_stack.text))
    end = len(open_stack.text)
    client.replace(open_stack, end, end, "m")
    (after,) = await client.inline_completion(open_stack, end + 1)
    assert str(before.insert_text).startswith("ms")
    assert str(after.insert_text).startswith("s")


async def test_crlf_conditions_the_model_as_line_feeds_do(client: Client, open_stack: ClientDocument) -> None:
    (unix,) = await client.inline_completion(open_stack, len(open_stack.text))
    document = client.open("file:///crlf.py", open_stack.text.replace("\n", "\r\n"))
    (dos,) = await client.inline_completion(document, len(document.text))
    assert (str(dos.insert_text)[:2], dos.range) == (str(unix.insert_text)[:2], unix.range)


async def test_the_popups_selection_is_honoured(client: Client, open_stack: ClientDocument) -> None:
    end = len(open_stack.text)
    range_ = types.Range(open_stack.position(end - 3), open_stack.position(end))
    selected = types.SelectedCompletionInfo(range_, "items")
    (item,) = await client.inline_completion(open_stack, end, selected=selected)
    assert item.range == range_
    assert str(item.insert_text).startswith("items")
    assert len(str(item.insert_text)) > len("items")


async def test_a_position_past_the_end_of_the_line_is_its_end(
    client: Client, open_stack: ClientDocument
) -> None:
    context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
    past = types.InlineCompletionParams(context, open_stack.identifier, types.Position(5, 999))
    (item,) = await client.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, past)
    end = open_stack.position(len(open_stack.text))
    assert item.range == types.Range(end, end)
    assert item.insert_text.startswith("ms")


async def test_cancelled(client: Client, open_stack: ClientDocument) -> None:
    pending = client.ask_inline(open_stack, len(open_stack.text), invoked=True)
    client.cancel(pending)
    assert await fails_with(pending.answer) == REQUEST_CANCELLED
    assert await client.inline_completion(open_stack, len(open_stack.text))


async def test_overtaken_by_an_edit(client: Client, open_stack: ClientDocument) -> None:
    end = len(open_stack.text)
    pending = client.ask_inline(open_stack, end, invoked=True)
    client.replace(open_stack, end, end, "m")
    assert await fails_with(pending.answer) == CONTENT_MODIFIED
    (item,) = await client.inline_completion(open_stack, end + 1)
    assert str(item.insert_text).startswith("s")


async def test_overtaken_by_an_edit_that_comes_in_the_same_packet(
    client: Client, open_stack: ClientDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = len(open_stack.text)
    writer = client.connection._writer
    with monkeypatch.context() as held_back:
        packet = bytearray()
        held_back.setattr(writer, "write", packet.extend)
        pending = client.ask_inline(open_stack, end)
        client.replace(open_stack, 0, end, "x")
    writer.write(packet)
    assert await fails_with(pending.answer) == CONTENT_MODIFIED


async def test_the_newest_request_wins(client: Client, open_stack: ClientDocument) -> None:
    old = client.ask_inline(open_stack, len(open_stack.text), invoked=True)
    new = client.ask_inline(open_stack, len(open_stack.text))
    assert await fails_with(old.answer) == REQUEST_CANCELLED
    assert len(await new.answer) == 1


async def test_two_documents_do_not_disturb_each_other(client: Client, open_stack: ClientDocument) -> None:
    other = client.open("file:///other.js", "function add(a, b) {\n  retu", "javascript")
    first = client.ask_inline(open_stack, len(open_stack.text))
    second = client.ask_inline(other, len(other.text))
    client.close(client.open("file:///third.py", "x"))
    assert (await first.answer)[0].insert_text.startswith("ms")
    assert (await second.answer)[0].insert_text.startswith("rn")


async def test_a_document_that_is_not_open_has_no_suggestions(client: Client) -> None:
    closed = ClientDocument("file:///closed.py", "x", "python", client.encoding)
    assert await client.inline_completion(closed, 1) == []


async def test_a_request_that_cannot_be_read_is_answered(client: Client) -> None:
    pending = client.connection.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, {"position": "here"})
    assert await fails_with(pending.answer) == -32602


async def test_a_message_that_is_no_json_does_no_harm(client: Client, open_stack: ClientDocument) -> None:
    broken = frame({"jsonrpc": "2.0", "method": "x"}).replace(b"{", b"[", 1)
    client.connection._writer.write(broken)
    assert await client.inline_completion(open_stack, len(open_stack.text))


async def test_disabled(client: Client, open_stack: ClientDocument) -> None:
    off = types.DidChangeConfigurationParams({"byteLsp": {"suggest": {"enabled": False}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, off)
    assert await client.inline_completion(open_stack, len(open_stack.text)) == []
    on = types.DidChangeConfigurationParams({"byteLsp": {"suggest": {"enabled": True}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, on)
    assert await client.inline_completion(open_stack, len(open_stack.text))


async def test_what_is_likely_to_be_wrong_is_held_back_while_typing(model_path: str) -> None:
    """By default: a name out of nowhere is a guess, the end of a word that stands above is none."""
    client = await Client.start()
    try:
        await client.initialize(options={"model": model_path})
        await client.wait_for_ready()
        guess = client.open("file:///names.py", "# Names of people: Anna, Bert, ")
        assert await client.inline_completion(guess, len(guess.text)) == []
        assert len(await client.inline_completion(guess, len(guess.text), invoked=True)) > 1
        counters = (await client.status())["counters"]
        assert counters["held_back"] == 1
    finally:
        await client.stop()


async def test_what_the_editor_closed_is_not_closed_again(client: Client) -> None:
    before = "names = ['é', 'ü']\r\nfor name in sorted("
    document = client.open("file:///pairs.py", before + ")\r\n")
    for item in await client.inline_completion(document, len(before), invoked=True):
        assert item.range is not None
        line = "for name in sorted("
        end = len(line) + 1
        assert item.range.start == types.Position(1, len(line))
        assert item.range.end in (types.Position(1, len(line)), types.Position(1, end))
        rest = ")" if item.range.end.character == len(line) else ""
        whole = line + str(item.insert_text) + rest
        assert whole.count("(") == whole.count(")"), whole
        assert "\n" not in str(item.insert_text)
