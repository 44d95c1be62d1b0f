"""Take the pictures of VS Code in docs/: real ghost text in a real VS Code, then the text that was accepted.

    python -m tests.editors.screenshot_vscode docs/vscode.png docs/vscode-accepted.png

The window is that of the tests, smaller and with everything shut but the editor.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from .fetch_vscode import FetchError, fetch_vscode
from .vscode_build import build_vsix
from .vscode_session import VsCodeSession, start_browser, start_vscode

WIDTH, HEIGHT = 760, 330
COLORS = 128
FILE_TEXT = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
TYPED = "self.ite"
SETTINGS = {
    "byteLsp.suggest.deadline_ms": 60000,
    "byteLsp.suggest.confidence": 0,
    "editor.fontSize": 15,
    "editor.cursorBlinking": "solid",
    "editor.folding": False,
    "editor.guides.indentation": False,
    "breadcrumbs.enabled": False,
    "window.menuBarVisibility": "hidden",
    "window.commandCenter": False,
    "workbench.activityBar.location": "hidden",
    "workbench.layoutControl.enabled": False,
    "workbench.sideBar.location": "left",
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not all(path.endswith(".png") for path in arguments):
        print("usage: screenshot_vscode.py GHOST.png ACCEPTED.png", file=sys.stderr)
        return 2
    try:
        take_pictures(Path(arguments[0]), Path(arguments[1]))
    except FetchError as error:
        print(f"screenshot_vscode: {error}", file=sys.stderr)
        return 1
    return 0


def take_pictures(ghost_picture: Path, accepted_picture: Path) -> None:
    vscode = fetch_vscode()
    with TemporaryDirectory(prefix="byte-lsp-vscode-") as folder:
        home = Path(folder)
        vsix = build_vsix(home / "byte-lsp.vsix")
        with start_browser(vscode) as browser, start_vscode(vscode, browser, vsix, home, SETTINGS) as window:
            window.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            window.command("workbench.action.closeSidebar")
            window.wait_until_ready()
            window.open(home / "workspace" / "stack.py", FILE_TEXT)
            window.type(TYPED)
            ghost = window.wait_for_ghost()
            window.wait("the model to be at rest", lambda: "busy" not in window.status_bar())
            window.command("notifications.clearAll")
            window.focus()
            save_picture(window, ghost_picture)
            window.press("Tab")
            window.wait_for_line(lambda line: line.endswith(TYPED + ghost.split("\n")[0]))
            save_picture(window, accepted_picture)
    print(f"{ghost_picture} {accepted_picture}: {TYPED}|{ghost}")


def save_picture(window: VsCodeSession, path: Path) -> None:
    """The window as it is, in so few colours that the file is small."""
    picture = Image.open(BytesIO(window.page.screenshot(animations="disabled", caret="initial")))
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
