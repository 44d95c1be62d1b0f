"""Make the README's pictures: real ghost text in a real Neovim in a real terminal, and the text accepted.

    python tests/editors/screenshot.py docs/ghost-text.svg docs/neovim-accepted.svg [--png]

Neovim runs in tmux with this project's plugin, server and default model. The pictures hold the cells and
the cursor as tmux reports them; nothing is drawn by hand but the window's frame. ``--png`` writes a PNG
beside each, and needs ``rsvg-convert``.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pynvim
from fetch_neovim import fetch_neovim
from neovim_session import PLUGIN, NeovimSession, stop, wait_until
from rich.color import ColorType
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

FILE_NAME = "stack.py"
FILE_TEXT = '''\
class Stack:
    """Last in, first out."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
TYPED = "self.ite"
COLUMNS, ROWS = 64, 10
LOOKS = (
    "set termguicolors number noruler noshowcmd laststatus=0 shortmess+=FI messagesopt=wait:0,history:100 "
    "fillchars=eob:\\ | highlight! link ComplHint Comment"
)

CELL_WIDTH, CELL_HEIGHT, FONT_SIZE, MARGIN, TITLE_HEIGHT = 9.03, 21.0, 15, 14.0, 34.0
FONTS = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
FOREGROUND, BACKGROUND, FRAME, TITLE = "#e0e2ea", "#14161b", "#2c2e33", "#9b9ea4"
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" \
font-family="{fonts}" font-size="{size}">
<title>{title}</title>
<rect width="100%" height="100%" rx="8" fill="{background}" stroke="{frame}"/>
<text x="50%" y="22" text-anchor="middle" font-size="13" fill="{title_color}">{file_name} - {program}</text>
{cells}
</svg>
"""


@dataclass(frozen=True, slots=True)
class Capture:
    """One screen: its lines with ANSI escapes, and the cursor's cell (both from 0)."""

    lines: tuple[str, ...]
    cursor_column: int
    cursor_row: int


class Terminal:
    """A tmux server of its own, with one window of fixed size."""

    def __init__(self, name: str) -> None:
        self.name = name

    def tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self.name, "-f", os.devnull, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout

    def start(self, command: list[str]) -> None:
        size = ("-x", str(COLUMNS), "-y", str(ROWS))
        self.tmux("new-session", "-d", *size, shlex.join(command), ";", "set", "-g", "status", "off")
        self.tmux("resize-window", *size)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def capture(self) -> Capture:
        column, row = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        lines = self.tmux("capture-pane", "-e", "-p", "-N").splitlines()
        return Capture(tuple(lines), int(column), int(row))

    def close(self) -> None:
        """End the tmux server, if its window has not ended already."""
        with suppress(subprocess.CalledProcessError):
            self.tmux("kill-server")


@contextmanager
def neovim_in_terminal(folder: Path) -> Iterator[tuple[Terminal, NeovimSession]]:
    """Neovim, a terminal that shows it and has its keyboard, and a connection to look at it from inside."""
    executable = str(fetch_neovim().executable)
    socket = folder / "nvim.sock"
    options = ["--clean", "--cmd", f"set runtimepath+={PLUGIN}", "--cmd", LOOKS]
    terminal = Terminal(f"byte-lsp-{os.getpid()}")
    with subprocess.Popen([executable, "--headless", "--listen", str(socket), *options]) as server:
        try:
            wait_until("Neovim to start", socket.exists)
            session = NeovimSession(pynvim.attach("socket", path=str(socket)))
            terminal.start([executable, "--server", str(socket), "--remote-ui"])
            session.wait("the terminal to show Neovim", session.nvim.api.list_uis)
            yield terminal, session
            stop(session)
        finally:
            server.kill()
            terminal.close()


def capture_both() -> tuple[Capture, Capture, str]:
    """Type into a real file, stop inside a token, wait, accept: two screens, and the ghost text."""
    with (
        tempfile.TemporaryDirectory() as folder,
        neovim_in_terminal(Path(folder)) as (terminal, session),
    ):
        session.setup({"cmd": [sys.executable, "-m", "byte_lsp"]})
        session.open(Path(folder) / FILE_NAME, FILE_TEXT)
        terminal.type("GA" + TYPED[:-1])
        session.wait_for_line(lambda line: line.endswith(TYPED[:-1]))
        session.wait_until_ready()
        session.nvim.command("echo ''")
        terminal.type(TYPED[-1])
        session.wait_for_line(lambda line: line.endswith(TYPED))
        ghost = session.wait_for_ghost()
        shown = take(terminal, session)
        terminal.type("\t")
        session.wait_for_line(lambda line: line.endswith(TYPED + ghost))
        session.nvim.command("ByteLsp disable")  # what would follow is not what was accepted
        return shown, take(terminal, session), ghost


def take(terminal: Terminal, session: NeovimSession) -> Capture:
    """The terminal's screen, once it shows what Neovim has drawn, cursor included."""
    wanted = session.screen()
    row, column = session.lua("return { vim.fn.screenrow() - 1, vim.fn.screencol() - 1 }")

    def look() -> Capture | None:
        capture = terminal.capture()
        lines = [Text.from_ansi(line).plain.rstrip() for line in capture.lines]
        is_drawn = lines == wanted and (capture.cursor_row, capture.cursor_column) == (row, column)
        return capture if is_drawn else None

    return session.wait("the terminal to show it", look)


def draw(capture: Capture, title: str, program: str = "nvim") -> str:
    """An SVG of the screen. Its texts are as wide as their cells, whatever font the reader has."""
    console = Console(color_system="truecolor", width=COLUMNS)
    cells: list[str] = []
    for row, line in enumerate(capture.lines):
        column = 0
        for segment in Text.from_ansi(line, no_wrap=True).render(console):
            cells += draw_segment(segment, row, column)
            column += segment.cell_length
    x, y = place(capture.cursor_row, capture.cursor_column)
    cells.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="2" height="{CELL_HEIGHT}" fill="{FOREGROUND}"/>')
    width, height = place(ROWS, COLUMNS)
    return SVG.format(
        width=width + MARGIN,
        height=height + MARGIN,
        fonts=FONTS,
        size=FONT_SIZE,
        title=escape(title),
        background=BACKGROUND,
        frame=FRAME,
        title_color=TITLE,
        file_name=FILE_NAME,
        program=program,
        cells="\n".join(cells),
    )


def place(row: int, column: int) -> tuple[float, float]:
    """The upper left corner of a cell."""
    return MARGIN + column * CELL_WIDTH, TITLE_HEIGHT + row * CELL_HEIGHT


def draw_segment(segment: Segment, row: int, column: int) -> Iterator[str]:
    style = segment.style or Style.null()
    x, y = place(row, column)
    background = hex_color(style, of_background=True)
    if background not in {None, BACKGROUND}:
        size = f'width="{segment.cell_length * CELL_WIDTH:.1f}" height="{CELL_HEIGHT}"'
        yield f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{background}"/>'
    text = segment.text.rstrip()
    if text.strip():
        weight = "bold" if style.bold else "normal"
        yield (
            f'<text x="{x:.1f}" y="{y + FONT_SIZE:.1f}" xml:space="preserve" font-weight="{weight}" '
            f'textLength="{len(text) * CELL_WIDTH:.1f}" fill="{hex_color(style) or FOREGROUND}">'
            f"{escape(text)}</text>"
        )


def hex_color(style: Style, *, of_background: bool = False) -> str | None:
    color = style.bgcolor if of_background else style.color
    if color is None or color.type is ColorType.DEFAULT:
        return None
    return color.get_truecolor().hex


def write_png(svg: Path, png: Path) -> None:
    if shutil.which("rsvg-convert") is None:
        raise SystemExit("screenshot: a PNG needs rsvg-convert (Debian: apt-get install librsvg2-bin)")
    subprocess.run(["rsvg-convert", "--zoom", "2", "--output", png, svg], check=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="screenshot.py", description="Make pictures of Neovim.")
    parser.add_argument("ghost", type=Path, metavar="GHOST.svg")
    parser.add_argument("accepted", type=Path, metavar="ACCEPTED.svg")
    parser.add_argument("--png", action="store_true", help="write PNG files too")
    chosen = parser.parse_args(arguments)
    if shutil.which("tmux") is None:
        raise SystemExit("screenshot: no tmux (Debian: apt-get install tmux)")
    shown, accepted, ghost = capture_both()
    for path, capture, title in (
        (chosen.ghost, shown, f"After {TYPED!r}, Neovim shows {ghost!r} as ghost text"),
        (chosen.accepted, accepted, f"Tab has put {ghost!r} behind {TYPED!r}"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(draw(capture, title), encoding="utf-8")
        if chosen.png:
            write_png(path, path.with_suffix(".png"))
    print(f"{chosen.ghost} {chosen.accepted}: {TYPED}|{ghost}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
