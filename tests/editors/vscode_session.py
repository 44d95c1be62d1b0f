"""A real VS Code with the real extension, driven as a person would: keys, and what is on the screen.

VS Code is code-server, seen in a headless Chromium. What a screen does not tell (the bytes of a buffer, the
cursor) is asked of the extension host, through a small extension of the tests' own: ``vscode_probe``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from .fetch_vscode import VsCode
from .lsp_tee import Heard, read_log

ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).resolve().parent / "vscode_probe"
TEE = (sys.executable, "-m", "tests.editors.vscode_tee")
SERVER = (sys.executable, "-m", "byte_lsp")

START_TIMEOUT_S = 240.0
READY_TIMEOUT_S = 480.0
GHOST_TIMEOUT_S = 60.0
KEY_TIMEOUT_S = 30.0
POLL_S = 0.03

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)

USER_SETTINGS: dict[str, Any] = {
    "telemetry.telemetryLevel": "off",
    "update.mode": "none",
    "extensions.autoCheckUpdates": False,
    "extensions.autoUpdate": False,
    "extensions.ignoreRecommendations": True,
    "workbench.enableExperiments": False,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "workbench.settings.enableNaturalLanguageSearch": False,
    "chat.disableAIFeatures": True,
    "git.enabled": False,
    "security.workspace.trust.enabled": False,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off", "comments": "off", "strings": "off"},
    "editor.suggestOnTriggerCharacters": False,
    "editor.parameterHints.enabled": False,
    "editor.stickyScroll.enabled": False,
    "editor.renderWhitespace": "none",
    "editor.unicodeHighlight.ambiguousCharacters": False,
    "editor.unicodeHighlight.invisibleCharacters": False,
    "files.autoSave": "off",
    "files.insertFinalNewline": False,
}

READ_GHOST = """
() => {
  const editor = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
  if (!editor) return '';
  const read = (node) => node.textContent.replaceAll('\\u00a0', ' ').replaceAll('\\u200c', '');
  const inline = [...editor.querySelectorAll('[class*="ghost-text-decoration"]')].map(read).join('');
  const below = [...editor.querySelectorAll('.suggest-preview-text .view-line')]
    .sort((one, other) => one.offsetTop - other.offsetTop).map(read);
  return [inline, ...below].join('\\n');
}
"""
"""The ghost text of the focused editor as it is drawn: behind the cursor, then the lines below."""

RECORD = """
(start) => {
  const read = (node) => node.textContent.replaceAll('\\u00a0', ' ').replaceAll('\\u200c', '');
  const editor = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
  window.byteLspRecord?.stop();
  const record = window.byteLspRecord = { frames: [], keys: [] };
  let going = true;
  const look = (at) => {
    const line = [...editor.querySelectorAll('.view-lines .view-line')]
      .filter((each) => read(each).startsWith(start))
      .sort((one, other) => one.offsetTop - other.offsetTop).at(-1);
    const parts = line ? [...line.querySelectorAll('[class*="ghost-text-decoration"]')] : [];
    const ghost = parts.map(read).join('');
    const shown = line ? read(line) : '';
    const last = record.frames.at(-1);
    if (!last || last.shown !== shown || last.ghost !== ghost) record.frames.push({ at, shown, ghost });
    if (going) requestAnimationFrame(() => look(performance.now()));
  };
  const note = (event) => record.keys.push({ at: performance.now(), key: event.key });
  window.addEventListener('keydown', note, true);
  record.stop = () => {
    going = false;
    window.removeEventListener('keydown', note, true);
  };
  look(performance.now());
}
"""
"""From now on, write down each frame in which the last line that begins so, or its ghost text, is another."""

CLOSE_ALL = """
for (let left = 20; left && vscode.window.tabGroups.all.some((group) => group.tabs.length); left--) {
  await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
}
"""
"""Close every editor; what is unsaved is given up, and nobody is asked."""

T = TypeVar("T")


def wait_until(
    what: str,
    look: Callable[[], T | None],
    timeout_s: float = KEY_TIMEOUT_S,
    describe: Callable[[], str] = str,
) -> T:
    """Look until there is something to see. Errors: ``AssertionError`` with ``describe()`` on timeout."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; {describe()}")
        time.sleep(POLL_S)


class Probe:
    """The tests' end of the line to the extension host."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(START_TIMEOUT_S)
        self._connection: socket.socket | None = None
        self._count = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def accept(self) -> None:
        """Wait for the extension host, and forget an earlier one."""
        if self._connection is not None:
            self._connection.close()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(START_TIMEOUT_S)
        self._replies = self._connection.makefile("r", encoding="utf-8")

    def run(self, code: str, *arguments: Any) -> Any:
        """What the body of an async function of ``vscode`` and ``args`` returns."""
        assert self._connection is not None
        self._count += 1
        message = {"id": self._count, "code": code, "arguments": arguments}
        self._connection.sendall(json.dumps(message).encode() + b"\n")
        reply = json.loads(self._replies.readline())
        if "error" in reply:
            raise AssertionError(f"VS Code answers {reply['error']} to {code}")
        return reply["value"]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._listener.close()


class VsCodeSession:
    """One window of VS Code."""

    def __init__(self, page: Page, probe: Probe, home: Path) -> None:
        self.page = page
        self.probe = probe
        self.log = home / "messages.jsonl"
        self.hold = home / "hold"

    def run(self, code: str, *arguments: Any) -> Any:
        return self.probe.run(code, *arguments)

    def command(self, name: str, *arguments: Any) -> Any:
        return self.run("return vscode.commands.executeCommand(...args)", name, *arguments)

    def open(
        self, path: Path, content: str, row: int | None = None, column: int = 0, *, beside: bool = False
    ) -> None:
        """Write a file and open it, with nothing else open unless it goes ``beside`` what is.

        The cursor goes to ``row`` and ``column``, in code points, or to the end of the text.
        """
        path.write_bytes(content.encode())
        if not beside:
            self.run(CLOSE_ALL)
        self.run(
            """
            const [path, row, column, beside] = args;
            const document = await vscode.workspace.openTextDocument(path);
            const viewColumn = beside ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active;
            const editor = await vscode.window.showTextDocument(document, { preview: false, viewColumn });
            const end = document.lineAt(document.lineCount - 1).range.end;
            const units = row === null ? 0 : [...document.lineAt(row).text].slice(0, column).join('').length;
            const at = row === null ? end : new vscode.Position(row, units);
            editor.selection = new vscode.Selection(at, at);
            editor.revealRange(editor.selection);
            """,
            str(path),
            row,
            column,
            beside,
        )
        name = path.name
        self.page.wait_for_selector(
            f'.editor-group-container.active .tab.active[data-resource-name="{name}"]'
        )
        self.focus()

    def refill(self, content: str, row: int, column: int) -> None:
        """Replace the text of the open file, and put the cursor at ``row`` and ``column``, in code points.

        VS Code may suggest something there by itself; that is dismissed.
        """
        self.run(
            """
            const [content, row, column] = args;
            const editor = vscode.window.activeTextEditor;
            const all = new vscode.Range(0, 0, editor.document.lineCount, 0);
            await editor.edit((edit) => edit.replace(all, content));
            const units = [...editor.document.lineAt(row).text].slice(0, column).join('').length;
            editor.selection = new vscode.Selection(row, units, row, units);
            editor.revealRange(editor.selection);
            """,
            content,
            row,
            column,
        )
        self.focus()

        def dismissed() -> bool:
            self.command("editor.action.inlineSuggest.hide")
            return not self.ghost()

        self.wait("the ghost text to go", dismissed)

    def focus(self) -> None:
        """Give the editor the keyboard, once the window has done all that it was told before."""
        self.command("workbench.action.focusActiveEditorGroup")
        self.page.wait_for_selector(".editor-group-container.active .monaco-editor.focused")

    def press(self, *keys: str) -> None:
        """Press keys by their names in Playwright: ``Tab``, ``Control+ArrowRight``."""
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def text(self) -> str:
        return str(self.run("return vscode.window.activeTextEditor?.document.getText() ?? ''"))

    def line(self) -> str:
        """The line that the cursor is in."""
        code = (
            "const e = vscode.window.activeTextEditor; return e.document.lineAt(e.selection.active.line).text"
        )
        return str(self.run(code))

    def cursor(self) -> tuple[int, int]:
        """Row and column, from 0, in UTF-16 units."""
        code = "const at = vscode.window.activeTextEditor.selection.active; return [at.line, at.character]"
        row, column = self.run(code)
        return int(row), int(column)

    def ghost(self) -> str:
        """The ghost text on the screen, or nothing."""
        return str(self.page.evaluate(READ_GHOST))

    def status(self) -> dict[str, Any]:
        """What the server says of itself, or nothing while it does not run."""
        return dict(self.command("byteLsp._status") or {})

    def counters(self) -> Counter[str]:
        """What the server has counted; what never happened is missing there."""
        return Counter(self.status()["counters"])

    def quiet_counters(self) -> Counter[str]:
        """The counters once the model does nothing any more: the same twice, half a second apart."""
        before = self.counters()

        def settled() -> Counter[str] | None:
            nonlocal before
            time.sleep(0.5)
            now, earlier = self.counters(), before
            before = now
            return now if now == earlier else None

        return self.wait("the model to be at rest", settled, GHOST_TIMEOUT_S)

    def status_bar(self) -> str:
        """What the status bar says of byte-lsp, for eyes and for screen readers."""
        item = self.page.query_selector('[id="byte-lsp.byte-lsp.byteLsp.status"]')
        return "" if item is None else str(item.get_attribute("aria-label"))

    def is_up(self) -> bool:
        """Whether the status bar says that suggestions are made, perhaps slower than elsewhere."""
        return self.status_bar().startswith(("byte-lsp: ready", "byte-lsp: busy", "byte-lsp: degraded"))

    def wait_until_ready(self) -> None:
        self.wait("the model", self.is_up, READY_TIMEOUT_S)

    def wait_for_ghost(self, fits: Callable[[str], bool] = bool) -> str:
        def look() -> str | None:
            ghost = self.ghost()
            return ghost if ghost and fits(ghost) else None

        return self.wait("ghost text", look, GHOST_TIMEOUT_S)

    def wait_for_no_ghost(self) -> None:
        self.wait("the ghost text to go", lambda: not self.ghost())

    def wait_for_line(self, fits: Callable[[str], bool]) -> str:
        return self.wait("the line", lambda: line if fits(line := self.line()) else None)

    def wait(self, what: str, look: Callable[[], T | None], timeout_s: float = KEY_TIMEOUT_S) -> T:
        return wait_until(what, look, timeout_s, self.describe)

    def describe(self) -> str:
        """What a person would see: for messages of failed tests."""
        picture = self.log.with_name("failure.png")
        with suppress(PlaywrightTimeout):
            self.page.screenshot(path=picture)
        editor = self.run("return vscode.window.activeTextEditor?.document.getText().slice(-300) ?? null")
        return f"text {editor!r}, ghost {self.ghost()!r}, status {self.status_bar()!r}, picture {picture}"

    def heard(self) -> list[Heard]:
        """The messages between VS Code and the server so far."""
        return read_log(self.log)

    def requests(self, method: str) -> list[dict[str, Any]]:
        """The parameters of what VS Code sent under that method, in order."""
        sent = (heard.message for heard in self.heard() if heard.to == "server")
        return [message["params"] for message in sent if message.get("method") == method]

    def last_items(self) -> list[dict[str, Any]]:
        """The items of the server's answer for the place where the cursor is, once it has come."""
        return items_of(self.last_answer("editor"))

    def last_answer(self, to: str) -> dict[str, Any]:
        """The server's answer, with items, for the place where the cursor is, once it has come so far."""

        def look() -> dict[str, Any] | None:
            row, column = self.cursor()
            here = {"line": row, "character": column}
            version = self.run("return vscode.window.activeTextEditor.document.version")
            current, asked, answer = 0, None, None
            for heard in self.heard():
                message, params = heard.message, heard.message.get("params") or {}
                if message.get("method") in {"textDocument/didOpen", "textDocument/didChange"}:
                    current = params["textDocument"]["version"]
                elif message.get("method") == "textDocument/inlineCompletion":
                    is_here = current == version and params["position"] == here
                    asked = message["id"] if is_here else None
                elif heard.to == to and "method" not in message and message.get("id") == asked:
                    answer = message
            return answer if answer and items_of(answer) else None

        return self.wait("the server's answer", look)

    @contextmanager
    def holding(self) -> Iterator[Holding]:
        """Meanwhile the server's suggestions do not reach VS Code, but for those that are let go."""
        self.hold.touch()
        try:
            yield Holding(self, self.hold)
        finally:
            self.hold.unlink()

    def record(self, start: str) -> None:
        """From now on, write down what each frame shows of the line that begins so."""
        self.page.evaluate(RECORD, start)

    def recorded(self) -> dict[str, Any]:
        """What was written down: ``frames`` with what was shown, of that what is ghost text, and ``keys``.

        The screen comes behind the extension host, and on a busy machine far behind: wait for what is to be
        there, with ``wait_for_frame``.
        """
        return dict(self.page.evaluate("() => ({ frames: byteLspRecord.frames, keys: byteLspRecord.keys })"))

    def wait_for_frame(self, fits: Callable[[dict[str, Any]], bool], since: int = 0) -> dict[str, Any]:
        """The first frame that fits, of those behind the first ``since``."""
        return self.wait("a frame", lambda: next(filter(fits, self.recorded()["frames"][since:]), None))


@dataclass(frozen=True, slots=True)
class Holding:
    """The server's suggestions are kept from VS Code."""

    session: VsCodeSession
    file: Path

    def wait(self) -> dict[str, Any]:
        """The answer, with items, for the place where the cursor is."""
        return self.session.last_answer("held")

    def release(self, answer: dict[str, Any]) -> None:
        """Let this one go; returns when VS Code has done with it what it does, and drawn that."""
        with self.file.open("a") as file:
            print(answer["id"], file=file)
        session = self.session
        session.wait("the answer to go", lambda: answer in messages_to(session, "editor"))
        session.status()  # comes behind it from the server, and the next in the editor
        session.focus()
        session.page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )


def items_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    result = answer.get("result") or []
    return list(result if isinstance(result, list) else result["items"])


def messages_to(session: VsCodeSession, to: str) -> list[dict[str, Any]]:
    return [heard.message for heard in session.heard() if heard.to == to]


@contextmanager
def start_vscode(
    vscode: VsCode,
    browser: Browser,
    vsix: Path,
    home: Path,
    settings: Mapping[str, Any],
    *,
    workspace: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[VsCodeSession]:
    """Start code-server, with the extension in a fresh profile below ``home``, and see it in the browser.

    ``variables`` are in its environment in place of the tests' own.
    """
    workspace = workspace or home / "workspace"
    workspace.mkdir(parents=True, exist_ok=True)
    write_settings(home, {**USER_SETTINGS, "byteLsp.server.command": tee_command(home), **settings})
    install_extensions(vscode, home, vsix, pack_probe(home / "probe.vsix"))
    changed = {"PYTHONPATH": python_path(), **(variables or {})}
    with (
        closing(Probe()) as probe,
        code_server(vscode, home, BYTE_LSP_PROBE_PORT=str(probe.port), **changed) as port,
        closing(browser.new_page(viewport={"width": 1000, "height": 640})) as page,
    ):
        page.goto(f"http://127.0.0.1:{port}/?folder={workspace}", timeout=START_TIMEOUT_S * 1e3)
        probe.accept()
        page.wait_for_selector(".monaco-workbench", timeout=START_TIMEOUT_S * 1e3)
        page.set_default_timeout(KEY_TIMEOUT_S * 1e3)
        yield VsCodeSession(page, probe, home)


def tee_command(home: Path) -> list[str]:
    """The server's command, with ``vscode_tee`` before it. It needs ``python_path``."""
    return [*TEE, str(home / "messages.jsonl"), str(home / "hold"), *SERVER]


def python_path() -> str:
    """Where Python finds this package, for a program that runs elsewhere."""
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))


def write_settings(home: Path, settings: Mapping[str, Any]) -> None:
    """Write the user's settings, and those of the machine: what is a machine's own is read there alone."""
    machine = {key: value for key, value in settings.items() if key.startswith("byteLsp.server.")}
    for name, values in (("User", settings), ("Machine", machine)):
        path = home / "data" / name / "settings.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values, indent=2))


def pack_probe(target: Path) -> Path:
    """The tests' own extension as a .vsix."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in PROBE.iterdir():
            archive.write(path, f"extension/{path.name}")
    return target


def install_extensions(vscode: VsCode, home: Path, *vsixes: Path) -> None:
    """Install extensions with code-server's command line, as a user would."""
    wanted = [argument for vsix in vsixes for argument in ("--install-extension", str(vsix))]
    answer = subprocess.run(
        [*vscode.command, *folders(home), *wanted],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )
    if answer.returncode != 0:
        raise AssertionError(f"the extensions cannot be installed:\n{answer.stdout}{answer.stderr}")


def folders(home: Path) -> list[str]:
    data, extensions = home / "data", home / "extensions"
    return [
        "--user-data-dir",
        str(data),
        "--extensions-dir",
        str(extensions),
        "--config",
        str(home / "config.yaml"),
    ]


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of code-server; its state, and that of servers, goes below ``home``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("VSCODE_")}
    return {**inherited, "XDG_DATA_HOME": str(home / "share"), "BYTE_LSP_STATE": str(home / "state"), **more}


@contextmanager
def code_server(vscode: VsCode, home: Path, **variables: str) -> Iterator[int]:
    """A code-server on 127.0.0.1 alone; gives its port."""
    port = free_port()
    flags = [
        "--auth",
        "none",
        "--disable-telemetry",
        "--disable-update-check",
        "--disable-getting-started-override",
    ]
    command = [*vscode.command, *folders(home), *flags, "--bind-addr", f"127.0.0.1:{port}"]
    with (home / "code-server.log").open("w") as log:
        process = subprocess.Popen(
            command,
            env=environment(home, **variables),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until(
                "code-server", lambda: answers(port), START_TIMEOUT_S, (home / "code-server.log").read_text
            )
            yield port
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


@contextmanager
def start_browser(vscode: VsCode) -> Iterator[Browser]:
    """A headless Chromium. While it runs, no asyncio test can: Playwright keeps a loop of its own running."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=vscode.chromium, args=list(CHROMIUM_FLAGS))
        with closing(browser):
            yield browser


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
