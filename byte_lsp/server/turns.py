"""A turn of the event loop between messages.

pygls starts a request's coroutine as a task and reads on. When several messages have arrived together it
would apply the edit that follows a request before the request has looked at the document.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


class ReaderWithTurns:
    """A byte stream that lets started tasks run before each line."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream

    async def readline(self) -> bytes:
        await asyncio.sleep(0)
        return await self._stream.readline()

    async def readexactly(self, length: int) -> bytes:
        return await self._stream.readexactly(length)


class SocketWithTurns:
    """A web socket that lets started tasks run before each message."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def recv(self, decode: bool | None = None) -> str | bytes:
        await asyncio.sleep(0)
        return await self._socket.recv(decode)

    async def send(self, message: bytes) -> None:
        await self._socket.send(message, text=True)

    async def close(self) -> None:
        await self._socket.close()
