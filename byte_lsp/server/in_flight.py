"""Requests that wait for the model, and what makes them give up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

from pygls.exceptions import JsonRpcContentModified, JsonRpcException, JsonRpcRequestCancelled

T = TypeVar("T")
Key = tuple[str, str]


class _Waiting:
    def __init__(self, answer: asyncio.Future[Any]) -> None:
        self.answer = answer
        self.given_up: JsonRpcException | None = None

    def give_up(self, reason: JsonRpcException) -> None:
        self.given_up = self.given_up or reason
        self.answer.cancel()


class InFlight:
    """At most one request waits per document and method: the newest.

    A request that gives up cancels what it waits for, which stops the worker.
    """

    def __init__(self) -> None:
        self._waiting: dict[Key, _Waiting] = {}

    async def wait(self, uri: str, method: str, work: Awaitable[T]) -> T:
        """The result of ``work`` for a document.

        Errors: ``JsonRpcContentModified`` after ``edited``, ``JsonRpcRequestCancelled`` after ``closed`` or
        when a newer request takes this one's place, ``asyncio.CancelledError`` when the client cancels, and
        whatever ``work`` raises.
        """
        key = (uri, method)
        self._give_up(key, JsonRpcRequestCancelled("a newer request took its place"))
        waiting = self._waiting[key] = _Waiting(asyncio.ensure_future(work))
        try:
            result: T = await waiting.answer
        except asyncio.CancelledError:
            if waiting.given_up is None:
                raise
        finally:
            if self._waiting.get(key) is waiting:
                del self._waiting[key]
        if waiting.given_up is not None:
            raise waiting.given_up
        return result

    def edited(self, uri: str) -> None:
        """The document changed: what waits for it gets ``ContentModified``."""
        self._give_up_all(uri, JsonRpcContentModified("the document changed"))

    def closed(self, uri: str) -> None:
        """The document is gone: what waits for it gets ``RequestCancelled``."""
        self._give_up_all(uri, JsonRpcRequestCancelled("the document was closed"))

    def _give_up_all(self, uri: str, reason: JsonRpcException) -> None:
        for key in [key for key in self._waiting if key[0] == uri]:
            self._give_up(key, reason)

    def _give_up(self, key: Key, reason: JsonRpcException) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.give_up(reason)
