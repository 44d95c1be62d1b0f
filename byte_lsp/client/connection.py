"""JSON-RPC with one server: requests and their answers, notifications, and what the server asks back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lsprotocol import converters, types

from byte_lsp.client.framing import FrameReader, frame
from byte_lsp.errors import ByteLspError

METHOD_NOT_FOUND = -32601


class ServerError(ByteLspError):
    """The server answered with an error, or went away; ``code`` is JSON-RPC's, 0 when it is gone."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True, eq=False)
class Pending:
    """A request under way. ``answer`` holds its result, or raises ``ServerError``.

    ``sent_s`` and ``answered_s`` are when it went to the pipe and when its answer had come from there, by
    ``time.perf_counter``: what reading the answer costs this process is in neither.
    """

    id: int
    method: str
    answer: asyncio.Future[Any]
    sent_s: float = 0.0
    answered_s: float | None = None

    @property
    def waited_ms(self) -> float | None:
        """Milliseconds from the request to its answer, None while there is none."""
        return None if self.answered_s is None else (self.answered_s - self.sent_s) * 1e3


class Connection:
    """One conversation.

    ``on_request`` gets the server's requests and returns their results, or raises ``LookupError`` for a
    method it does not know; ``on_notification`` gets its notifications. Both get plain JSON values.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_request: Callable[[str, Any], Any],
        on_notification: Callable[[str, Any], None],
    ) -> None:
        self.converter = converters.get_converter()
        self._frames = FrameReader(reader)
        self._writer = writer
        self._on_request = on_request
        self._on_notification = on_notification
        self._pending: dict[int, Pending] = {}
        self._last_id = 0
        self._listening = asyncio.create_task(self._listen())

    @property
    def stray(self) -> bytes:
        """Bytes from the server that belong to no message."""
        return bytes(self._frames.stray)

    @property
    def is_open(self) -> bool:
        """Whether the server still talks."""
        return not self._listening.done()

    def send(self, method: str, params: Any = None) -> Pending:
        """Send a request without waiting for its answer."""
        self._last_id += 1
        pending = Pending(self._last_id, method, asyncio.get_running_loop().create_future())
        if self.is_open:
            self._pending[pending.id] = pending
            pending.sent_s = self._write({"id": pending.id, "method": method}, params)
        else:
            pending.answer.set_exception(ServerError(0, "the server is gone"))
        return pending

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self._write({"method": method}, params)

    async def close(self) -> None:
        """Stop talking and listening."""
        self._writer.close()
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)

    def _write(self, message: dict[str, Any], params: Any = None) -> float:
        """Send a message; when, by ``time.perf_counter``."""
        if params is not None:
            message["params"] = self.converter.unstructure(params)
        framed = frame({"jsonrpc": "2.0", **message})
        sent_s = time.perf_counter()
        self._writer.write(framed)
        return sent_s

    async def _listen(self) -> None:
        try:
            while (message := await self._frames.read()) is not None:
                self._take(message)
        finally:
            for pending in self._pending.values():
                if not pending.answer.done():
                    pending.answer.set_exception(ServerError(0, "the server went away"))
                    pending.answer.exception()

    def _take(self, message: dict[str, Any]) -> None:
        if "method" not in message:
            self._take_answer(message)
        elif "id" in message:
            self._answer(message["id"], message["method"], message.get("params"))
        else:
            self._on_notification(message["method"], message.get("params"))

    def _take_answer(self, message: dict[str, Any]) -> None:
        pending = self._pending.pop(message.get("id", -1), None)
        if pending is None or pending.answer.done():
            return
        pending.answered_s = time.perf_counter()
        if "error" in message:
            error = message["error"]
            pending.answer.set_exception(ServerError(error["code"], error["message"]))
        else:
            pending.answer.set_result(self._structure(pending.method, message))

    def _structure(self, method: str, message: dict[str, Any]) -> Any:
        """The result as ``lsprotocol`` has it; suggestions as a list, one of the two forms that they have."""
        response_type: Any = types.METHOD_TO_TYPES.get(method, (None, None))[1]
        if response_type is None:
            return message.get("result")
        result = self.converter.structure(message, response_type).result
        return list(result.items) if isinstance(result, types.InlineCompletionList) else result

    def _answer(self, request_id: int | str, method: str, params: Any) -> None:
        try:
            outcome = {"result": self._on_request(method, params)}
        except LookupError:
            outcome = {"error": {"code": METHOD_NOT_FOUND, "message": f"this client has no {method}"}}
        self._write({"id": request_id, **outcome})
