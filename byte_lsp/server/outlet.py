"""Standard output, written by a thread: an editor that does not read must not stop the event loop.

What the editor has not read yet waits here. From ``ENOUGH_BYTES`` on no further message is read from it
(``protocol.settle``), so what waits is bounded by the answers to what was read before, and by what the server
says unasked. Whoever leaves ``MOST_BYTES`` unread is told nothing more.
"""

from __future__ import annotations

import asyncio
import os
import queue
import threading

ENOUGH_BYTES = 1 << 20
MOST_BYTES = 64 << 20
FLUSH_SECONDS = 2.0


class Outlet:
    """A writer as pygls wants it. Make one, and write, in the event loop."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._is_broken = False
        self._room: asyncio.Future[None] | None = None
        self._thread = threading.Thread(target=self._write_all, name="stdout", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> asyncio.Future[None] | None:
        """Have ``data`` written. Where much waits already: what is done once there is room again.

        Errors: ``BrokenPipeError`` once nobody reads any more.
        """
        with self._lock:
            if self._is_broken or self._waiting_bytes + len(data) > MOST_BYTES:
                self._is_broken = True
                raise BrokenPipeError("nobody reads standard output")
            self._waiting_bytes += len(data)
            if self._waiting_bytes > ENOUGH_BYTES and self._room is None:
                self._room = self._loop.create_future()
            room = self._room
        self._waiting.put(data)
        return room

    def close(self) -> None:
        """Give the editor a moment to read what waits. No exit waits for longer."""
        self._waiting.put(None)
        self._thread.join(FLUSH_SECONDS)

    def _write_all(self) -> None:
        while (data := self._waiting.get()) is not None:
            try:
                self._write(data)
            except OSError:
                self._is_broken = True
            self._done(len(data))

    def _write(self, data: bytes) -> None:
        # Not through a buffered stream: its lock, held here for ever, would abort the interpreter's exit.
        left = memoryview(data)
        while left and not self._is_broken:
            left = left[os.write(self._descriptor, left) :]

    def _done(self, length: int) -> None:
        with self._lock:
            self._waiting_bytes -= length
            if self._room is None or self._waiting_bytes > ENOUGH_BYTES:
                return
            room, self._room = self._room, None
        try:
            self._loop.call_soon_threadsafe(_settle, room)
        except RuntimeError:  # the loop is closed
            return


def _settle(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
