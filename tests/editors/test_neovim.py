"""Neovim, the plugin, the server and SmolLM2 together: what a person sees and gets at the keyboard."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .cursor_texts import CASES, Case, accepted, document
from .neovim_session import NeovimSession, start_neovim

SERVER = [sys.executable, "-m", "byte_lsp"]

SETTINGS = {
    "suggest": {"confidence": 0, "ahead": False, "deadline_ms": 0, "max_lines": 1},
    "context": {"deadline_ms": 0},
}
"""All that the model has is shown, and it works only when it is asked: then it can be counted."""

KEEP_ITEMS = """
local items = require('byte_lsp.items')
local read = items.read
items.read = function(raw, place, encoding)
  last_item, last_encoding = vim.deepcopy(raw), encoding
  return read(raw, place, encoding)
end
"""

STACK = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
"""A file whose last line is an indentation: the tests type on from there."""

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def ready_editor(
    neovim_executable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NeovimSession]:
    """One Neovim for the module, so that the model is loaded once."""
    home = tmp_path_factory.mktemp("neovim")
    with start_neovim(neovim_executable, home) as session:
        session.lua(KEEP_ITEMS)
        session.setup({"cmd": SERVER, "settings": SETTINGS})
        session.open(home / "first.py", STACK)
        session.type_at_end("self.ite")
        session.wait_until_ready()
        session.nvim.command("messages clear")
        yield session


@pytest.fixture
def editor(ready_editor: NeovimSession, project: Path) -> NeovimSession:
    """Neovim in normal mode on a small file of a project, its server ready."""
    ready_editor.nvim.command("silent! only!")
    ready_editor.open(project / "stack.py", STACK)
    return ready_editor


def model_work(editor: NeovimSession) -> tuple[int, int]:
    """How often the model was asked, and how many tokens it has read and written."""
    counters = editor.counters()
    return counters["asked"], counters["tokens_evaluated"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "stacks"\n')
    return tmp_path


def test_ghost_text_finishes_the_word_at_the_cursor(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    assert editor.wait_for_ghost().startswith("ms")
    assert editor.ghost_place() == (7, len("        self.ite"))


def test_accept_inserts_the_ghost_text_and_puts_the_cursor_behind_it(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("<Tab>")
    line = editor.wait_for_line(lambda line: not line.endswith("self.ite"))
    assert line == "        self.ite" + ghost
    assert editor.nvim.current.window.cursor == (8, len(line))
    assert editor.mode() == "i"


def test_undo_takes_the_suggestion_back_and_leaves_what_was_typed(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line.endswith(ghost))
    editor.press("<Esc>:silent undo<CR>")
    editor.wait_for_line(lambda line: line == "        self.ite")


@pytest.mark.parametrize("before", ['name = "naïve"; ', 'name = "日本語"; ', 'name = "😀👩‍👩‍👧"; '])
def test_other_scripts_earlier_on_the_line(editor: NeovimSession, before: str) -> None:
    editor.type_at_end(before + "self.ite")
    ghost = editor.wait_for_ghost()
    assert ghost.startswith("ms")
    assert editor.ghost_place() == (7, len(f"        {before}self.ite".encode()))
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == f"        {before}self.ite{ghost}")


def test_typing_along_keeps_the_ghost_text_in_place(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.record_ghosts()
    editor.press("m")
    editor.wait_for_line(lambda line: line.endswith("self.item"))
    assert ("        self.item", ghost[1:]) in editor.recorded_ghosts()


def test_accept_amid_fast_typing_keeps_the_order_of_keys(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("m<Tab>;")
    editor.wait_for_line(lambda line: line == f"        self.ite{ghost};")


def test_typing_something_else_hides_the_ghost_text_at_once(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.record_ghosts()
    editor.press("x")
    editor.wait_for_line(lambda line: line.endswith("self.itex"))
    assert ("        self.itex", "") in editor.recorded_ghosts()


def test_tab_right_after_typing_something_else_is_a_tab(editor: NeovimSession) -> None:
    editor.nvim.command("setlocal noexpandtab softtabstop=0")
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("x<Tab>y")
    line = editor.wait_for_line(lambda line: line.endswith("y"))
    assert line == "        self.itex\ty"


def test_dismiss_hides_the_ghost_text_and_typing_brings_it_back(editor: NeovimSession) -> None:
    editor.type_at_end("self.it")
    editor.wait_for_ghost()
    editor.press("<C-]>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    assert editor.line() == "        self.it"
    editor.press("e")
    assert editor.wait_for_ghost().startswith("ms")


def test_leaving_insert_mode_hides_the_ghost_text(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("<Esc>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)


def test_next_shows_an_alternative(editor: NeovimSession) -> None:
    editor.type_at_end("# The ")
    first = editor.wait_for_ghost()
    editor.press("<M-]>")
    editor.wait("the second", lambda: editor.hint().startswith(" (2/"))
    assert editor.ghost() != first
    editor.press("<M-[>")
    editor.wait("the first", lambda: editor.hint().startswith(" (1/"))
    assert editor.ghost() == first


def test_typing_along_asks_the_model_nothing(editor: NeovimSession) -> None:
    """At each key the rest is on the screen."""
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    before = model_work(editor)
    editor.record_ghosts()
    for typed in range(1, len(ghost)):
        editor.press(ghost[typed - 1].replace("<", "<lt>"))
        editor.wait_for_line(lambda line, typed=typed: line == "        self.ite" + ghost[:typed])
    steps = [("        self.ite" + ghost[:typed], ghost[typed:]) for typed in range(1, len(ghost))]
    assert [each for each in editor.recorded_ghosts() if each in steps] == steps
    assert all(rest for _, rest in editor.recorded_ghosts())
    assert model_work(editor) == before


def test_moving_around_asks_the_model_nothing(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    before, requests = model_work(editor), editor.counters()["requests"]
    for key in ["<Up>", "<Left>", "<Down>", "<Right>"] * 25:
        place = editor.nvim.current.window.cursor
        editor.press(key)
        editor.wait("a move", lambda place=place: editor.nvim.current.window.cursor != place)
    editor.wait("the requests", lambda: editor.counters()["requests"] > requests + 50)
    assert model_work(editor) == before


def test_accept_by_word_keeps_the_rest_without_the_model(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    before = model_work(editor)
    typed = "        self.ite"
    while ghost:
        editor.press("<M-Right>")
        line = editor.wait_for_line(lambda line, typed=typed: line != typed)
        assert line.startswith(typed)
        assert ghost.startswith(line[len(typed) :])
        ghost, typed = ghost[len(line) - len(typed) :], line
        assert (editor.ghost() or "") == ghost
        assert not ghost or model_work(editor) == before
    assert editor.counters()["accepted"] > 0
    editor.press("<Esc>:silent undo<CR>")
    editor.wait_for_line(lambda line: line != typed and typed.startswith(line))


def test_accepting_a_word_in_the_middle_of_a_line_keeps_the_line(editor: NeovimSession) -> None:
    editor.press("Go<C-u>        print(self., item)<Left><Left><Left><Left><Left><Left><Left>")
    editor.press("ite")
    editor.wait_for_line(lambda line: line == "        print(self.ite, item)")
    ghost = editor.wait_for_ghost()
    assert ghost.startswith("ms")
    editor.press("<M-Right>")
    editor.wait_for_line(lambda line: line == "        print(self.items, item)")


def test_what_stands_behind_the_cursor_is_not_repeated(editor: NeovimSession) -> None:
    """continue #4721."""
    editor.press("Go<C-u>        self.items.append()<Left>it")
    editor.wait_for_line(lambda line: line == "        self.items.append(it)")
    editor.wait_for_ghost()
    editor.press("<Tab>")
    line = editor.wait_for_line(lambda line: line != "        self.items.append(it)")
    assert line.startswith("        self.items.append(item")
    assert line.count("(") == line.count(")")


def test_two_windows_on_two_buffers(editor: NeovimSession, project: Path) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    (project / "other.py").write_text(STACK)
    editor.press(f"<Esc>:split {project / 'other.py'}<CR>")
    editor.wait("the other file", lambda: editor.nvim.current.buffer.name.endswith("other.py"))
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line != "        self.ite")
    editor.press("<Esc>:wincmd w<CR>A")
    editor.wait("the first file", lambda: editor.nvim.current.buffer.name.endswith("stack.py"))
    assert editor.wait_for_ghost() == ghost
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "        self.ite" + ghost)


def test_the_popup_menu_and_ghost_text_live_together(editor: NeovimSession) -> None:
    """llama.vim #52: ghost text beside the menu stays where it is, key by key."""
    editor.nvim.command("setlocal completeopt=menu,menuone,noselect")
    editor.type_at_end("self.i")
    ghost = editor.wait_for_ghost()
    editor.press("<C-x><C-n>")
    editor.wait("the menu", editor.nvim.funcs.pumvisible)
    editor.record_ghosts()
    for key in "tem":
        editor.press(key)
        editor.wait_for_line(lambda line, key=key: line.endswith(key))
    assert editor.nvim.funcs.pumvisible()
    assert ghost.startswith("tems")
    recorded = editor.recorded_ghosts()
    assert ("        self.item", ghost[3:].split("\n")[0]) in recorded
    assert all(rest for _, rest in recorded)
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "        self.i" + ghost)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_accepted_text_is_where_the_server_says(editor: NeovimSession, project: Path, case: Case) -> None:
    text, row, column = document(case)
    editor.open(project / "cursor.py", text)
    # The cursor goes before a character in normal mode, and insert mode begins there.
    line = text.split("\n")[row]
    editor.nvim.current.window.cursor = (row + 1, len(line[: column - 1].encode()))
    editor.press("a")
    editor.wait("insert mode", lambda: editor.mode() == "i")
    assert editor.nvim.current.window.cursor == (row + 1, len(line[:column].encode()))
    assert editor.wait_for_ghost().startswith("ms")
    item, encoding = editor.lua("return { last_item, last_encoding }")
    editor.press("<Tab>")
    editor.wait_for_line(lambda seen: seen != line)
    editor.press("<Esc>:silent write<CR>")
    expected = accepted(case, item, encoding).encode()
    editor.wait("the file", lambda: (project / "cursor.py").read_bytes() == expected)


def test_compare_shows_all_three(editor: NeovimSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("<Esc>:ByteLsp compare<CR>")
    editor.wait("a window", lambda: len(editor.nvim.windows) == 2, timeout_s=60)
    float_window = next(window for window in editor.nvim.windows if window.api.get_config()["relative"])
    lines = float_window.buffer[:]
    assert [line.split()[0] for line in lines] == ["plain", "healing", "exact"]
    assert "self.ite|ms" in lines[2]


def test_models_are_offered(editor: NeovimSession) -> None:
    editor.lua(
        "vim.ui.select = function(models, options) offered = vim.tbl_map(options.format_item, models) end"
    )
    editor.nvim.command("ByteLsp model")
    offered = editor.wait("the models", lambda: editor.lua("return offered"))
    assert any(line.startswith("smollm2-135m-fim (145 MB") and "in use" in line for line in offered)


def test_the_status_tells_of_the_model(editor: NeovimSession) -> None:
    """It is ready, or degraded where this machine's fast kernels crash."""
    editor.wait("a pause", lambda: not editor.lua("return require('byte_lsp').status().busy"))
    status = editor.lua("return require('byte_lsp').status()")
    assert status["state"] in {"ready", "degraded"}
    assert status["message"].startswith("smollm2-135m-fim")
    assert editor.lua("return require('byte_lsp').statusline()").startswith("byte-lsp")


def test_from_key_to_screen(editor: NeovimSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Not a bound, a figure: how long it takes until a key typed along and the rest of the text are drawn."""
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.nvim.ui_attach(80, 24, rgb=True, ext_linegrid=True)
    try:
        seconds = [key_to_screen(editor, key) for key in ghost[:-1]]
    finally:
        editor.nvim.ui_detach()
    milliseconds = sorted(1000 * each for each in seconds)
    with capsys.disabled():
        median, most = statistics.median(milliseconds), milliseconds[-1]
        print(
            f"\nfrom key to screen, {len(seconds)} keys typed along: {median:.1f} ms, at most {most:.1f} ms"
        )
    assert editor.ghost() == ghost[-1]


def key_to_screen(editor: NeovimSession, key: str) -> float:
    """Type a key, and wait until Neovim has sent the picture that follows, as it does to its terminal."""
    start = time.perf_counter()
    editor.press(key)
    is_drawn = False
    while True:
        _, name, batches = editor.nvim.next_message()
        for event, *_ in batches if name == "redraw" else []:
            is_drawn = is_drawn or event == "grid_line"
            if is_drawn and event == "flush":
                return time.perf_counter() - start


def test_tab_without_ghost_text_is_a_tab(editor: NeovimSession) -> None:
    editor.nvim.command("setlocal noexpandtab softtabstop=0")
    editor.press("Go<C-u>x<Tab>y")
    editor.wait_for_line(lambda line: line.endswith("y"))
    assert editor.line() == "x\ty"


def test_tab_without_ghost_text_keeps_its_earlier_mapping(editor: NeovimSession) -> None:
    editor.nvim.command("inoremap <Tab> mapped")
    try:
        editor.press("Go<C-u>x<Tab>y")
        editor.wait_for_line(lambda line: line == "xmappedy")
    finally:
        editor.nvim.command("iunmap <Tab>")


def test_dos_file_keeps_its_line_ends(editor: NeovimSession, project: Path) -> None:
    path = project / "dos.py"
    editor.open(path, STACK.replace("\n", "\r\n"))
    assert editor.nvim.current.buffer.options["fileformat"] == "dos"
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    assert ghost.startswith("ms")
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line.endswith(ghost))
    editor.press("<Esc>:silent write<CR>")
    expected = f"{STACK}self.ite{ghost}\n".replace("\n", "\r\n").encode()
    editor.wait("the file", lambda: path.read_bytes() == expected)


def test_a_killed_server_comes_back(editor: NeovimSession) -> None:
    """And with it the ghost text, without a key."""
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    (process,) = editor.lua("return vim.api.nvim_get_proc_children(vim.fn.getpid())")
    os.kill(process, signal.SIGKILL)
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    assert editor.wait_for_ghost() == ghost
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "        self.ite" + ghost)
    assert "byte_lsp quit with exit code 0 and signal 9" in editor.nvim.command_output("messages")
    editor.nvim.command("messages clear")


def test_one_server_for_all_projects(editor: NeovimSession, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / ".git").mkdir(parents=True)
    editor.open(other / "other.py", STACK)
    editor.type_at_end("self.ite")
    assert editor.wait_for_ghost().startswith("ms")
    assert editor.lua("return #vim.lsp.get_clients()") == 1


def test_health_report_finds_nothing_wrong(editor: NeovimSession) -> None:
    editor.nvim.command("checkhealth byte_lsp")
    report = "\n".join(editor.nvim.current.buffer[:])
    editor.nvim.command("messages clear")  # 0.10 says there that it checks
    assert "server version: byte-lsp" in report
    assert "attached to 1 buffer" in report
    assert "ERROR" not in report
    assert "WARNING" not in report


def test_nothing_deprecated_was_called(editor: NeovimSession) -> None:
    """After all of the above."""
    editor.nvim.command("checkhealth vim.deprecated")
    report = "\n".join(editor.nvim.current.buffer[:])
    editor.nvim.command("messages clear")
    assert "byte_lsp" not in report


def test_nothing_was_written_to_the_messages(editor: NeovimSession) -> None:
    """After all of the above: no error stack, no warning from the server."""
    assert editor.nvim.command_output("messages").strip() == ""
