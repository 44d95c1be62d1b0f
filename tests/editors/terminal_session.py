"""A program in a real terminal: tmux runs it, types into it and reads its screen."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

COLUMNS, ROWS = 100, 30
POLL_S = 0.1
SCREEN_TIMEOUT_S = 60.0
END_TIMEOUT_S = 10.0


class TerminalSession:
    """One program on one screen, in a tmux of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def start(self, command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        variables = [f"{name}={value}" for name, value in environment.items()]
        size = ("-x", str(COLUMNS), "-y", str(ROWS), "-c", str(cwd))
        kept = ("set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-s", "escape-time", "0", ";")
        # tmux would take PATH from its client, whatever the session's environment says.
        run = ("new-session", "-d", *size, shlex.join(["env", *variables, *command]))
        self._tmux("-f", os.devnull, "start-server", ";", *kept, *run)

    def type(self, text: str) -> None:
        """Type characters, one key each."""
        self._tmux("send-keys", "-l", "--", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names for them: ``Enter``, ``C-n``, ``Escape``."""
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for_screen(
        self, what: str, fits: Callable[[str], bool], timeout_s: float = SCREEN_TIMEOUT_S
    ) -> str:
        """Look until the screen fits. Errors: ``AssertionError`` with what is on it on timeout."""
        deadline = time.monotonic() + timeout_s
        screen = self.screen()
        while not fits(screen):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:.0f} s for {what}; on screen:\n{screen}")
            time.sleep(POLL_S)
            screen = self.screen()
        return screen

    def wait_for_end(self, timeout_s: float = SCREEN_TIMEOUT_S) -> None:
        """Wait until the program has ended. Errors: ``AssertionError`` with what is on the screen."""
        deadline = time.monotonic() + timeout_s
        while self._tmux("display-message", "-p", "#{pane_dead}").strip() != "1":
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s:.0f} s for the end; on screen:\n{self.screen()}")
            time.sleep(POLL_S)

    def close(self) -> None:
        """End the terminal, and what runs in it where that does not end with it."""
        processes = self.processes()
        subprocess.run(self._command("kill-server"), check=False, capture_output=True, timeout=60)
        _, left = psutil.wait_procs(processes, timeout=END_TIMEOUT_S)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def processes(self) -> list[psutil.Process]:
        """The program, and all that it has started."""
        panes = subprocess.run(
            self._command("list-panes", "-a", "-F", "#{pane_pid}"),
            check=False,
            capture_output=True,
            timeout=60,
        )
        found: list[psutil.Process] = []
        for pid in map(int, panes.stdout.split()):
            with suppress(psutil.NoSuchProcess):
                program = psutil.Process(pid)
                found += [program, *program.children(recursive=True)]
        return found

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(self._command(*arguments), check=True, capture_output=True, timeout=60)
        return done.stdout.decode(errors="replace")

    def _command(self, *arguments: str) -> list[str]:
        return ["tmux", "-S", str(self._socket), *arguments]


@contextmanager
def terminal(folder: Path) -> Iterator[TerminalSession]:
    """A terminal whose socket lies in ``folder``; what runs in it is ended with it."""
    if shutil.which("tmux") is None:
        raise FileNotFoundError("there is no tmux on the PATH: install it (Debian: apt-get install tmux).")
    session = TerminalSession(folder / "tmux")
    try:
        yield session
    finally:
        session.close()
