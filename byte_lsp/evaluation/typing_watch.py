"""What a server and its worker take of the machine."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

QUIET_CPU_S = 0.02
_LOOK_S = 0.1
_QUIET_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Usage:
    """One look at a server and all processes below it. Handles are file descriptors, on Windows handles."""

    processes: int
    server_rss_bytes: int
    worker_rss_bytes: int
    threads: int
    handles: int


class Watch:
    """Looks at one server. Processes that end meanwhile are no error."""

    def __init__(self, server_pid: int) -> None:
        self._server = psutil.Process(server_pid)
        self._cpu_s: dict[tuple[int, float], float] = {}

    def pids(self) -> set[int]:
        """The server and all processes below it."""
        return {process.pid for process in self._family()}

    def cpu_s(self) -> float:
        """CPU seconds that they took since they started, those that have ended included as last seen."""
        for process in self._family():
            try:
                times = process.cpu_times()
                self._cpu_s[process.pid, process.create_time()] = times.user + times.system
            except psutil.Error:
                continue
        return sum(self._cpu_s.values())

    def look(self) -> Usage:
        """What they hold now."""
        processes = threads = handles = server = below = 0
        for process in self._family():
            try:
                with process.oneshot():
                    rss = process.memory_info().rss
                    own_threads, own_handles = process.num_threads(), _handles(process)
            except psutil.Error:
                continue
            processes, threads, handles = processes + 1, threads + own_threads, handles + own_handles
            if process.pid == self._server.pid:
                server = rss
            else:
                below += rss
        return Usage(processes, server, below, threads, handles)

    async def quiet(self, timeout_s: float = 20.0) -> bool:
        """Wait until they have nothing to do, False if that does not come."""
        before, calm = self.cpu_s(), 0
        for _ in range(int(timeout_s / _LOOK_S)):
            await asyncio.sleep(_LOOK_S)
            now = self.cpu_s()
            calm = calm + 1 if now - before <= QUIET_CPU_S else 0
            if calm == _QUIET_LOOKS:
                return True
            before = now
        return False

    def _family(self) -> Iterator[psutil.Process]:
        try:
            yield from (self._server, *self._server.children(recursive=True))
        except psutil.Error:
            return


def _handles(process: psutil.Process) -> int:
    if sys.platform == "win32":
        return process.num_handles()
    return process.num_fds()
