"""The server's file in the state folder, by which ``byte-lsp status`` finds it: see ``byte_lsp.running``."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from byte_lsp.running import RunningServer, remove_server, write_server
from byte_lsp.server.threads import in_thread

SOON_SECONDS = 1.0
LATER_SECONDS = 5.0
"""Two writings lie so far apart at least, after a change of the status, and for the sake of the counters."""

logger = logging.getLogger(__name__)


class StatusFile:
    """Written in a thread, at most once a second, and removed by ``close``.

    A folder that cannot be written is told of in the log once; the server does without.
    """

    def __init__(self, describe: Callable[[], RunningServer]) -> None:
        self._describe = describe
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_unusable = False
        self._written_at = -LATER_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def write_soon(self) -> None:
        """The status has changed."""
        self._schedule(SOON_SECONDS)

    def write_later(self) -> None:
        """Only counters have changed."""
        self._schedule(LATER_SECONDS)

    def close(self) -> None:
        """Remove the file; nothing is written any more. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            was_closed, self._is_closed = self._is_closed, True
        if not was_closed:
            remove_server(os.getpid())

    def _schedule(self, apart_seconds: float) -> None:
        if self._is_closed or self._is_unusable:
            return
        loop = asyncio.get_running_loop()
        when = max(loop.time(), self._written_at + apart_seconds)
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = loop.call_at(when, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._written_at = asyncio.get_running_loop().time()
        server = self._describe()
        self._task = asyncio.create_task(self._write(server))

    async def _write(self, server: RunningServer) -> None:
        try:
            await in_thread(lambda: self._write_now(server))
        except OSError as error:
            self._is_unusable = True
            logger.warning("`byte-lsp status` will not find this server: %s", error.strerror)

    def _write_now(self, server: RunningServer) -> None:
        with self._lock:
            if not self._is_closed:
                write_server(replace(server, started_s=_process_start()))


@cache
def _process_start() -> float:
    import psutil  # noqa: PLC0415 - in the thread that writes: its import takes a while

    return float(psutil.Process().create_time())
