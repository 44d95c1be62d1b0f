"""A conversation: message after message, with turns of the event loop between them.

A request's coroutine starts as a task while the next message is read. When several messages have arrived
together the edit that follows a request would be applied before the request has looked at the document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byte_lsp.server.protocol import Protocol

Receive = Callable[[], Awaitable[bytes | None]]
"""The next message, None where there are no more."""


async def converse(receive: Receive, protocol: Protocol) -> None:
    """Handle messages until there are no more, or the client has said ``exit``.

    The next one is not read before the client has taken what it was sent: who asks without listening waits.
    """
    while not protocol.stopped.is_set():
        await asyncio.sleep(0)
        body = await receive()
        if body is None:
            return
        await asyncio.sleep(0)
        protocol.take(body)
        await protocol.settle()
