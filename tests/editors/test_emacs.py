"""Emacs in a terminal, byte-lsp.el, the server and SmolLM2 together: what a person sees and gets."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from . import cursor_texts
from .emacs_session import NO_TMUX, EmacsSession, quote, start_emacs
from .fetch_emacs import Emacs

SERVER = [sys.executable, "-m", "byte_lsp"]
SETUP = f"""
(setq byte-lsp-command {quote(SERVER)}
      byte-lsp-settings '(:suggest (:confidence 0 :deadline_ms 0 :ahead :json-false)
                          :context (:deadline_ms 0))
      make-backup-files nil
      auto-save-default nil
      create-lockfiles nil
      initial-scratch-message nil)
(global-byte-lsp-mode)
"""

STACK = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
"""A file whose last line is an indentation: the tests type on from there."""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(NO_TMUX, reason="there is no tmux on the PATH"),
]


@pytest.fixture(scope="module")
def ready_emacs(emacs: Emacs) -> Iterator[EmacsSession]:
    """One Emacs for the module, so that the model is loaded once."""
    with (
        tempfile.TemporaryDirectory(prefix="emacs-") as folder,
        start_emacs(emacs, Path(folder).resolve(), SETUP, emacs.packages) as session,
    ):
        session.open(Path(folder) / "first.py", STACK)
        session.wait_until_ready()
        session.type_at_end("self.ite")
        session.wait_for_ghost()
        yield session


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "stacks"\n')
    return tmp_path


@pytest.fixture
def editor(ready_emacs: EmacsSession, project: Path) -> EmacsSession:
    """Emacs on a small file of a project, its server ready."""
    ready_emacs.open(project / "stack.py", STACK)
    return ready_emacs


def test_ghost_text_finishes_the_word_at_the_cursor(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    assert ghost.startswith("ms")
    editor.wait_for_screen(lambda screen: f"        self.ite{ghost}\n" in screen)
    assert editor.line() == "        self.ite"
    assert editor.cursor() == (len("        self.ite"), 8)


def test_accept_inserts_the_ghost_text_and_puts_point_behind_it(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("Tab")
    editor.wait_for_line(lambda line: line == "        self.ite" + ghost)
    assert editor.column() == len("        self.ite" + ghost)


def test_undo_takes_the_suggestion_back_in_one_step(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("Tab")
    editor.wait_for_line(lambda line: line.endswith(ghost))
    editor.press("C-_")
    editor.wait_for_line(lambda line: line == "        self.ite")
    assert editor.ghost() is None


def test_showing_changes_nothing_in_the_buffer(editor: EmacsSession) -> None:
    editor.lisp('(progn (goto-char (point-max)) (insert "self.ite") (set-buffer-modified-p nil) t)')
    before = editor.text(), editor.lisp("(length (remq nil buffer-undo-list))")
    editor.press("M-x")
    editor.type("byte-lsp-complete\n")
    editor.wait_for_ghost()
    assert (editor.text(), editor.lisp("(length (remq nil buffer-undo-list))")) == before
    assert editor.lisp("(buffer-modified-p)") is None


def test_a_word_at_a_time(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost(lambda text: len(text) > 3)
    editor.press("M-f")
    line = editor.wait_for_line(lambda line: line != "        self.ite")
    assert line == "        self.items"
    assert editor.wait_for_ghost() == ghost[2:]
    editor.press("M-f")
    editor.wait_for_line(
        lambda line: line != "        self.items" and f"        self.ite{ghost}".startswith(line)
    )


def test_a_line_at_a_time(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("C-e")
    editor.wait_for_line(lambda line: line == "        self.ite" + ghost.splitlines()[0])


def test_partial_accept_keeps_what_follows_on_the_line(editor: EmacsSession) -> None:
    editor.lisp('(progn (goto-char (point-max)) (insert "print(self.it)  # now") (search-backward ")") t)')
    editor.type("e")
    ghost = editor.wait_for_ghost(lambda text: text.startswith("ms"))
    editor.press("M-f")
    editor.wait_for_line(lambda line: line == "        print(self.items)  # now")
    assert ghost.startswith("ms")
    assert editor.column() == len("        print(self.items")


def test_typing_along_asks_the_model_nothing_and_never_flickers(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost(lambda text: len(text) > 3)
    whole = "        self.ite" + ghost
    editor.lisp("(probe-record)")
    asked = editor.counters()["asked"]
    for end in range(len("        self.ite") + 1, len(whole)):
        editor.type(whole[end - 1])
        editor.wait_for_line(lambda line, end=end: line == whole[:end])  # type: ignore[misc]
        editor.wait_for_screen(lambda screen: f"{whole}\n" in screen)
    assert editor.counters()["asked"] == asked
    frames = editor.frames()
    assert len({line for line, _ in frames}) == len(ghost)
    assert all(line + shown == whole for line, shown in frames)


def test_backspace_brings_the_ghost_text_back(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    asked = editor.counters()["asked"]
    editor.type("m")
    editor.wait_for_line(lambda line: line.endswith("item"))
    editor.press("BSpace")
    editor.wait_for_line(lambda line: line.endswith("ite"))
    editor.wait_for_ghost(lambda text: text == ghost)
    assert editor.counters()["asked"] == asked


def test_accept_amid_fast_typing_keeps_the_order_of_keys(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.type("m\t#")
    editor.wait_for_line(lambda line: line == f"        self.ite{ghost}#")


def test_typing_something_else_hides_the_ghost_text_at_once(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.lisp("(probe-record)")
    editor.type("x")
    editor.wait_for_line(lambda line: line.endswith("self.itex"))
    editor.wait("the screen to be drawn", lambda: any(line.endswith("itex") for line, _ in editor.frames()))
    assert next(shown for line, shown in editor.frames() if line.endswith("itex")) == ""


def test_tab_right_after_typing_something_else_is_a_tab(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.type("x\ty")
    editor.wait_for_line(lambda line: line.endswith("y"))
    assert editor.line() == "        self.itexy"


def test_tab_indents_where_nothing_is_shown(editor: EmacsSession) -> None:
    editor.lisp('(progn (goto-char (point-max)) (insert "pass\\n\\n    def pop(self):\\nreturn") t)')
    assert editor.ghost() is None
    editor.press("Tab")
    editor.wait_for_line(lambda line: line == "        return")


def test_dismiss_hides_the_ghost_text_until_something_is_typed(editor: EmacsSession) -> None:
    editor.type_at_end("self.it")
    editor.wait_for_ghost()
    editor.press("C-g")
    editor.wait_for_no_ghost()
    editor.wait_for_screen(lambda screen: "        self.it\n" in screen)
    assert editor.line() == "        self.it"
    editor.type("e")
    assert editor.wait_for_ghost().startswith("ms")


def test_moving_hides_it_and_a_hundred_moves_ask_for_nothing(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("C-b")
    editor.wait_for_no_ghost()
    before = editor.counters()
    for keys in (["C-p"], ["C-f"], ["C-n"], ["C-b"]) * 25:
        editor.press(*keys)
    editor.press("M-<")
    editor.wait("point to come to the start", lambda: editor.lisp("(bobp)"))
    editor.wait("Emacs to be idle", lambda: editor.lisp("(and (current-idle-time) t)"))
    after = editor.counters()
    assert {name: after[name] - before[name] for name in ("requests", "asked", "tokens_evaluated")} == {
        "requests": 0,
        "asked": 0,
        "tokens_evaluated": 0,
    }


def test_others_are_shown_in_turn(editor: EmacsSession) -> None:
    editor.type_at_end("# The ")
    first = editor.wait_for_ghost()
    editor.press("M-n")
    editor.wait("several suggestions", lambda: (editor.lisp("(length byte-lsp--items)") or 0) > 1, 120)
    second = editor.wait_for_ghost(lambda text: text != first)
    assert "Suggestion " in editor.screen()
    editor.press("M-p")
    editor.wait_for_ghost(lambda text: text != second)


def test_what_was_accepted_is_counted(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost(lambda text: len(text) > 3)
    before = editor.counters()
    editor.press("M-f")
    editor.wait_for_line(lambda line: line.endswith("items"))
    editor.wait_for_ghost()
    editor.press("Tab")
    editor.wait_for_no_ghost()

    def grown(name: str) -> bool:
        return editor.counters().get(name, 0) > before.get(name, 0)

    editor.wait("the counters", lambda: grown("partly_accepted") and grown("accepted"))


@pytest.mark.parametrize("case", cursor_texts.CASES, ids=lambda case: case.name)
def test_fifty_cursors(editor: EmacsSession, case: cursor_texts.Case) -> None:
    text, row, column = cursor_texts.document(case)
    start = text.split("\n")
    start[row] = start[row][: column - 1] + start[row][column:]
    editor.lisp(f"(probe-replace {quote(chr(10).join(start))} {row} {column - 1})")
    editor.type(case.before[-1])
    editor.wait_for_line(lambda line: line == case.before + case.after)
    editor.wait_for_ghost()
    item = editor.lisp("(probe-item)")
    editor.press("Tab")
    editor.wait_for_no_ghost()
    assert editor.text() == cursor_texts.accepted(case, item, "utf-32")


def test_dos_file_keeps_its_line_ends(editor: EmacsSession, project: Path) -> None:
    path = project / "dos.py"
    editor.open(path, STACK.replace("\n", "\r\n"))
    assert editor.lisp("(symbol-name buffer-file-coding-system)") == "undecided-dos"
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    editor.press("Tab")
    editor.wait_for_line(lambda line: line.endswith(ghost))
    editor.press("C-x", "C-s")
    expected = f"{STACK}self.ite{ghost}".replace("\n", "\r\n").encode()
    editor.wait("the file", lambda: path.read_bytes().rstrip(b"\r\n") == expected)


def test_ghost_text_is_in_the_selected_window_alone(editor: EmacsSession) -> None:
    editor.press("C-x", "2")
    editor.type_at_end("self.ite")
    ghost = editor.wait_for_ghost()
    screen = editor.wait_for_screen(lambda screen: f"self.ite{ghost}\n" in screen)
    assert screen.count(f"        self.ite{ghost}\n") == 1
    assert screen.count("        self.ite\n") == 1
    editor.press("C-x", "o")
    editor.wait_for_no_ghost()
    editor.wait_for_screen(lambda screen: f"self.ite{ghost}\n" not in screen)


def test_ghost_text_in_two_buffers(editor: EmacsSession, project: Path) -> None:
    other = project / "other.py"
    other.write_text(STACK)
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("C-x", "4", "f")
    editor.type(f"{other.name}\n")
    editor.wait("the other file", lambda: editor.lisp("(buffer-name)") == "other.py")
    assert editor.lisp('(with-current-buffer "stack.py" (null byte-lsp--overlay))') is True
    editor.type_at_end("self.it")
    assert editor.wait_for_ghost()


def test_hidden_beside_the_popup_and_back_after_it(editor: EmacsSession) -> None:
    if editor.lisp("""(locate-library "company")""") is None:
        pytest.skip("this Emacs is the developer's own: there is no company beside it")
    editor.lisp(
        "(progn (require 'company) (company-mode) (setq-local company-idle-delay 0"
        " company-minimum-prefix-length 1 company-backends '(company-dabbrev-code)) t)"
    )
    editor.lisp('(progn (goto-char (point-max)) (insert "itemize = item_total\\n        ") t)')
    editor.type_at_end("self.ite")
    editor.wait_for_screen(lambda screen: screen.count("item_total") >= 2)
    editor.wait("a suggestion", lambda: editor.lisp("(and byte-lsp--items t)"), 60)
    assert editor.ghost() is None
    editor.press("C-g")
    ghost = editor.wait_for_ghost()
    shown = f"self.ite{ghost}"
    once = 1 + shown.count("item_total")
    editor.wait_for_screen(lambda screen: f"{shown}\n" in screen and screen.count("item_total") == once)


def test_completions_buffer_and_ghost_text_do_not_meet(editor: EmacsSession) -> None:
    words = """(lambda () (list (- (point) 3) (point) '("items" "iterate")))"""
    editor.lisp(f"(progn (setq-local completion-at-point-functions (list {words})) t)")
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("C-M-i")
    editor.wait_for_screen(lambda screen: "iterate" in screen)
    assert editor.ghost() is None
    editor.lisp("(progn (completion-in-region-mode -1) t)")
    assert editor.ghost() is not None


def test_brackets_that_the_editor_closed_are_not_doubled(editor: EmacsSession) -> None:
    editor.lisp("(progn (electric-pair-local-mode 1) t)")
    editor.lisp("(goto-char (point-max))")
    editor.type("self.items.append(")
    editor.wait_for_line(lambda line: line.endswith("append()"))
    ghost = editor.wait_for_ghost()
    assert not ghost.endswith("))")
    editor.press("Tab")
    line = editor.wait_for_line(lambda line: not line.endswith("append()"))
    assert line.count("(") == line.count(")")


def test_typing_along_through_an_opening_bracket(editor: EmacsSession) -> None:
    editor.lisp("(progn (electric-pair-local-mode 1) t)")
    editor.type_at_end("self.items.appen")
    ghost = editor.wait_for_ghost(lambda text: text.startswith("d(") and text.endswith(")"))
    asked = editor.counters()["asked"]
    editor.type("d(")
    editor.wait_for_line(lambda line: line.endswith("append()"))
    assert editor.ghost() == ghost[2:-1]
    assert editor.counters()["asked"] == asked
    editor.press("Tab")
    editor.wait_for_line(lambda line: line == "        self.items.appen" + ghost)


def test_nothing_happens_in_a_read_only_buffer(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("C-x", "C-q")
    editor.wait_for_no_ghost()
    requests = editor.counters()["requests"]
    editor.type("m")
    editor.wait_for_screen(lambda screen: "read-only" in screen)
    assert editor.counters()["requests"] == requests


def test_narrowed_to_a_part_of_the_file(editor: EmacsSession) -> None:
    editor.type_at_end("self.it")
    editor.lisp("(progn (narrow-to-region (pos-bol) (pos-eol)) t)")
    editor.type("e")
    ghost = editor.wait_for_ghost()
    assert ghost.startswith("ms")
    editor.press("Tab")
    editor.wait_for_line(lambda line: line == f"        self.ite{ghost}")
    assert editor.text() == f"{STACK}self.ite{ghost}"


def test_an_indirect_buffer_is_a_document_of_its_own(editor: EmacsSession) -> None:
    editor.type_at_end("self.it")
    editor.wait_for_ghost()
    editor.lisp('(progn (switch-to-buffer (clone-indirect-buffer "clone" nil)) t)')
    assert editor.lisp("(probe-ghost)") is None
    editor.lisp("(goto-char (point-max))")
    editor.type("e")
    assert editor.wait_for_ghost().startswith("ms")
    assert editor.lisp("(probe-in-sync)") is True
    assert editor.lisp('(with-current-buffer "stack.py" (probe-in-sync))') is True
    editor.lisp('(progn (kill-buffer "clone") t)')


def test_an_ignored_file_gets_no_suggestions_and_the_mode_line_says_so(
    editor: EmacsSession, project: Path
) -> None:
    repository = project / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / ".gitignore").write_text("ignored.py\n")
    editor.open(repository / "ignored.py", STACK)
    editor.type_at_end("self.ite")
    editor.wait("the status", lambda: editor.lisp("(probe-state)") == "excluded")
    assert editor.ghost() is None
    assert ".gitignore" in editor.lisp("(byte-lsp--describe-status)")
    editor.wait_for_screen(lambda screen: "Byte-" in screen)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_server_keeps_the_same_text_whatever_is_edited(editor: EmacsSession, seed: int) -> None:
    assert editor.lisp(f"(probe-edit-at-random {seed} 60)") == 0


def test_toggle_turns_suggestions_off_and_on(editor: EmacsSession) -> None:
    editor.lisp("(progn (byte-lsp-toggle nil) t)")
    editor.wait("the status", lambda: editor.lisp("(probe-state)") == "off")
    editor.type_at_end("self.ite")
    assert editor.ghost() is None
    editor.lisp("(progn (byte-lsp-toggle nil) t)")
    editor.wait("the status", lambda: editor.lisp("(probe-state)") in {"ready", "degraded", "busy"})
    editor.type("m")
    assert editor.wait_for_ghost().startswith("s")


def test_compare_shows_what_each_way_would_say(editor: EmacsSession) -> None:
    editor.type_at_end("self.ite")
    editor.wait_for_ghost()
    editor.press("M-x")
    editor.type("byte-lsp-compare\n")
    screen = editor.wait_for_screen(lambda screen: "exact" in screen)
    assert "plain" in screen
    assert "healing" in screen
    assert "    ms" in screen.split("exact")[1]


def test_models_are_offered_with_what_matters_of_them(editor: EmacsSession) -> None:
    editor.press("M-x")
    editor.type("byte-lsp-choose-model\n")
    editor.wait_for_screen(lambda screen: "\nModel:" in screen)
    editor.press("Tab")
    screen = editor.wait_for_screen(lambda screen: "qwen2.5-coder-7b" in screen)
    assert "smollm2-135m-fim  SmolLM2 135M Instruct FIM, Q8_0, 145 MB, Apache-2.0, in use" in screen
    editor.press("C-g")


def test_nothing_was_complained_of(editor: EmacsSession) -> None:
    """After all of the above: no error of ours, no warning from the server."""
    assert editor.lisp("(probe-messages)") == ""


def test_a_server_that_was_killed_comes_back(editor: EmacsSession) -> None:
    editor.lisp("(progn (signal-process (jsonrpc--process byte-lsp--connection) 'KILL) t)")
    editor.wait("the server to end", lambda: editor.lisp("(null (byte-lsp--server))"))
    editor.wait("a new server", lambda: editor.lisp("(and (byte-lsp--server) t)"), 120)
    editor.wait_until_ready()
    editor.type_at_end("self.ite")
    assert editor.wait_for_ghost().startswith("ms")


@pytest.mark.parametrize("way", ["the terminal goes", "SIGTERM", "C-x C-c"])
def test_emacs_server_and_model_end_together(emacs: Emacs, project: Path, way: str) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="emacs-") as folder,
        start_emacs(emacs, Path(folder).resolve(), SETUP, emacs.packages) as session,
    ):
        session.open(project / "stack.py", STACK)
        session.wait_until_ready()
        processes = session.terminal.processes()
        assert len(processes) >= 3, "Emacs, the server, the model's process"
        if way == "the terminal goes":
            session.terminal._tmux("kill-server")
        elif way == "SIGTERM":
            processes[0].terminate()
        else:
            session.press("C-x", "C-c")
        deadline = time.monotonic() + 60
        while (left := [process for process in processes if runs(process)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert left == []


def runs(process: psutil.Process) -> bool:
    """Whether it still does; tmux keeps what is left of a program that ended."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
