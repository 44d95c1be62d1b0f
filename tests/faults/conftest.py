"""Servers whose workers meet with faults, and what the person at the editor sees of that."""

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types

from byte_lsp.client import Client
from tests.server.conftest import STACK, StartServer, model_path, start_server
from tests.worker.conftest import start_worker

__all__ = ["model_path", "start_server", "start_worker"]

TakeSeat = Callable[..., Awaitable["Seat"]]

LIMIT_S = 240.0
IMPATIENT = Path(__file__).with_name("impatient_server.py")
OF_THE_MODEL = {
    "memory": False,
    "ahead": False,
    "debounce_ms": 0,
    "deadline_ms": 0,
    "alternatives": 1,
    "draws": 1,
}
"""Each suggestion is the model's own, whole, and the only one."""


class Fault:
    """A fault that happens once, as soon as it is armed; or each time, if it is so from the beginning."""

    def __init__(self, folder: Path) -> None:
        self._token = folder / "fault"

    def once(self, place: str, what: str) -> dict[str, str]:
        """The environment of a server whose worker is to meet with the fault once."""
        return {"BYTE_LSP_FAULT": f"{place}:{what}:{self._token}"}

    def arm(self) -> None:
        self._token.touch()

    @property
    def happened(self) -> bool:
        return not self._token.exists()


class Seat:
    """Somebody at an editor: asks for suggestions, and sees what the server says."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.document = client.open("file:///stack.py", STACK)

    async def suggestion(self) -> str:
        """The text of a suggestion from the model; nothing where there is none."""
        items = await self.client.inline_completion(self.document, len(self.document.text), invoked=True)
        return str(items[0].insert_text) if items else ""

    async def works(self) -> None:
        """A suggestion comes, and it is the right one."""
        assert (await self.suggestion()).startswith("ms")

    def seen(self, kind: types.MessageType) -> list[str]:
        return [message.message for message in self.client.messages if message.type == kind]

    @property
    def warnings(self) -> list[str]:
        return self.seen(types.MessageType.Warning)

    @property
    def errors(self) -> list[str]:
        return self.seen(types.MessageType.Error)

    async def worker(self) -> int:
        pid = (await self.client.status())["worker_pid"]
        assert isinstance(pid, int)
        return pid

    async def counter(self, name: str) -> int:
        found: int = (await self.client.status())["counters"].get(name, 0)
        return found

    async def until_state(self, state: str) -> None:
        async with asyncio.timeout(LIMIT_S):
            while (await self.client.status())["state"] != state:
                await asyncio.sleep(0.05)

    async def restart(self) -> None:
        command = types.ExecuteCommandParams("byteLsp.restart")
        await self.client.request(types.WORKSPACE_EXECUTE_COMMAND, command)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.sleep(0.05)


@pytest.fixture
def fault(tmp_path: Path) -> Fault:
    return Fault(tmp_path)


@pytest.fixture
def take_seat(start_server: StartServer, model_path: str) -> TakeSeat:
    """Start a server with the real model, or another, and wait until it is ready."""

    async def take(
        model: str = model_path,
        *,
        env: dict[str, str] | None = None,
        engine: dict[str, object] | None = None,
        is_ready: bool = True,
        **how: object,
    ) -> Seat:
        options = {
            "model": model,
            "suggest": OF_THE_MODEL,
            "engine": {"context_tokens": 1024} | (engine or {}),
        }
        seat = Seat(await start_server(options=options, env=env, **how))
        if is_ready:
            await seat.client.wait_for_ready(LIMIT_S)
        return seat

    return take


@pytest.fixture
def own_model(model_path: str, tmp_path: Path) -> Path:
    """A copy of the model that a test may spoil."""
    path = tmp_path / "own.gguf"
    shutil.copyfile(model_path, path)
    return path


@pytest.fixture
def own_cache(model_path: str, tmp_path: Path) -> Path:
    """A cache with a copy of the model, which the catalogue knows the sha256 of."""
    folder = tmp_path / "cache" / "models" / "smollm2-135m"
    folder.mkdir(parents=True)
    path = folder / Path(model_path).name
    shutil.copyfile(model_path, path)
    return path


def impatient(**seconds: float) -> dict[str, object]:
    """How to start a server that waits so long for its worker."""
    limits = [f"{name}={value}" for name, value in seconds.items()]
    return {"command": (sys.executable, str(IMPATIENT), *limits), "env": {"PYTHONPATH": os.getcwd()}}
