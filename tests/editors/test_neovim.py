"""Neovim, the plugin, the server and SmolLM2 together: what a person sees and gets at the keyboard."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .neovim_session import NeovimSession, start_neovim

SERVER = [sys.executable, "-m", "byte_lsp"]

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
        session.setup({"cmd": SERVER, "settings": {"suggest": {"confidence": 0}}})
        session.open(home / "first.py", STACK)
        session.type_at_end("self.ite")
        session.wait_until_ready()
        session.nvim.command("messages clear")
        yield session


@pytest.fixture
def editor(ready_editor: NeovimSession, project: Path) -> NeovimSession:
    """Neovim in normal mode on a small file of a project, its server ready."""
    ready_editor.open(project / "stack.py", STACK)
    return ready_editor


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
    editor.wait_for_ghost()
    editor.press("<M-]>")
    second = editor.wait_for_ghost(lambda text: "(2/" in text)
    editor.press("<M-[>")
    first = editor.wait_for_ghost(lambda text: "(1/" in text)
    assert first.rpartition(" (")[0] != second.rpartition(" (")[0]


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
    assert "inline completion works as this plugin expects" in report
    assert "attached to 1 buffer" in report
    assert "ERROR" not in report
    assert "WARNING" not in report


def test_nothing_was_written_to_the_messages(editor: NeovimSession) -> None:
    """After all of the above: no error stack, no warning from the server."""
    assert editor.nvim.command_output("messages").strip() == ""
