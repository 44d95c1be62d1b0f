"""VS Code, the extension, the server and SmolLM2 together: what a person sees and gets at the keyboard."""

from __future__ import annotations

import io
import json
import os
import shlex
import statistics
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from .cursor_texts import CASES, Case, accepted, document
from .fetch_vscode import FetchError, VsCode, fetch_vscode

if os.environ.get("CI") != "true":
    pytest.importorskip("playwright", reason="no playwright: pip install playwright")

from .vscode_build import EXTENSION, build_vsix
from .vscode_session import (
    READY_TIMEOUT_S,
    Browser,
    VsCodeSession,
    items_of,
    python_path,
    start_browser,
    start_vscode,
    tee_command,
    wait_until,
)

STACK = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
"""A file whose last line is an indentation: the tests type on from there."""

SERVER_SETTINGS = {
    "byteLsp.suggest.confidence": 0,
    "byteLsp.suggest.deadline_ms": 60000,  # a machine at work must not decide how much is shown
    "byteLsp.context.deadline_ms": 60000,
    "byteLsp.context.neighbours": False,  # nor files of other tests: VS Code keeps them open for a while
}

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def vscode() -> VsCode:
    """CI must have one: there a missing VS Code is a failure."""
    try:
        return fetch_vscode()
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no VS Code: {error}")


@pytest.fixture(scope="module")
def browser(vscode: VsCode) -> Iterator[Browser]:
    with start_browser(vscode) as started:
        yield started


@pytest.fixture(scope="module")
def vsix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_vsix(tmp_path_factory.mktemp("vsix") / "byte-lsp.vsix")


@pytest.fixture(scope="module")
def ready_window(
    vscode: VsCode, browser: Browser, vsix: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VsCodeSession]:
    """One window for the module, so that the model is loaded once."""
    home = tmp_path_factory.mktemp("vscode")
    with start_vscode(vscode, browser, vsix, home, SERVER_SETTINGS) as session:
        session.wait_until_ready()
        yield session


@pytest.fixture
def window(ready_window: VsCodeSession, tmp_path: Path) -> VsCodeSession:
    """VS Code with a small file open, the cursor at its end."""
    ready_window.open(tmp_path / "stack.py", STACK)
    return ready_window


def test_the_status_bar_says_that_it_is_ready(window: VsCodeSession) -> None:
    window.wait("the status", window.is_up)
    assert "smollm2-135m-fim" in window.status_bar()


def test_ghost_text_finishes_the_word_at_the_cursor(window: VsCodeSession) -> None:
    window.type("self.ite")
    assert window.wait_for_ghost().startswith("ms")
    assert window.line() == "        self.ite"


def test_tab_inserts_the_ghost_text_and_puts_the_cursor_behind_it(window: VsCodeSession) -> None:
    window.type("self.ite")
    ghost = window.wait_for_ghost()
    window.press("Tab")
    line = window.wait_for_line(lambda line: not line.endswith("self.ite"))
    assert line == "        self.ite" + ghost
    assert window.cursor() == (7, len(line))


def test_the_server_is_told_of_an_acceptance(window: VsCodeSession) -> None:
    before = len(window.requests("workspace/executeCommand"))
    window.type("self.ite")
    window.wait_for_ghost()
    [item, *_] = window.last_items()
    window.press("Tab")
    window.wait("the command", lambda: len(window.requests("workspace/executeCommand")) > before)
    sent = window.requests("workspace/executeCommand")[-1]
    assert (sent["command"], sent["arguments"]) == (item["command"]["command"], item["command"]["arguments"])


def test_undo_takes_the_suggestion_back_and_leaves_what_was_typed(window: VsCodeSession) -> None:
    window.type("self.ite")
    ghost = window.wait_for_ghost()
    window.press("Tab")
    window.wait_for_line(lambda line: line.endswith(ghost))
    window.press("Control+z")
    assert window.wait_for_line(lambda line: not line.endswith(ghost)) == "        self.ite"


def test_accept_by_word_leaves_the_rest_on_the_screen(window: VsCodeSession) -> None:
    window.type("self.ite")
    ghost = window.wait_for_ghost(lambda ghost: len(ghost) > 4)
    told = len(window.requests("textDocument/didPartiallyAcceptCompletion"))
    window.press("Control+ArrowRight")
    line = window.wait_for_line(lambda line: not line.endswith("self.ite"))
    taken = line.removeprefix("        self.ite")
    assert ghost.startswith(taken)
    assert 0 < len(taken) < len(ghost)
    assert window.wait_for_ghost() == ghost[len(taken) :]
    window.wait("the server to be told", lambda: len(partial_accepts(window)) > told)
    assert partial_accepts(window)[-1]["acceptedLength"] == len(taken)
    window.press("Tab")
    assert window.wait_for_line(lambda line: line.endswith(ghost[-2:])) == "        self.ite" + ghost


def partial_accepts(window: VsCodeSession) -> list[dict[str, Any]]:
    return window.requests("textDocument/didPartiallyAcceptCompletion")


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["unix", "dos"])
def test_accept_by_line_leaves_the_lines_below_on_the_screen(
    window: VsCodeSession, tmp_path: Path, line_end: str
) -> None:
    text = STACK + "self.items.append(item)\n\n    def pop(self):"
    window.open(tmp_path / "block.py", text.replace("\n", line_end))
    window.press("Enter")
    window.command("editor.action.inlineSuggest.trigger")
    window.type("try")
    ghost = window.wait_for_ghost(lambda ghost: ghost.startswith(":") and "\n" in ghost)  # all keys are there
    first, *others = ghost.split("\n")
    row, _ = window.cursor()
    told = len(partial_accepts(window))
    window.press("Control+Alt+ArrowRight")
    text = window.wait("the line", lambda: f"try{first}" in (text := window.text()) and text)
    assert text.split(line_end)[row].endswith(f"try{first}")
    rest = window.wait_for_ghost()
    assert rest.split("\n")[-1].strip() == others[-1].strip()
    window.wait("the server to be told", lambda: len(partial_accepts(window)) > told)
    sent = partial_accepts(window)[-1]
    assert sent["item"]["insertText"][: sent["acceptedLength"]].endswith(first + line_end)


def test_typing_along_keeps_the_rest_on_the_screen_and_asks_the_model_nothing(window: VsCodeSession) -> None:
    window.type("self.ite")
    ghost = window.wait_for_ghost()
    whole = "        self.ite" + ghost
    before = window.quiet_counters()
    window.record("        self.ite")
    typed, rest = ghost[:-2], ghost[-2:]
    for key in typed:
        shown = len(window.recorded()["frames"])
        window.type(key)
        window.wait_for_frame(lambda frame: frame["ghost"] != "", since=shown)
        time.sleep(0.15)  # a quick typist's pace: each key is answered on its own
    window.wait_for_line(lambda line: line.startswith(whole.removesuffix(rest)))
    window.wait_for_frame(lambda frame: frame["ghost"] and rest.startswith(frame["ghost"]))
    record = window.recorded()
    after = window.quiet_counters()

    frames = record["frames"]
    assert len(frames) > len(typed)
    # what was typed, the rest, closers of VS Code's
    assert all(frame["shown"].startswith(whole) for frame in frames), frames
    assert all(frame["ghost"] for frame in frames), frames
    assert after["from_memory"] > before["from_memory"]
    assert after["asked"] == before["asked"]
    latencies = key_latencies_ms(record)
    print(f"\nkey to screen: median {statistics.median(latencies):.0f} ms, worst {max(latencies):.0f} ms")


def key_latencies_ms(record: dict[str, Any]) -> list[float]:
    """From each key to the first frame in which the ghost text is another."""
    changes = [
        now["at"]
        for before, now in zip(record["frames"], record["frames"][1:], strict=False)
        if now["ghost"] != before["ghost"]
    ]
    keys = [key["at"] for key in record["keys"]]
    return [next(at for at in changes if at >= key) - key for key in keys if any(at >= key for at in changes)]


def test_typing_something_else_hides_the_ghost_text_with_the_key(window: VsCodeSession) -> None:
    window.type("self.ite")
    window.wait_for_ghost()
    window.record("        self.ite")
    with window.holding():  # what follows the other text comes later
        window.type("x")
        frame = window.wait_for_frame(lambda frame: "itex" in frame["shown"])
    assert frame["shown"] == "        self.itex"


def test_escape_dismisses(window: VsCodeSession) -> None:
    window.type("self.ite")
    window.wait_for_ghost()
    window.press("Escape")
    window.wait_for_no_ghost()
    assert window.line() == "        self.ite"
    window.press("Tab")
    assert window.wait_for_line(lambda line: line != "        self.ite") == "        self.ite" + "    "


def test_tab_indents_where_nothing_is_shown(window: VsCodeSession, tmp_path: Path) -> None:
    window.open(tmp_path / "plain.py", "x = 1\n")
    window.press("Tab")
    assert window.wait_for_line(bool) == "    "


def test_tab_indents_while_a_suggestion_is_on_its_way(window: VsCodeSession) -> None:
    """Who presses Tab sees an empty line; what the server has to say about that line comes too late."""
    with window.holding() as held:
        window.press("Enter")
        answer = held.wait()
        indentation = window.line()
        window.press("Tab")
        indented = window.wait_for_line(lambda line: line != indentation)
        held.release(answer)
        assert window.line() == indented
        assert window.ghost() == ""
    assert indentation == " " * 8
    assert indented == " " * 12


@pytest.fixture(params=["    ", "\t"], ids=["spaces", "tabs"])
def blank_line(window: VsCodeSession, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """The first line of what is suggested where a line is to be indented, and is not yet."""
    window.open(tmp_path / "blank.py", STACK.rstrip(" ").replace("    ", request.param))
    window.command("editor.action.inlineSuggest.trigger")
    first_line, *_ = window.last_items()[0]["insertText"].splitlines()
    assert first_line.startswith(request.param * 2)
    wait_for_first_line(window, first_line.expandtabs(4))
    assert window.line() == ""
    return str(first_line)


def wait_for_first_line(window: VsCodeSession, text: str) -> None:
    window.wait_for_ghost(lambda ghost: ghost.partition("\n")[0] == text)


def test_tab_in_the_indentation_indents_as_far_as_the_suggestion_does(
    window: VsCodeSession, blank_line: str
) -> None:
    """VS Code's guard: what begins with as much white space as a Tab writes is not accepted by Tab."""
    told, before = len(partial_accepts(window)), window.quiet_counters()
    while blank_line.removeprefix(line := window.line()).startswith((" ", "\t")):
        indented = press_tab(window, line)
        assert not indented.strip()
        assert blank_line.startswith(indented)
        wait_for_first_line(window, blank_line.removeprefix(indented).expandtabs(4))
    after = window.quiet_counters()
    assert {key: after[key] for key in TAKEN} == {key: before[key] for key in TAKEN}
    assert len(partial_accepts(window)) == told
    press_tab(window, line)
    assert blank_line in window.text().splitlines()


TAKEN = ("asked", "accepted", "partly_accepted")


def press_tab(window: VsCodeSession, line: str) -> str:
    window.press("Tab")
    return window.wait_for_line(lambda now: now != line)


def test_without_that_guard_the_same_suggestion_is_accepted(window: VsCodeSession, blank_line: str) -> None:
    """The command that Tab runs where there is no guard."""
    window.command("editor.action.inlineSuggest.commit")
    window.wait("the line", lambda: blank_line in window.text().splitlines())


def do_nothing(window: VsCodeSession) -> None:
    pass


def type_on(window: VsCodeSession) -> None:
    window.type("x")
    window.wait_for_line(lambda line: line.endswith("itex"))


def delete(window: VsCodeSession) -> None:
    window.press("Backspace")
    window.wait_for_line(lambda line: line.endswith("self.it"))


def move_up(window: VsCodeSession) -> None:
    row, _ = window.cursor()
    window.press("ArrowUp")
    window.wait("the cursor", lambda: window.cursor()[0] == row - 1)


def insert_above(window: VsCodeSession) -> None:
    """As a formatter does, or another extension."""
    row, _ = window.cursor()
    insert = "(edit) => edit.insert(new vscode.Position(0, 0), 'import this\\n')"
    window.run(f"await vscode.window.activeTextEditor.edit({insert})")
    window.wait("the cursor", lambda: window.cursor()[0] == row + 1)


def join_lines(window: VsCodeSession) -> None:
    """The line of the cursor is another one then, and the old place may be beyond the file's end."""
    window.run(
        """
        const editor = vscode.window.activeTextEditor;
        const { line } = editor.selection.active;
        const above = editor.document.lineAt(line - 1).range.end;
        await editor.edit((edit) => edit.delete(new vscode.Range(above, new vscode.Position(line, 8))));
        """
    )
    window.wait_for_line(lambda line: line == "    def push(self, item):self.ite")


@pytest.mark.parametrize(
    "change",
    [do_nothing, type_on, delete, move_up, insert_above, join_lines],
    ids=lambda change: change.__name__,
)
def test_an_answer_for_an_older_text_or_place_is_neither_shown_nor_inserted(
    window: VsCodeSession, change: Callable[[VsCodeSession], None]
) -> None:
    """What language-server-protocol #1529 is about. Where nothing changed, the late answer is shown."""
    with window.holding() as held:
        window.type("self.ite")
        late = held.wait()
        change(window)
        text = window.text()
        window.record("")
        held.release(late)
        if change is do_nothing:
            [item, *_] = items_of(late)
            typed = window.cursor()[1] - item["range"]["start"]["character"]
            assert window.wait_for_ghost() == item["insertText"][typed:]
            return
        assert window.ghost() == ""
        window.press("Tab")
        window.wait("Tab", lambda: window.text() != text)
        assert "".join(window.text().split()) == "".join(text.split())
        assert {frame["ghost"] for frame in window.recorded()["frames"]} == {""}


def test_accepting_right_after_a_keystroke(window: VsCodeSession) -> None:
    window.type("self.ite")
    ghost = window.wait_for_ghost(lambda ghost: len(ghost) > 3)
    window.page.keyboard.press(ghost[0])
    window.page.keyboard.press("Tab")
    window.page.keyboard.press(";")
    assert window.wait_for_line(lambda line: line.endswith(";")) == f"        self.ite{ghost};"


def test_what_follows_the_cursor_is_neither_repeated_nor_deleted(
    window: VsCodeSession, tmp_path: Path
) -> None:
    before, behind = "        self.log(self.it", ")  # the items, all of them"
    text = f"{STACK.rstrip()}\n{before}{behind}\n"
    row = text.count("\n") - 1
    window.open(tmp_path / "within.py", text, row, len(before))
    window.type("e")
    ghost = window.wait_for_ghost()
    window.press("Control+ArrowRight")
    line = window.wait_for_line(lambda line: not line.startswith(f"{before}e)"))
    assert line.endswith(behind)
    assert line.startswith(before + "e")
    window.press("Control+z")
    window.wait_for_line(lambda line: line == f"{before}e{behind}")
    window.command("editor.action.inlineSuggest.trigger")
    window.wait_for_ghost()
    window.press("Tab")
    line = window.wait_for_line(lambda line: line != f"{before}e{behind}")
    assert line.count(behind) == 1
    assert line.endswith(behind)
    assert ghost


def test_beside_the_suggest_widget(window: VsCodeSession) -> None:
    window.type("self.it")
    window.wait_for_ghost()
    window.press("Control+Space")
    window.page.wait_for_selector(".suggest-widget.visible")
    window.wait("the popup's item to be told", lambda: any(map(selected_text, inline_requests(window))))
    selected = next(filter(None, map(selected_text, reversed(inline_requests(window)))))
    assert "        self.items".endswith(selected) or selected.startswith("it")
    window.press("Tab")
    assert window.wait_for_line(lambda line: not line.endswith("self.it")).startswith("        self.it")
    window.press("Escape")


def inline_requests(window: VsCodeSession) -> list[dict[str, Any]]:
    return window.requests("textDocument/inlineCompletion")


def selected_text(params: dict[str, Any]) -> str:
    selected = params["context"].get("selectedCompletionInfo")
    return str(selected["text"]) if selected else ""


def test_moving_around_costs_no_model_work(window: VsCodeSession) -> None:
    window.type("self.ite")
    window.wait_for_ghost()
    window.press("Escape")
    before = window.quiet_counters()
    for keys in (
        ["ArrowUp"] * 5,
        ["ArrowDown"] * 3,
        ["ArrowRight"] * 6,
        ["End", "Home"] * 3,
        ["Control+End"],
    ):
        window.press(*keys)
        time.sleep(0.2)
    after = window.quiet_counters()
    assert after["tokens_evaluated"] == before["tokens_evaluated"]
    assert after["asked"] == before["asked"]


def test_a_file_with_dos_line_ends_keeps_them(window: VsCodeSession, tmp_path: Path) -> None:
    path = tmp_path / "dos.py"
    window.open(path, STACK.replace("\n", "\r\n"))
    window.type("self.ite")
    ghost = window.wait_for_ghost()
    assert ghost.startswith("ms")
    window.press("Tab")
    window.wait_for_line(lambda line: line.endswith(ghost))
    window.press("Control+s")
    expected = f"{STACK}self.ite{ghost}".replace("\n", "\r\n").encode()
    window.wait("the file", lambda: path.read_bytes() == expected)


def test_each_of_two_windows_has_its_own_ghost_text(window: VsCodeSession, tmp_path: Path) -> None:
    window.type("self.ite")
    window.wait_for_ghost()
    window.open(tmp_path / "other.py", STACK, beside=True)
    window.type("self.items.app")
    ghost = window.wait_for_ghost(lambda ghost: ghost.startswith("end"))
    window.press("Tab")
    assert window.wait_for_line(lambda line: line.endswith(ghost)) == f"        self.items.app{ghost}"
    window.command("workbench.action.focusFirstEditorGroup")
    window.wait("the other window", lambda: window.line() == "        self.ite")
    assert window.text() == f"{STACK}self.ite"
    window.type("m")
    ghost = window.wait_for_ghost(lambda ghost: ghost.startswith("s"))
    window.press("Tab")
    window.wait("the text", lambda: window.text() == f"{STACK}self.item{ghost}")


@pytest.fixture(scope="module")
def cursor_file(ready_window: VsCodeSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that stays open while the cases go through it."""
    path = tmp_path_factory.mktemp("cursors") / "cursors.py"
    ready_window.open(path, "")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_accepted_file_has_the_expected_bytes(
    ready_window: VsCodeSession, cursor_file: Path, case: Case
) -> None:
    text, row, column = document(case)
    lines = text.split("\n")
    lines[row] = case.before[:-1] + case.after
    ready_window.refill("\n".join(lines), row, column - 1)
    ready_window.type(case.before[-1])
    ready_window.wait_for_ghost()
    [item, *_] = ready_window.last_items()
    expected = accepted(case, item)
    ready_window.press("Tab")
    ready_window.wait("the text", lambda: ready_window.text() == expected)
    ready_window.press("Control+s")
    ready_window.wait("the file", lambda: cursor_file.read_bytes() == expected.encode())
    assert expected != text


def test_the_comparison_shows_each_way_to_treat_the_cursor(window: VsCodeSession) -> None:
    window.type("self.ite")
    window.wait_for_ghost()
    window.command("byteLsp.compare")
    tree = window.page.wait_for_selector(".peekview-widget .ref-tree")
    assert tree is not None
    window.wait("the peek", lambda: "plain tokenization" in tree.inner_text())
    assert "exact" in tree.inner_text()
    window.press("Escape")


def test_the_toggle_turns_suggestions_off_and_on(window: VsCodeSession) -> None:
    window.command("byteLsp.toggle")
    window.wait("the status", lambda: "off" in window.status_bar())
    window.type("self.ite")
    time.sleep(1)
    assert window.ghost() == ""
    window.command("byteLsp.toggle")
    window.wait("the status", window.is_up)
    window.type("m")
    assert window.wait_for_ghost().startswith("s")


def test_a_language_is_turned_off_and_on(window: VsCodeSession) -> None:
    window.command("byteLsp.toggleLanguage")
    window.wait("the status", lambda: "off for python" in window.status_bar())
    window.type("self.ite")
    time.sleep(1)
    assert window.ghost() == ""
    window.command("byteLsp.toggleLanguage")
    window.wait("the status", window.is_up)
    window.type("m")
    assert window.wait_for_ghost().startswith("s")


def test_a_folder_that_is_not_trusted_starts_no_program(
    vscode: VsCode, browser: Browser, vsix: Path, tmp_path: Path
) -> None:
    """It may suggest in the folder, but the folder's settings do not say what is started."""
    trap, folder = tmp_path / "trapped", tmp_path / "folder"
    (folder / ".vscode").mkdir(parents=True)
    (folder / ".vscode" / "settings.json").write_text(
        f'{{"byteLsp.server.command": ["touch", "{trap}"], "byteLsp.privacy.allow": "*"}}'
    )
    settings = {
        **SERVER_SETTINGS,
        "security.workspace.trust.enabled": True,
        "security.workspace.trust.startupPrompt": "never",
    }
    with start_vscode(vscode, browser, vsix, tmp_path / "home", settings, workspace=folder) as session:
        assert not session.run("return vscode.workspace.isTrusted")
        session.wait_until_ready()
        allowed = session.run("return vscode.workspace.getConfiguration('byteLsp').get('privacy.allow')")
    assert allowed == ""
    assert not trap.exists()


def test_without_a_server_it_asks_before_it_installs_one(
    vscode: VsCode, browser: Browser, vsix: Path, tmp_path: Path
) -> None:
    """Nothing is installed or started until the user says so; a command in the settings is taken at once."""
    home, empty = tmp_path / "home", tmp_path / "empty"
    empty.mkdir()
    settings = {**SERVER_SETTINGS, "byteLsp.server.command": []}
    with start_vscode(vscode, browser, vsix, home, settings, variables={"PATH": f"{empty}:/bin"}) as session:
        session.wait("the question", lambda: "needs its server" in notifications(session))
        assert "Install" in notifications(session)
        assert session.status_bar().startswith("byte-lsp: not set up")
        assert not list((home / "data" / "User" / "globalStorage").glob("byte-lsp.byte-lsp/server*"))
        session.run(
            "await vscode.workspace.getConfiguration('byteLsp').update('server.command', args[0], true)",
            tee_command(home),
        )
        session.wait_until_ready()


def test_an_update_ends_with_its_window_and_leaves_the_server(
    vscode: VsCode, browser: Browser, vsix: Path, tmp_path: Path
) -> None:
    """The old server answers while the new one is built, and is there when that came to nothing."""
    home, pids, packages = tmp_path / "home", tmp_path / "pids", tmp_path / "packages"
    place = install_older_server(home)
    write_endless_package(packages, pids)
    settings = {**SERVER_SETTINGS, "byteLsp.server.command": [], "byteLsp.server.python": sys.executable}
    variables = {"PATH": "/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages)}
    with start_vscode(vscode, browser, vsix, home, settings, variables=variables) as session:
        session.wait_until_ready()
        session.run("void vscode.commands.executeCommand('byteLsp.setUp')")
        running = session.wait("the build", lambda: read_processes(pids), READY_TIMEOUT_S)
        assert all(map(is_running, running))
        session.open(tmp_path / "stack.py", STACK)
        session.type("self.ite")
        assert session.wait_for_ghost().startswith("ms")
        session.page.close()
        wait_until("pip to end", lambda: not any(map(is_running, running)), READY_TIMEOUT_S)
    assert json.loads((place / "installed.json").read_text())["name"] == "env-old"
    assert (place / "env-old" / "bin" / "byte-lsp").is_file()


def install_older_server(home: Path) -> Path:
    """The server as the extension of an older version installed it; returns the place for installations."""
    place = home / "data" / "User" / "globalStorage" / "byte-lsp.byte-lsp" / "server"
    program = place / "env-old" / "bin" / "byte-lsp"
    program.parent.mkdir(parents=True)
    command = f"PYTHONPATH={shlex.quote(python_path())} exec {shlex.join(tee_command(home))}"
    program.write_text(f'#!/bin/sh\n{command} "$@"\n')
    program.chmod(0o755)
    (place / "installed.json").write_text(json.dumps({"name": "env-old", "version": "0.0.1"}))
    return place


PYPROJECT = """\
[build-system]
requires = []
build-backend = "endless"
backend-path = ["."]
"""

ENDLESS = """\
import os, subprocess, sys, time

def build_wheel(*_):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    with open({path!r}, "w") as file:
        print(os.getpid(), child.pid, file=file)
    time.sleep(3600)
"""


def write_endless_package(folder: Path, pids: Path) -> None:
    """The version of byte-lsp that the extension wants, whose build starts a program and never ends."""
    version = json.loads((EXTENSION / "package.json").read_text())["version"]
    name = f"byte_lsp-{version}"
    folder.mkdir()
    with tarfile.open(folder / f"{name}.tar.gz", "w:gz") as archive:
        for path, text in (("pyproject.toml", PYPROJECT), ("endless.py", ENDLESS.format(path=str(pids)))):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))


def read_processes(path: Path) -> list[int] | None:
    """The process ids in a file, once it is whole."""
    text = path.read_text() if path.exists() else ""
    return [int(each) for each in text.split()] if text.endswith("\n") else None


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def notifications(session: VsCodeSession) -> str:
    return "\n".join(each.inner_text() for each in session.page.query_selector_all(".notification-list-item"))
