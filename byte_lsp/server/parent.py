"""Leaving with the editor: LSP 3.17, "initialize": a server whose parent process is gone ends by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

POLL_SECONDS = 3.0

logger = logging.getLogger(__name__)


class ParentWatch:
    """Looks now and then whether the process that started the server still lives.

    ``on_gone`` says what to do when it does not; without it nobody looks, as over a socket, whose other
    end may be another machine. A process that was never visible, as from inside a container, is not missed.
    """

    def __init__(self) -> None:
        self.on_gone: Callable[[], object] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, process_id: int | None) -> None:
        """Begin to look for ``process_id``."""
        if process_id is not None and self.on_gone is not None and self._task is None:
            self._task = asyncio.create_task(self._watch(process_id, self.on_gone))

    def stop(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self, process_id: int, on_gone: Callable[[], object]) -> None:
        import psutil  # noqa: PLC0415 - not needed to answer initialize

        if not psutil.pid_exists(process_id):
            return
        while psutil.pid_exists(process_id):
            await asyncio.sleep(POLL_SECONDS)
        logger.warning("the editor's process %d is gone", process_id)
        on_gone()
