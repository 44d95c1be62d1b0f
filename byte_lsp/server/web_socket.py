"""A web socket as the protocol sees it: something to read messages from and to write them to."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection


class WebSocket:
    """One client's connection. A message is a frame: there are no headers."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def read(self) -> bytes | None:
        """The next message, or None once the connection is closed."""
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed:
            return None

    def write(self, data: bytes) -> Awaitable[None]:
        """Send a message. Errors, when awaited: ``ConnectionClosed``."""
        return self._socket.send(data, text=True)

    def close(self) -> Awaitable[None]:
        """Hang up."""
        return self._socket.close()
