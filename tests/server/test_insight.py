"""What an editor shows of the model: what each treatment of the cursor says, and the models there are."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from byte_lsp.catalog import load_catalog
from byte_lsp.client import Client, ClientDocument, ServerError
from byte_lsp.server.insight import list_models
from byte_lsp.settings import EnsembleSettings, Settings

StartServer = Callable[..., Awaitable[Client]]

with_server = pytest.mark.asyncio(loop_scope="module")
WITH_SUFFIX = "\n\n    def pop(self):\n        return self.items.pop()\n"
REQUEST_FAILED = -32803
REQUEST_CANCELLED = -32800


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[Client]:
    client = await Client.start()
    await client.initialize(options={"model": model_path, "suggest": {"deadline_ms": 0}})
    await client.wait_for_ready()
    yield client
    assert await client.stop() == 0


def at(document: ClientDocument, offset: int) -> dict[str, Any]:
    position = document.position(offset)
    return {
        "textDocument": {"uri": document.uri},
        "position": {"line": position.line, "character": position.character},
    }


@with_server
async def test_each_treatment_says_one_line_and_it_is_no_typing(client: Client, stack: str) -> None:
    document = client.open("file:///compare.py", stack + WITH_SUFFIX)
    before = (await client.status())["counters"]
    answer = await client.request("byteLsp/compare", at(document, len(stack)))
    assert [each["arm"] for each in answer["arms"]] == ["plain", "healing", "exact"]
    said = {each["arm"]: each["text"] for each in answer["arms"]}
    assert said["exact"] == said["healing"] == "ms.append(item)"
    assert not said["plain"].startswith("ms")
    assert all("\n" not in text.strip("\n") for text in said.values())
    after = (await client.status())["counters"]
    assert {name for name in after if after[name] != before.get(name, 0)} == {"compared"}


@with_server
async def test_comparing_can_be_cancelled(client: Client, stack: str) -> None:
    document = client.open("file:///cancelled.py", stack.replace("Stack", "Cancelled"))
    pending = client.connection.send("byteLsp/compare", at(document, len(document.text)))
    client.cancel(pending)
    with pytest.raises(ServerError) as raised:
        await pending.answer
    assert raised.value.code == REQUEST_CANCELLED
    assert (await client.request("byteLsp/compare", at(document, len(document.text))))["arms"]


@with_server
async def test_what_cannot_be_compared_is_said(client: Client, stack: str, tmp_path: Path) -> None:
    secret = client.open((tmp_path / ".env").as_uri(), "A=")
    for params, reason in (
        (at(secret, 2), "hold secrets"),
        ({"textDocument": {"uri": "file:///no"}, "position": {"line": 0, "character": 0}}, "not open"),
        ({"textDocument": {}}, "uri"),
        (None, "expected"),
    ):
        with pytest.raises(ServerError, match=reason):
            await client.request("byteLsp/compare", params)


async def test_without_a_model_nothing_is_compared(start_server: StartServer, stack: str) -> None:
    client = await start_server()
    document = client.open("file:///a.py", stack)
    with pytest.raises(ServerError, match="not loaded") as raised:
        await client.request("byteLsp/compare", at(document, 3))
    assert raised.value.code == REQUEST_FAILED


@with_server
async def test_models_are_listed_with_the_one_in_use(client: Client, model_path: str) -> None:
    found = (await client.request("byteLsp/models", {}))["models"]
    assert [each["name"] for each in found] == [*load_catalog().models, model_path]
    (mine,) = [each for each in found if each["current"]]
    assert (mine["name"], mine["installed"]) == (model_path, True)
    assert mine["bytes"] == Path(model_path).stat().st_size
    keys = {"name", "description", "licence", "bytes", "installed", "current"}
    assert all(set(each) == keys for each in found)


def test_models_in_use_are_those_that_the_settings_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path))
    folder = tmp_path / "models" / "gemma3-270m"
    folder.mkdir(parents=True)
    (folder / load_catalog().get("gemma3-270m").file_name).write_bytes(b"GGUF")

    def in_use(settings: Settings) -> list[str]:
        return [each["name"] for each in list_models(settings) if each["current"]]

    assert in_use(Settings()) == ["smollm2-135m-fim"]
    assert in_use(Settings(model="no-such-model")) == []
    members = EnsembleSettings(members="gemma3-270m=1, smollm2-135m=2")
    assert in_use(Settings(ensemble=members)) == ["smollm2-135m", "gemma3-270m"]
    assert in_use(Settings(ensemble=EnsembleSettings(members="="))) == []
    installed = [each["name"] for each in list_models(Settings()) if each["installed"]]
    assert installed == ["gemma3-270m"]


async def test_a_language_can_be_switched_off(start_server: StartServer, model_path: str, stack: str) -> None:
    suggest = {"confidence": 0, "disabled_languages": "Markdown, python"}
    client = await start_server(options={"model": model_path, "suggest": suggest})
    await client.wait_for_ready()
    document = client.open("file:///off.py", stack)
    assert await client.inline_completion(document, len(stack), invoked=True) == []
    status = (await client.status())["status"]
    assert (status["state"], status["kind"]) == ("off", "Inactive")
    assert "python" in status["message"]
    assert "byteLsp.suggest.disabled_languages" in status["action"]
    other = client.open("file:///on.js", "function add(a, b) {\n  retu", "javascript")
    assert await client.inline_completion(other, len(other.text))
    assert (await client.status())["status"]["state"] != "off"
    change = types.DidChangeConfigurationParams({"byteLsp": {"suggest": {"disabled_languages": "go"}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, change)
    assert await client.inline_completion(document, len(stack))
