"""Servers to talk to, and the real model."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from byte_lsp.client import Client
from byte_lsp.models import ensure

STACK = (
    "class Stack:\n"
    "    def __init__(self):\n"
    "        self.items = []\n"
    "\n"
    "    def push(self, item):\n"
    "        self.ite"
)

StartServer = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="session")
def model_path() -> str:
    """The embedded default model's base; pulled if this machine does not have it yet."""
    return str(ensure("smollm2-135m"))


@pytest.fixture
def stack() -> str:
    """A small class that ends inside ``self.items``."""
    return STACK


@pytest.fixture
async def start_server(tmp_path: Path) -> AsyncIterator[StartServer]:
    """Start servers on stdio; each is shut down after the test, and must not have written stray bytes."""
    clients: list[Client] = []

    async def start(
        command: Sequence[str] = (sys.executable, "-m", "byte_lsp.server"),
        env: dict[str, str] | None = None,
        **initialize: Any,
    ) -> Client:
        client = await Client.start(command, env=env)
        clients.append(client)
        initialize.setdefault("options", {"model": str(tmp_path / "none.gguf")})
        await client.initialize(**initialize)
        return client

    yield start
    for client in clients:
        await client.stop()
        assert client.stray == b""
