"""A real Emacs in a real terminal with the real package: keys go in through tmux, as from a person.

What is on the screen comes from tmux; what Emacs knows comes through its own server socket.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from .fetch_emacs import Emacs
from .terminal_session import TerminalSession

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parents[1] / "editors" / "emacs"
PROBE = HERE / "emacs_probe.el"
START_TIMEOUT_S = 120.0
READY_TIMEOUT_S = 480.0
GHOST_TIMEOUT_S = 60.0
KEY_TIMEOUT_S = 30.0
POLL_S = 0.02
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}

NO_TMUX = shutil.which("tmux") is None and os.environ.get("CI") != "true"
"""Whether tests have to be skipped for want of a terminal. CI must have one: there they fail."""

T = TypeVar("T")


def quote(value: object) -> str:
    """A Python value as Emacs Lisp: strings, numbers, truth values, and lists of them."""
    if value is None or value is False:
        return "nil"
    if value is True:
        return "t"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "'(" + " ".join(quote(each).removeprefix("'") for each in value) + ")"
    return str(value)


class Screen(TerminalSession):
    """A terminal of any size that tells where its cursor is and how its lines look."""

    def resize(self, columns: int, rows: int) -> None:
        self._tmux(
            "set-option", "-g", "status", "off", ";", "resize-window", "-x", str(columns), "-y", str(rows)
        )

    def styled(self) -> list[str]:
        """The lines with ANSI escapes."""
        return self._tmux("capture-pane", "-e", "-p", "-N").splitlines()

    def cursor(self) -> tuple[int, int]:
        """Column and row, both from 0."""
        column, row = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(row)


class EmacsSession:
    """One running Emacs and the terminal that shows it."""

    def __init__(self, screen: Screen, client: Path, socket: Path) -> None:
        self.terminal = screen
        self._client = [str(client), "--socket-name", str(socket), "--eval"]

    def lisp(self, form: str) -> Any:
        """The value of a form, evaluated in the buffer on the screen."""
        command = [*self._client, f"(probe-send {form})"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if answer.returncode != 0:
            raise AssertionError(f"{form}: {answer.stdout} {answer.stderr}")
        return json.loads(base64.b64decode(answer.stdout.strip().strip('"')))

    def tell(self, form: str) -> None:
        """Evaluate a form and wait for no value: Emacs may end by it."""
        subprocess.run([*self._client, form], capture_output=True, timeout=120, check=False)

    def open(self, path: Path, content: str | bytes) -> None:
        """Write a file, open it alone, and wait until the server knows it."""
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.press("C-g")
        self.lisp(f"(probe-open {quote(str(path))})")
        self.wait("the server to know the file", lambda: self.lisp("(and (byte-lsp--open-document) t)"))

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's names: ``Tab``, ``M-f``, ``C-g``."""
        self.terminal.press(*keys)

    def type(self, text: str) -> None:
        """Type characters, one key each."""
        self.terminal.type(text)

    def type_at_end(self, text: str) -> None:
        """Append text to the buffer by keys."""
        self.lisp("(goto-char (point-max))")
        self.type(text)
        self.wait_for_line(lambda line: line.endswith(text))

    def line(self) -> str:
        return str(self.lisp("(probe-line)"))

    def text(self) -> str:
        """The buffer's whole text."""
        return str(self.lisp("(save-restriction (widen) (buffer-string))"))

    def column(self) -> int:
        """Characters before point on its line."""
        return int(self.lisp("(- (point) (pos-bol))"))

    def cursor(self) -> tuple[int, int]:
        """The terminal's cursor: column and row, both from 0."""
        return self.terminal.cursor()

    def ghost(self) -> str | None:
        """The ghost text of the window with the cursor."""
        shown = self.lisp("(probe-ghost)")
        return None if shown is None else str(shown["text"])

    def counters(self) -> Counter[str]:
        """The server's counters."""
        return Counter(self.lisp("(probe-counters)") or {})

    def screen(self) -> str:
        """The terminal's screen."""
        return self.terminal.screen()

    def frames(self) -> list[tuple[str, str]]:
        """Line and ghost text of each time that the screen was drawn since ``(probe-record)``."""
        return [(line, ghost) for line, ghost in self.lisp("(probe-recorded)")]

    def wait_until_ready(self) -> None:
        """Wait until the model is loaded and the server says so."""
        self.wait(
            "the model", lambda: self.lisp("(probe-state)") in {"ready", "busy", "degraded"}, READY_TIMEOUT_S
        )

    def wait_for_ghost(self, fits: Callable[[str], bool] = bool) -> str:
        return self.wait(
            "ghost text", lambda: text if (text := self.ghost()) and fits(text) else None, GHOST_TIMEOUT_S
        )

    def wait_for_no_ghost(self) -> None:
        self.wait("the ghost text to go", lambda: self.ghost() is None)

    def wait_for_line(self, fits: Callable[[str], bool]) -> str:
        return self.wait("the line", lambda: line if fits(line := self.line()) else None)

    def wait_for_screen(self, fits: Callable[[str], bool]) -> str:
        return self.terminal.wait_for_screen("the screen", fits, KEY_TIMEOUT_S)

    def wait(self, what: str, look: Callable[[], T | None], timeout_s: float = KEY_TIMEOUT_S) -> T:
        """Look until there is something to see. Errors: ``AssertionError`` with the screen on timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            seen = look()
            if seen:
                return seen
            time.sleep(POLL_S)
        raise AssertionError(
            f"waited {timeout_s:.0f} s for {what}; line {self.line()!r}, ghost {self.ghost()!r}, on screen:\n"
            f"{self.screen()}\n{self.lisp('(probe-messages)')}"
        )


@contextmanager
def start_emacs(
    emacs: Emacs,
    folder: Path,
    setup: str,
    packages: tuple[Path, ...] = (),
    arguments: tuple[str, ...] = ("-Q",),
) -> Iterator[EmacsSession]:
    """Start Emacs in a terminal, with byte-lsp.el at hand, and evaluate ``setup``.

    ``folder`` takes the sockets and must have a short path; ``packages`` go on the load path. There is no
    other configuration unless ``arguments`` say so.
    """
    screen = Screen(folder / "tmux")
    socket = folder / "emacs"
    folders = [f"--directory={path}" for path in (PACKAGE, *packages)]
    start = f"(progn {setup} (probe-start {quote(str(folder))}))"
    command = [str(emacs.executable), "-nw", *arguments, *folders, "-l", str(PROBE), "--eval", start]
    try:
        screen.start(command, cwd=folder, environment=TERMINAL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not socket.exists():
            if time.monotonic() > deadline:
                raise AssertionError(f"Emacs does not start; on screen:\n{screen.screen()}")
            time.sleep(POLL_S)
        session = EmacsSession(screen, emacs.client, socket)
        try:
            yield session
        finally:
            stop(session)
    finally:
        screen.close()


def stop(session: EmacsSession) -> None:
    """Leave Emacs as a person would, without being asked; the server is shut down with it."""
    session.tell("(progn (setq kill-emacs-query-functions nil) (kill-emacs))")
