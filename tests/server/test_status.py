"""The status: what it says, when it changes, and that nothing flickers."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from lsprotocol import types

from byte_lsp import __version__
from byte_lsp.client import Client
from byte_lsp.server import status as status_module
from byte_lsp.server.privacy import IN_GITIGNORE
from byte_lsp.server.status import Facts, Status, StatusBoard, judge

StartServer = Callable[..., Awaitable[Client]]
READY = Facts("tiny", "ready")


@pytest.mark.parametrize(
    ("facts", "state", "kind", "says", "advises"),
    [
        (READY, "ready", "Normal", "tiny", ""),
        (Facts("tiny", "fetching"), "loading", "Normal", "looking for tiny", ""),
        (Facts("tiny", "loading"), "loading", "Normal", "loading tiny", ""),
        (Facts("tiny", "off"), "off", "Inactive", "not loaded", "byte-lsp models pull tiny"),
        (Facts("tiny", "failed", "no space left"), "error", "Error", "no space left", "byteLsp.restart"),
        (Facts("tiny", "ready", on_safe_path=True), "degraded", "Warning", "slower", "doctor --retry-fast"),
        (
            Facts("tiny", "ready", exclusion=IN_GITIGNORE),
            "excluded",
            "Inactive",
            ".gitignore",
            "privacy.allow",
        ),
        (
            Facts("tiny", "ready", disabled_language="go"),
            "off",
            "Inactive",
            "off for go",
            "Take go out of byteLsp.suggest.disabled_languages",
        ),
        (Facts("tiny", "ready", is_enabled=False), "off", "Inactive", "are off", "byteLsp.suggest.enabled"),
    ],
)
def test_what_it_says(facts: Facts, state: str, kind: str, says: str, advises: str) -> None:
    found = judge(facts)
    assert (found.state, found.kind) == (state, kind)
    assert says in found.message
    assert advises in found.action
    assert bool(advises) == bool(found.action)


def test_what_keeps_suggestions_away_for_good_comes_first() -> None:
    worst = Facts("tiny", "failed", "broken", on_safe_path=True, exclusion=IN_GITIGNORE)
    assert judge(worst, busy=True).state == "error"
    assert judge(Facts("tiny", "loading", exclusion=IN_GITIGNORE)).state == "loading"
    assert judge(Facts("tiny", "ready", on_safe_path=True, exclusion=IN_GITIGNORE)).state == "excluded"
    assert judge(Facts("tiny", "ready", on_safe_path=True), busy=True).as_params() | {"action": ""} == {
        "state": "degraded",
        "kind": "Warning",
        "busy": True,
        "message": "tiny runs with slower kernels, because the fast ones crashed on this machine",
        "action": "",
    }


class Board:
    """A board whose facts can be set, and what it told."""

    def __init__(self) -> None:
        self.facts = READY
        self.told: list[Status] = []
        self.board = StatusBoard(lambda: self.facts, self.told.append)

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.told]


async def test_only_changes_are_told_and_nothing_before_it_is_open() -> None:
    it = Board()
    it.board.update()
    assert it.told == []
    it.board.open()
    it.board.update()
    await asyncio.sleep(0)
    for state in ("off", "loading"):  # within one turn of the loop
        it.facts = Facts("tiny", state)  # type: ignore[arg-type]
        it.board.update()
    await asyncio.sleep(0)
    it.board.update()
    await asyncio.sleep(0)
    assert it.states == ["ready", "loading"]
    it.facts = READY
    it.board.update()
    it.board.close()
    await asyncio.sleep(0)
    it.board.update()
    assert it.states == ["ready", "loading"]


async def test_busy_does_not_flicker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time is the loop's own: timers fire when this test says so."""
    timers: list[tuple[float, Callable[[], object]]] = []

    class Timer:
        def __init__(self, entry: tuple[float, Callable[[], object]]) -> None:
            self.entry = entry

        def cancel(self) -> None:
            if self.entry in timers:
                timers.remove(self.entry)

    def call_later(seconds: float, callback: Callable[[], object]) -> Timer:
        timers.append((seconds, callback))
        return Timer(timers[-1])

    def fire() -> float:
        seconds, callback = timers.pop()
        callback()
        return seconds

    it = Board()
    it.board.open()
    await asyncio.sleep(0)
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", call_later)
    with it.board.at_work():
        assert len(timers) == 1
    assert timers == [], "it was over before anybody would have noticed"
    with it.board.at_work():
        assert fire() == status_module.BUSY_AFTER_SECONDS
        await asyncio.sleep(0)
        with it.board.at_work():
            assert timers == []
    with it.board.at_work():  # the next key, within the pause that does not count
        assert timers == []
    assert it.states == ["ready", "busy"]
    assert fire() == status_module.IDLE_AFTER_SECONDS
    await asyncio.sleep(0)
    assert it.states == ["ready", "busy", "ready"]


async def until_state(client: Client, state: str) -> None:
    async with asyncio.timeout(60):
        while not client.statuses or client.statuses[-1]["state"] != state:
            await asyncio.sleep(0.02)


async def test_the_editor_is_told_of_loading_and_what_came_of_it(
    start_server: StartServer, model_path: str, tmp_path: Path
) -> None:
    missing = str(tmp_path / "none.gguf")
    client = await start_server(options={"model": missing})
    await until_state(client, "error")
    states = [each["state"] for each in client.statuses]
    assert states == ["loading", "error"]
    last = client.statuses[-1]
    assert set(last) == {"message", "kind", "busy", "state", "action"}
    assert missing in last["message"]
    assert last["kind"] == "Error"
    change = types.DidChangeConfigurationParams({"byteLsp": {"model": model_path}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, change)
    await client.wait_for_ready()
    assert client.statuses[-1]["state"] in ("ready", "degraded")
    off = types.DidChangeConfigurationParams({"byteLsp": {"suggest": {"enabled": False}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, off)
    await until_state(client, "off")
    assert (await client.status())["status"] == client.statuses[-1]


async def test_a_model_on_the_safe_path_is_degraded(
    start_server: StartServer, model_path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from byte_lsp.worker.safe_path import remember_safe_path

    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path))
    remember_safe_path(model_path, "SIGSEGV")
    client = await start_server(options={"model": model_path})
    await until_state(client, "degraded")
    assert client.statuses[-1]["kind"] == "Warning"
    assert "byte-lsp doctor" in client.statuses[-1]["action"]


async def test_the_servers_file_is_there_while_it_runs(
    start_server: StartServer, tmp_path: Path, own_state: Path
) -> None:
    client = await start_server(env={"BYTE_LSP_STATE": str(tmp_path)}, folders=[tmp_path.as_uri()])
    assert client.process is not None
    await until_state(client, "error")
    path = tmp_path / "servers" / f"{client.process.pid}.json"
    async with asyncio.timeout(20):
        while not path.exists() or json.loads(path.read_text())["state"] != "error":
            await asyncio.sleep(0.05)
    told = json.loads(path.read_text())
    assert (told["version"], told["workspace"]) == (__version__, [str(tmp_path)])
    assert told["message"] == client.statuses[-1]["message"]
    assert abs(told["started_s"] - psutil.Process(client.process.pid).create_time()) < 1
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    await client.stop()
    assert list(path.parent.iterdir()) == []


async def test_a_state_folder_that_cannot_be_written_is_no_hindrance(
    start_server: StartServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    client = await start_server(env={"BYTE_LSP_STATE": str(tmp_path / "file" / "state")})
    await until_state(client, "error")
    async with asyncio.timeout(20):
        while not any("will not find this server" in line for line in client.log):
            await asyncio.sleep(0.05)
    assert (await client.status())["state"] == "failed"
