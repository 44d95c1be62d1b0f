"""Make docs/emacs.svg and docs/emacs-accepted.svg: real ghost text in a real Emacs, and the text accepted.

    PYTHONPATH=. python tests/editors/emacs_screenshot.py docs/emacs.svg docs/emacs-accepted.svg [--png]

Emacs runs in tmux with this project's package, server and default model. What is in the pictures is what tmux
reports, as in ``screenshot.py``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.text import Text
from screenshot import (
    BACKGROUND,
    COLUMNS,
    FILE_NAME,
    FILE_TEXT,
    FOREGROUND,
    ROWS,
    TYPED,
    Capture,
    draw,
    write_png,
)

from tests.editors.emacs_session import EmacsSession, quote, start_emacs
from tests.editors.fetch_emacs import fetch_emacs

LOOKS = f"""
(menu-bar-mode -1)
(load-theme 'modus-vivendi t)
(set-face-attribute 'default nil :foreground "{FOREGROUND}" :background "{BACKGROUND}")
(set-face-attribute 'byte-lsp-ghost nil :foreground "#8a8f98")
(setq create-lockfiles nil inhibit-message t)
(blink-cursor-mode -1)
"""


def capture_both() -> tuple[Capture, Capture, str]:
    """Type into a real file, stop inside a token, wait, accept: two screens, and the ghost text."""
    command = quote([sys.executable, "-m", "byte_lsp"])
    setup = f"(setq byte-lsp-command {command}) {LOOKS} (global-byte-lsp-mode)"
    with tempfile.TemporaryDirectory(prefix="emacs-") as name:
        folder = Path(name).resolve()
        with start_emacs(fetch_emacs(), folder, setup) as session:
            session.terminal.resize(COLUMNS, ROWS)
            session.open(folder / FILE_NAME, FILE_TEXT)
            session.wait_until_ready()
            session.type_at_end(TYPED)
            ghost = session.wait_for_ghost()
            line = f"{FILE_TEXT.splitlines()[-1]}{TYPED}{ghost}"
            shown = take(session, line, column=len(line) - len(ghost))
            session.lisp("(progn (setq byte-lsp-inhibit-functions '(always)) t)")  # show no further one
            session.press("Tab")
            session.wait_for_line(lambda found: found == line)
            return shown, take(session, line, column=len(line)), ghost


def take(session: EmacsSession, line: str, column: int) -> Capture:
    """The terminal's screen, once a line of it reads so and the cursor is there."""

    def look() -> Capture | None:
        lines = session.terminal.styled()
        at, row = session.terminal.cursor()
        is_drawn = at == column and Text.from_ansi(lines[row]).plain.rstrip() == line
        return Capture(tuple(lines), at, row) if is_drawn else None

    return session.wait("the terminal to show it", look)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="emacs_screenshot.py", description="Make pictures of Emacs.")
    parser.add_argument("ghost", type=Path, metavar="GHOST.svg")
    parser.add_argument("accepted", type=Path, metavar="ACCEPTED.svg")
    parser.add_argument("--png", action="store_true", help="write PNG files too")
    chosen = parser.parse_args(arguments)
    if shutil.which("tmux") is None:
        raise SystemExit("emacs_screenshot: no tmux (Debian: apt-get install tmux)")
    shown, accepted, ghost = capture_both()
    for path, capture, title in (
        (chosen.ghost, shown, f"After {TYPED!r}, Emacs shows {ghost!r} as ghost text"),
        (chosen.accepted, accepted, f"TAB has put {ghost!r} behind {TYPED!r}"),
    ):
        picture = draw(capture, title, "emacs -nw")
        path.write_text(picture, encoding="utf-8")
        if chosen.png:
            write_png(path, path.with_suffix(".png"))
    print(f"{chosen.ghost} {chosen.accepted}: {TYPED}|{ghost}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
