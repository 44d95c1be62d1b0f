"""What a client of GitHub's copilot-language-server sends works here: the real server, the real model."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.server.copilot_script import CONFIGURATION, INITIALIZE, Buffer, CopilotClient, Failed

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT_MODIFIED = -32801
REQUEST_CANCELLED = -32800
INLINE = "textDocument/inlineCompletion"
PANEL = "textDocument/copilotPanelCompletion"
PUSHED = "workspace/didChangeConfiguration"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[CopilotClient]:
    """One conversation, begun in the README's order. ``model_path`` is the default's: it is there then."""
    client = await CopilotClient.start((sys.executable, "-m", "byte_lsp"))
    greeting = await client.request("initialize", INITIALIZE)
    assert greeting["capabilities"]["inlineCompletionProvider"] is not None
    client.notify("initialized", {})
    client.notify(PUSHED, CONFIGURATION)
    ours = {"suggest": {"confidence": 0, "deadline_ms": 0, "ahead": False}}
    client.notify(PUSHED, {"settings": {"byteLsp": ours}})
    signed_in = await client.request("signIn", {})
    assert signed_in["status"] == "AlreadySignedIn"
    status = await client.until_state("ready", "degraded")
    assert (status["kind"], status["busy"]) in (("Normal", False), ("Warning", False))
    yield client
    assert await client.stop() == 0


async def counters(client: CopilotClient) -> dict[str, int]:
    found: dict[str, int] = (await client.request("byteLsp/status", {}))["counters"]
    return found


async def gained(client: CopilotClient, before: dict[str, int]) -> dict[str, int]:
    names = ("asked", "shown", "accepted", "partly_accepted", "accepted_bytes")
    now = await counters(client)
    return {name: now.get(name, 0) - before.get(name, 0) for name in names}


async def ask(client: CopilotClient, buffer: Buffer, **how: Any) -> list[dict[str, Any]]:
    answer = await client.request(INLINE, buffer.ask(**how))
    assert set(answer) == {"items"}
    items: list[dict[str, Any]] = answer["items"]
    return items


def shown(client: CopilotClient) -> list[str]:
    """The messages that the user would have seen."""
    return [params["message"] for method, params in client.heard if method == "window/showMessage"]


async def test_it_completes_shows_accepts_in_part_and_accepts(client: CopilotClient, stack: str) -> None:
    buffer = Buffer(client, "file:///copilot/stack.py", stack[:-1], "python")
    buffer.set(stack)
    before = await counters(client)

    (item,) = await ask(client, buffer)
    assert item["insertText"].startswith("ms.append(item)")
    assert item["range"] == {"start": buffer.end, "end": buffer.end}
    client.notify("textDocument/didShowCompletion", {"item": item})

    length = len("ms.")
    client.notify("textDocument/didPartiallyAcceptCompletion", {"item": item, "acceptedLength": length})
    buffer.insert(item, length)

    (rest,) = await ask(client, buffer)
    assert item["insertText"] == "ms." + rest["insertText"]
    assert rest["command"]["arguments"] != item["command"]["arguments"]
    client.notify("textDocument/didShowCompletion", {"item": rest})
    buffer.insert(rest)
    command = {key: rest["command"][key] for key in ("command", "arguments")}
    assert await client.request("workspace/executeCommand", command) is None
    assert buffer.text == stack + item["insertText"]
    assert await gained(client, before) == {
        "asked": 1,
        "shown": 2,
        "partly_accepted": 1,
        "accepted": 1,
        "accepted_bytes": len(item["insertText"]),
    }
    assert shown(client) == []


async def test_it_cancels(client: CopilotClient, stack: str) -> None:
    buffer = Buffer(client, "file:///copilot/cancelled.py", stack.replace("Stack", "Cancelled"), "python")
    number, answer = client.send(INLINE, buffer.ask())
    client.notify("$/cancelRequest", {"id": number})
    with pytest.raises(Failed) as raised:
        await answer
    assert raised.value.code == REQUEST_CANCELLED
    assert await ask(client, buffer)


async def test_a_request_about_an_older_version_is_not_answered(client: CopilotClient, stack: str) -> None:
    """microsoft/language-server-protocol, issue 1529: the position is elsewhere in the newer text."""
    buffer = Buffer(client, "file:///copilot/old.py", stack, "python")
    buffer.set(f"# old\n{stack}")
    for method in (INLINE, PANEL):
        with pytest.raises(Failed) as raised:
            await client.request(method, buffer.ask(version=0))
        assert raised.value.code == CONTENT_MODIFIED
    assert await ask(client, buffer)
    assert await ask(client, buffer, version=buffer.version + 1), "some editors count saving as a version"
    for strange in ("1", 1.5, True, None, 10**30):
        params = buffer.ask()
        params["textDocument"]["version"] = strange
        assert (await client.request(INLINE, params))["items"], strange


async def test_the_panel_has_the_alternatives(client: CopilotClient) -> None:
    buffer = Buffer(client, "file:///copilot/names.py", "# Names of people: Anna, Bert, ", "python")
    params = buffer.ask()
    del params["context"]
    answer = await client.request(PANEL, params)
    texts = {item["insertText"] for item in answer["items"]}
    assert len(texts) == len(answer["items"]) > 1
    assert all(set(item) == {"insertText", "range", "command"} for item in answer["items"])
    unopened = await client.request(PANEL, {**params, "textDocument": {"uri": "file:///copilot/none.py"}})
    assert unopened == {"items": []}
    with pytest.raises(Failed):
        await client.request(PANEL, {"textDocument": 1})


async def test_the_status_is_about_the_document_in_focus(client: CopilotClient, tmp_path: Path) -> None:
    secret = (tmp_path / ".env").as_uri()
    Buffer(client, secret, "A=1\n", "properties")
    await client.until_state("excluded")
    before = await counters(client)
    states = []
    for params in ({}, {"textDocument": {"uri": secret}}, {"textDocument": {"uri": "file:///nowhere.py"}}):
        client.notify("textDocument/didFocus", params)
        states.append((await client.request("byteLsp/status", {}))["status"]["state"])
    assert [state == "excluded" for state in states] == [False, True, False]
    assert await counters(client) == before, "nothing is warmed up"


async def test_clients_of_the_older_agent_complete_and_accept(client: CopilotClient, stack: str) -> None:
    text = stack.replace("        self.ite", "        größe = 1; self.ite")
    buffer = Buffer(client, "file:///copilot/older.py", text, "python")
    doc = {"uri": buffer.uri, "version": buffer.version, "position": buffer.end, "source": "", "tabSize": 4}
    before = await counters(client)
    for method in ("getCompletions", "getCompletionsCycling"):
        first, *_ = (await client.request(method, {"doc": doc}))["completions"]
        line = buffer.text.rpartition("\n")[2]
        assert first["displayText"].startswith("ms")
        assert first["text"] == line + first["displayText"]
        assert first["range"] == {"start": {**buffer.end, "character": 0}, "end": buffer.end}
        assert first["position"] == buffer.end
    uuid = first["uuid"]
    assert await client.request("notifyShown", {"uuid": uuid}) == "OK"
    part = {"uuid": uuid, "acceptedLength": len(line) + 2}
    assert await client.request("notifyAccepted", part) == "OK"
    assert (await gained(client, before))["accepted_bytes"] == len("ms")
    assert await client.request("notifyAccepted", {"uuid": uuid}) == "OK"
    assert await client.request("notifyRejected", {"uuids": [uuid]}) == "OK"
    now = await gained(client, before)
    assert (now["shown"], now["partly_accepted"], now["accepted"]) == (1, 1, 1)
    for nonsense in (None, {}, {"doc": 1}):
        with pytest.raises(Failed):
            await client.request("getCompletions", nonsense)


async def test_its_positions_are_utf_16_whatever_the_editor_offers() -> None:
    client = await CopilotClient.start((sys.executable, "-m", "byte_lsp"))
    offers = {"general": {"positionEncodings": ["utf-8", "utf-16", "utf-32"]}}
    greeting = await client.request("initialize", {**INITIALIZE, "capabilities": offers})
    assert greeting["capabilities"].get("positionEncoding", "utf-16") == "utf-16"
    assert await client.stop() == 0


async def test_folders_need_no_names(client: CopilotClient, tmp_path: Path) -> None:
    """The README's have none, in ``initialize`` neither; LSP's have."""
    for event in ("added", "removed"):
        change = {"event": {"added": [], "removed": [], event: [{"uri": tmp_path.as_uri()}]}}
        client.notify("workspace/didChangeWorkspaceFolders", change)
    await client.request("byteLsp/status", {})
    assert shown(client) == []


async def test_whoever_asks_is_signed_in(client: CopilotClient) -> None:
    assert (await client.request("checkStatus", {}))["status"] == "OK"
    assert (await client.request("signIn", {}))["status"] == "AlreadySignedIn"
    assert (await client.request("signOut", {}))["status"] == "NotSignedIn"
    assert (await client.request("getVersion", {}))["version"]
    assert await client.request("setEditorInfo", {"editorInfo": {"name": "x", "version": "1"}}) == "OK"
    assert await client.request("textDocument/copilotInlineEdit", {}) == {"edits": []}


async def test_nonsense_in_notifications_and_commands_does_no_harm(client: CopilotClient) -> None:
    before = await counters(client)
    for method in ("didFocus", "didShowCompletion", "didPartiallyAcceptCompletion"):
        for params in (None, [], 1, {}, {"item": None}, {"item": {"command": {"arguments": [{}]}}}):
            client.notify(f"textDocument/{method}", params)
    for arguments in (None, [], ["no such"], [{"a": 1}, 2, 3]):
        command = {"command": "byteLsp.didAccept", "arguments": arguments}
        assert await client.request("workspace/executeCommand", command) is None
    assert await counters(client) == before
    assert shown(client) == []


async def test_settings_of_ours_that_are_wrong_are_told_all_the_same(client: CopilotClient) -> None:
    client.notify(PUSHED, {"settings": {"byteLsp": {"modle": "x"}, "http": {"proxy": None}}})
    await client.request("byteLsp/status", {})
    (message,) = shown(client)
    assert "modle" in message
    assert "http" not in message
