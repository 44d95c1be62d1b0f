"""The Neovim plugin against a scripted server: timing and texts that no real server can be made to hold."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .neovim_session import PLUGIN, NeovimSession, start_neovim

SCRIPTED_SERVER = """
pending, cancelled, notified, executed, started = {}, {}, {}, {}, 0
provides = {
  inlineCompletionProvider = true,
  positionEncoding = 'utf-16',
  textDocumentSync = 2,
  executeCommandProvider = { commands = { 'byteLsp.restart' } },
}
answers = {
  ['byteLsp/status'] = { counters = { asked = 3 } },
  ['byteLsp/compare'] = { arms = { { arm = 'plain', text = 'ration' }, { arm = 'exact', text = 'ms\\nb' } } },
  ['byteLsp/models'] = { models = {
    { name = 'small', description = 'A', licence = 'MIT', bytes = 98e6, installed = true, current = true },
    { name = 'large', description = 'B', licence = 'MIT', bytes = 9e9, installed = false, current = false },
  } },
}
scripted_server = function(dispatchers)
  local id, closing = 0, false
  notify_editor, started = dispatchers.notification, started + 1
  local close = function(code, signal)
    -- A process's end is told where most of Neovim must not be called.
    if not closing then
      vim.uv.new_timer():start(0, 0, function() dispatchers.on_exit(code, signal) end)
    end
    closing = true
  end
  end_server = close
  return {
    request = function(method, params, answer)
      id = id + 1
      if method == 'textDocument/inlineCompletion' then
        table.insert(pending, { id = id, params = params, answer = answer })
      elseif method == 'initialize' then
        client_capabilities = params.capabilities
        answer(nil, { capabilities = vim.deepcopy(provides) }, id)
      elseif method == 'workspace/executeCommand' then
        table.insert(executed, params)
        answer(nil, vim.NIL, id)
      else
        answer(nil, answers[method] or vim.NIL, id)
      end
      return true, id
    end,
    notify = function(method, params)
      if method == '$/cancelRequest' then
        table.insert(cancelled, params.id)
      elseif method == 'exit' then
        close(0, 0)
      else
        table.insert(notified, { method = method, params = params })
      end
    end,
    is_closing = function() return closing end,
    terminate = function() close(1, 0) end, -- as byte-lsp does
  }
end
"""

SETUP = "require('byte_lsp').setup(vim.tbl_extend('error', ..., { cmd = scripted_server }))"

REQUEST_HERE = """
local here = vim.lsp.util.make_position_params(0, 'utf-16').position
pending = vim.tbl_filter(function(request)
  return vim.deep_equal(request.params.position, here)
end, pending)
return pending[1] and pending[1].params
"""

ANSWER_OLDEST = """
local texts, replaced, extra = ...
local oldest = table.remove(pending, 1)
local here = oldest.params.position
oldest.answer(nil, { items = vim.tbl_map(function(text)
  return vim.tbl_extend('error', { insertText = text, range = {
    start = here, ['end'] = { line = here.line, character = here.character + replaced },
  } }, extra)
end, texts) }, oldest.id)
return oldest.params.context.triggerKind
"""

RESET = """
vim.cmd('silent! only! | set completeopt& | mapclear! | messages clear')
vim.g.byte_lsp_enabled = nil
pending, cancelled, notified, executed = {}, {}, {}, {}
"""


class ScriptedSession:
    """Neovim with a server inside it whose answers the test gives, one by one."""

    def __init__(self, editor: NeovimSession) -> None:
        self.editor = editor

    def wait_for_request(self) -> dict[str, Any]:
        """The parameters of the request for the place where the cursor is now; older ones are forgotten."""
        return dict(self.editor.wait("a request", lambda: self.editor.lua(REQUEST_HERE)))

    def forget_requests(self) -> None:
        self.editor.lua("pending = {}")

    def answer(self, *texts: str, replaced: int = 0, **extra: Any) -> int:
        """Answer the oldest request with suggestions at its place; returns its trigger kind.

        ``replaced`` UTF-16 units behind the cursor are to be replaced; ``extra`` goes into each item.
        """
        return int(self.editor.lua(ANSWER_OLDEST, list(texts), replaced, extra))

    def suggest(self, typed: str, text: str, *, behind: str = "", replaced: int = 0, **extra: Any) -> None:
        """Type, with ``behind`` behind the cursor, and have ``text`` shown as ghost text."""
        self.editor.nvim.current.line = typed[:-1] + behind
        self.editor.press("<C-\\><C-n>0" + (f"{len(typed) - 1}l" if len(typed) > 1 else ""))
        self.editor.press(("a" if not behind and len(typed) > 1 else "i") + typed[-1].replace("<", "<lt>"))
        self.editor.wait_for_line(lambda line: line == typed + behind)
        self.wait_for_request()
        self.answer(text, replaced=replaced, **extra)
        self.editor.wait_for_ghost()

    def notifications(self, method: str) -> list[dict[str, Any]]:
        return [each["params"] for each in self.editor.lua("return notified") if each["method"] == method]


@pytest.fixture(scope="module")
def scripted_editor(
    neovim_executable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NeovimSession]:
    """One Neovim for the module."""
    with start_neovim(neovim_executable, tmp_path_factory.mktemp("neovim")) as editor:
        editor.lua(SCRIPTED_SERVER)
        yield editor


@pytest.fixture
def scripted(scripted_editor: NeovimSession, tmp_path: Path) -> ScriptedSession:
    """Neovim in normal mode on an empty file, with the plugin's defaults."""
    scripted_editor.press("<C-\\><C-n>")
    scripted_editor.lua(RESET)
    scripted_editor.lua(SETUP, {"settings": {"model": "small"}})
    scripted_editor.open(tmp_path / "file.py", "")
    scripted_editor.lua("notified = {}")
    return ScriptedSession(scripted_editor)


def test_a_suggestion_is_shown_and_accepted(scripted: ScriptedSession) -> None:
    scripted.suggest("self.ite", "ms")
    assert scripted.editor.ghost() == "ms"
    assert scripted.editor.screen()[0] == "self.items"
    scripted.editor.press("<Tab>")
    scripted.editor.wait_for_line(lambda line: line == "self.items")
    assert scripted.editor.ghost() is None


def test_the_server_is_told_that_there_is_inline_completion(scripted: ScriptedSession) -> None:
    assert scripted.editor.lua("return client_capabilities.textDocument.inlineCompletion ~= nil")


# Answers that come late (language-server-protocol #1529)


def test_an_answer_for_a_place_left_behind_is_not_shown(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    editor.press("x")
    editor.wait_for_line(lambda line: line.endswith("x"))
    scripted.answer("ms")
    scripted.wait_for_request()
    assert editor.ghost() is None


def test_an_answer_for_text_that_was_edited_elsewhere_moves_along(scripted: ScriptedSession) -> None:
    """As when another plugin adds an import meanwhile."""
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    editor.nvim.current.buffer.append("import this", 0)
    scripted.answer("ms")
    assert editor.wait_for_ghost() == "ms"
    assert editor.ghost_place() == (1, len("self.ite"))
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "self.items")
    assert editor.nvim.current.buffer[0] == "import this"


@pytest.mark.parametrize(("start", "end", "text"), [(0, 4, "them"), (8, 9, ";")], ids=["before", "behind"])
def test_an_answer_for_a_line_that_was_edited_is_not_shown(
    scripted: ScriptedSession, start: int, end: int, text: str
) -> None:
    """Edited by another plugin, before or behind the cursor, which stays."""
    editor = scripted.editor
    editor.nvim.current.line = "self.it,1)"
    editor.press("7li")
    editor.press("e")
    editor.wait_for_line(lambda line: line == "self.ite,1)")
    scripted.wait_for_request()
    editor.nvim.api.buf_set_text(0, 0, start, 0, end, [text])
    scripted.answer("ms")
    assert editor.ghost() is None


def test_an_answer_for_another_buffer_is_not_shown(scripted: ScriptedSession, tmp_path: Path) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    editor.press(f"<Cmd>split {tmp_path / 'other.py'}<CR>")
    editor.wait("the other buffer", lambda: editor.nvim.current.buffer.name.endswith("other.py"))
    scripted.answer("ms")
    assert editor.ghost() is None


def test_an_answer_that_was_typed_along_meanwhile_is_shown(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("x = 😀; self.ite")
    scripted.wait_for_request()
    editor.press("m")
    editor.wait_for_line(lambda line: line.endswith("m"))
    scripted.answer("ms.pop()")
    assert editor.wait_for_ghost() == "s.pop()"


def test_an_older_answer_does_not_take_a_newer_ones_place(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.it")
    scripted.wait_for_request()
    editor.press("e")
    editor.wait("a second request", lambda: editor.lua("return #pending == 2"))
    editor.lua("newer = table.remove(pending)")
    editor.lua("table.insert(pending, 1, newer)")
    scripted.answer("ms.pop()")
    editor.wait_for_ghost()
    scripted.answer("eration")
    assert editor.ghost() == "ms.pop()"


def test_typing_cancels_the_request_under_way(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    request = editor.lua("return pending[1].id")
    editor.press("x")
    editor.wait("the request to be cancelled", lambda: request in editor.lua("return cancelled"))


# What is on the screen


def test_typing_along_keeps_the_rest_on_screen(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms.pop()")
    editor.record_ghosts()
    for key in "ms.pop":
        editor.press(key)
        editor.wait_for_line(lambda line, key=key: line.endswith(key))
    rests = [("self.ite" + "ms.pop()"[:typed], "ms.pop()"[typed:]) for typed in range(1, 7)]
    assert [each for each in editor.recorded_ghosts() if each[0] != "self.ite"] == rests


def test_typing_along_over_a_line_end(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal autoindent")
    scripted.suggest("    a =", " b\n    c = d")
    assert editor.screen()[:2] == ["    a = b", "    c = d"]
    editor.press(" b<CR>c")
    editor.wait_for_line(lambda line: line == "    c")
    assert editor.wait_for_ghost() == " = d"


def test_going_back_along_the_suggestion_keeps_it_on_screen(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    editor.press("<BS>")
    editor.wait_for_line(lambda line: line == "self.it")
    assert editor.ghost() == "ems"
    editor.press("<Left>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)


def test_an_empty_answer_leaves_what_is_typed_along(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    scripted.forget_requests()
    editor.press("m")
    scripted.wait_for_request()
    scripted.answer()
    assert editor.ghost() == "s"


def test_many_lines_in_the_middle_of_a_line(scripted: ScriptedSession) -> None:
    """What stands behind the cursor is shown where it will be."""
    editor = scripted.editor
    scripted.suggest("f(", "a,\n  b", behind=") # end")
    assert editor.screen()[:3] == ["f(a,", "  b) # end", "~"]
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "  b) # end")
    assert editor.nvim.current.buffer[:] == ["f(a,", "  b) # end"]


def test_what_is_replaced_is_not_shown_twice(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("f(", "a), g(b)", behind=")", replaced=1)
    assert editor.screen()[0] == "f(a), g(b)"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "f(a), g(b)")


def test_a_suggestion_ends_at_the_closer_that_stands_there(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal noexpandtab softtabstop=0")
    scripted.suggest("f(", "a)", behind=")", replaced=1)
    editor.press("a<Tab>")
    editor.wait_for_line(lambda line: line == "f(a\t)")


def test_closers_that_the_editor_sets_are_not_repeated(scripted: ScriptedSession) -> None:
    """Typing ``(`` along, with a plugin that adds the ``)``."""
    editor = scripted.editor
    editor.nvim.command("inoremap <buffer> ( ()<C-g>U<Left>")
    scripted.suggest("self.pop", "(1, 2)")
    editor.press("(")
    editor.wait_for_line(lambda line: line == "self.pop()")
    assert editor.screen()[0] == "self.pop(1, 2)"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "self.pop(1, 2)")


def test_tabs_are_as_wide_as_they_will_be(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal tabstop=4")
    scripted.suggest("ab", "\tc\n\td\t.")
    assert editor.screen()[:2] == ["ab  c", "    d   ."]


def test_dos_line_ends_do_not_reach_the_buffer(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("if x:", "\r\n    y()\r\n    z()")
    assert editor.ghost() == "\n    y()\n    z()"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "    z()")
    assert editor.nvim.current.buffer[:] == ["if x:", "    y()", "    z()"]


# Accepting


def test_accept_by_word(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms.append(ä, b)\n    c", behind="")
    for line, rest in [
        ("self.items", ".append(ä, b)\n    c"),
        ("self.items.append", "(ä, b)\n    c"),
        ("self.items.append(ä", ", b)\n    c"),
        ("self.items.append(ä, b", ")\n    c"),
        ("self.items.append(ä, b)", "\n    c"),
    ]:
        editor.press("<M-Right>")
        editor.wait_for_line(lambda seen, line=line: seen == line)
        assert editor.ghost() == rest
    editor.press("<M-Right>")
    editor.wait_for_line(lambda line: line == "    c")
    assert editor.ghost() is None
    assert editor.nvim.current.buffer[:] == ["self.items.append(ä, b)", "    c"]


def test_accept_by_line(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("if x", ":\n    y()\n    z()")
    for buffer, rest in [
        (["if x:"], "\n    y()\n    z()"),
        (["if x:", "    y()"], "\n    z()"),
        (["if x:", "    y()", "    z()"], None),
    ]:
        editor.press("<M-C-Right>")
        editor.wait("the next line", lambda buffer=buffer: editor.nvim.current.buffer[:] == buffer)
        assert editor.ghost() == rest


def test_accepting_a_part_keeps_what_follows(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("f(", "a, b)", behind="); g()", replaced=1)
    editor.press("<M-Right>")
    editor.wait_for_line(lambda line: line == "f(a); g()")
    assert editor.screen()[0] == "f(a, b); g()"
    editor.press("<M-Right>")
    editor.wait_for_line(lambda line: line == "f(a, b); g()")
    assert editor.ghost() is None


def test_what_becomes_of_a_suggestion_is_told(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    accept = {"title": "", "command": "byteLsp.didAccept", "arguments": ["id"]}
    scripted.suggest("self.ite", "ms", command=accept)
    shown = scripted.notifications("textDocument/didShowCompletion")
    assert [each["item"]["insertText"] for each in shown] == ["ms"]
    assert editor.lua("return executed") == []
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "self.items")
    assert editor.lua("return executed") == [{"command": "byteLsp.didAccept", "arguments": ["id"]}]
    assert scripted.notifications("textDocument/didPartiallyAcceptCompletion") == []


def test_the_length_accepted_is_told_in_utf_16(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("x", ".😀a.b", command={"title": "", "command": "byteLsp.didAccept"})
    editor.press(".<M-Right>")
    editor.wait_for_line(lambda line: line == "x.😀a")
    told = scripted.notifications("textDocument/didPartiallyAcceptCompletion")
    assert [(each["acceptedLength"], each["item"]["insertText"]) for each in told] == [(4, ".😀a.b")]
    assert editor.lua("return executed") == []


def test_accept_right_after_a_key_inserts_nothing_twice(scripted: ScriptedSession) -> None:
    """neovim #36529: the key and the accept arrive together."""
    editor = scripted.editor
    scripted.suggest("self.ite", "ms.pop()")
    editor.press("ms<Tab>;")
    editor.wait_for_line(lambda line: line == "self.items.pop();")


def test_tab_in_the_indentation_indents(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal shiftwidth=4 softtabstop=4 expandtab")
    scripted.suggest(" ", "       return x")
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "    ")
    assert editor.ghost() == "    return x"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == " " * 8)
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "        return x")


def test_undo_takes_back_one_accepted_part_after_the_other(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms.pop()")
    for line in ("self.items", "self.items.pop", "self.items.pop()"):
        editor.press("<M-Right>")
        editor.wait_for_line(lambda seen, line=line: seen == line)
    editor.press("; x<Esc>")
    for line in ("self.items.pop(); x", "self.items.pop()", "self.items.pop", "self.items", "self.ite"):
        editor.wait_for_line(lambda seen, line=line: seen == line)
        editor.press("u")


def test_dot_repeats_what_was_typed_and_accepted(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.current.buffer[:] = ["old", "old"]
    editor.press("ggcwself.ite")
    editor.wait_for_line(lambda line: line == "self.ite")
    scripted.wait_for_request()
    scripted.answer("ms")
    editor.wait_for_ghost()
    editor.press("<Tab>[0]<Esc>j0.")
    editor.wait("the repetition", lambda: editor.nvim.current.buffer[:] == ["self.items[0]"] * 2)


def test_options_that_change_typed_text_leave_suggestions_alone(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal autoindent textwidth=12 formatoptions+=t | iabbrev <buffer> then never")
    scripted.suggest("    if x", " then y then\nz then")
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "z then")
    assert editor.nvim.current.buffer[:] == ["    if x then y then", "z then"]


# Keys


@pytest.mark.parametrize(
    ("key", "mapped"), [("<Tab>", "t"), ("<C-]>", "d"), ("<M-Right>", "w"), ("<M-C-Right>", "l")]
)
def test_keys_without_ghost_text_keep_their_mappings(
    scripted: ScriptedSession, key: str, mapped: str
) -> None:
    scripted.editor.nvim.command(f"inoremap {key} {mapped}")
    scripted.editor.press(f"ix{key}y")
    scripted.editor.wait_for_line(lambda line: line == f"x{mapped}y")


def test_keys_of_one_buffer_keep_their_meaning_and_get_it_back(scripted: ScriptedSession) -> None:
    """Completion plugins map keys buffer by buffer."""
    editor = scripted.editor
    editor.lua("""
      local here = vim.api.nvim_get_current_buf()
      require('byte_lsp.keymaps').remove(here)
      vim.keymap.set('i', '<M-Right>', 'w', { buffer = true })
      require('byte_lsp.keymaps').set(here)
    """)
    editor.press("ix<M-Right>y")
    editor.wait_for_line(lambda line: line == "xwy")
    editor.press("<Esc>")
    editor.lua("require('byte_lsp.keymaps').remove(vim.api.nvim_get_current_buf())")
    editor.press("ccx<M-Right>z")
    editor.wait_for_line(lambda line: line == "xwz")


def test_requests_that_were_given_up_leave_little_behind(scripted: ScriptedSession) -> None:
    """Neovim does not tell what the server answers to a cancellation."""
    editor = scripted.editor
    editor.press("i")
    for _ in range(30):
        editor.press("x")
        scripted.wait_for_request()
        scripted.forget_requests()
    count = """
      local namespace = vim.api.nvim_get_namespaces()['byte_lsp.places']
      return #vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, {})
    """
    assert editor.lua("return #cancelled") >= 20
    assert editor.lua(count) <= 10


def test_dismiss_holds_until_the_next_key(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    scripted.forget_requests()
    editor.press("<C-]>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    assert editor.line() == "self.ite"
    editor.nvim.command("doautocmd <nomodeline> CursorMovedI")
    assert editor.lua("vim.wait(50) return #pending") == 0
    editor.press("m")
    scripted.wait_for_request()


def test_next_asks_for_alternatives(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    editor.press("<M-]>")
    scripted.wait_for_request()
    assert scripted.answer("ms", "ms.pop()", "mize()") == 1
    editor.wait_for_ghost(lambda text: text == "ms.pop()")
    assert editor.hint() == " (2/3)"
    assert editor.screen()[0] == "self.items.pop() (2/3)"
    editor.press("<M-]>")
    editor.wait_for_ghost(lambda text: text == "mize()")
    editor.press("<M-]>")
    editor.wait_for_ghost(lambda text: text == "ms")
    editor.press("<M-[>")
    editor.wait_for_ghost(lambda text: text == "mize()")


def test_what_was_chosen_stays(scripted: ScriptedSession) -> None:
    """Typing along an alternative, nothing that comes unasked takes its place."""
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    editor.press("<M-]>")
    scripted.wait_for_request()
    scripted.answer("ms", "mize()")
    editor.wait_for_ghost(lambda text: text == "mize()")
    editor.press("m")
    editor.wait_for_line(lambda line: line == "self.item")
    assert editor.lua("vim.wait(50) return #pending") == 0
    assert editor.ghost() == "ize()"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "self.itemize()")


def test_suggest_asks_where_nothing_is_shown(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    scripted.answer()
    editor.press("<M-\\>")
    scripted.wait_for_request()
    assert scripted.answer("ms") == 1
    assert editor.wait_for_ghost() == "ms"


# The popup menu


def test_beside_the_popup_menu_nothing_moves(scripted: ScriptedSession) -> None:
    """One line of ghost text beside the menu, none while an item is chosen, all of it again after."""
    editor = scripted.editor
    editor.nvim.command("set completeopt=menu,menuone,noselect")
    editor.nvim.current.buffer[:] = ["items", "iterate", ""]
    scripted.forget_requests()
    editor.press("Gi")
    editor.press("it")
    editor.wait_for_line(lambda line: line == "it")
    scripted.wait_for_request()
    scripted.forget_requests()
    editor.press("<C-x><C-n>")
    editor.wait("the menu", editor.nvim.funcs.pumvisible)
    editor.press("e")
    editor.wait_for_line(lambda line: line == "ite")
    scripted.wait_for_request()
    scripted.answer("ms.pop()\nx")
    editor.record_ghosts()
    assert editor.wait_for_ghost() == "ms.pop()"
    editor.press("m")
    editor.wait_for_line(lambda line: line == "item")
    assert editor.ghost() == "s.pop()"
    assert ("item", "s.pop()") in editor.recorded_ghosts()
    editor.press("<C-n>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    editor.press("<C-e>")
    editor.wait_for_line(lambda line: line == "item")
    assert editor.wait_for_ghost(lambda text: "\n" in text) == "s.pop()\nx"


def test_accept_beside_the_popup_menu(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.command("set completeopt=menu,menuone,noselect")
    editor.nvim.current.buffer[:] = ["items", "iterate", ""]
    editor.press("Giit")
    editor.wait_for_line(lambda line: line == "it")
    scripted.wait_for_request()
    scripted.answer("ems.pop()")
    editor.wait_for_ghost()
    editor.press("<C-x><C-n>")
    editor.wait("the menu", editor.nvim.funcs.pumvisible)
    editor.press("<Tab>;")
    editor.wait_for_line(lambda line: line == "items.pop();")
    assert not editor.nvim.funcs.pumvisible()


# Windows and buffers


def test_two_windows_on_one_buffer(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.nvim.current.buffer[:] = ["one", "two"]
    editor.nvim.command("split")
    editor.type_at_end(" self.ite")
    scripted.wait_for_request()
    scripted.answer("ms")
    editor.wait_for_ghost()
    editor.press("<Cmd>wincmd w<CR>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    editor.press("<Cmd>wincmd w<CR><Tab>x")
    editor.wait_for_line(lambda line: "x" in line)
    assert editor.nvim.current.buffer[0] == "one"
    assert "items" not in editor.nvim.current.buffer[1]


def test_another_buffer_has_no_keys_of_ours(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    editor.press("<Esc>")
    scripted.forget_requests()
    editor.nvim.command("new | setlocal buftype=nofile")
    editor.press("ix<Tab>y")
    editor.wait_for_line(lambda line: line == "x\ty")
    assert editor.lua("return #pending") == 0


def test_a_buffer_that_goes_away_takes_its_ghost_text_along(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    scripted.suggest("self.ite", "ms")
    editor.press("<Cmd>bwipeout!<CR>x")
    editor.wait_for_line(lambda line: line == "x")
    assert editor.nvim.command_output("messages") == ""


# On and off


@pytest.mark.parametrize("scope", ["", "global", "buffer", "filetype"])
def test_switching_off_and_on(scripted: ScriptedSession, scope: str) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal filetype=python")
    scripted.suggest("self.ite", "ms")
    editor.press(f"<Cmd>ByteLsp disable {scope}<CR>")
    editor.wait("the ghost text to go", lambda: editor.ghost() is None)
    assert editor.lua("return require('byte_lsp').status().state") == "off"
    scripted.forget_requests()
    editor.press("m")
    editor.wait_for_line(lambda line: line.endswith("m"))
    assert editor.lua("vim.wait(50) return #pending") == 0
    editor.press(f"<Cmd>ByteLsp toggle {scope}<CR>")
    scripted.wait_for_request()


def test_a_filetype_is_off_elsewhere_too(scripted: ScriptedSession, tmp_path: Path) -> None:
    editor = scripted.editor
    editor.nvim.command("setlocal filetype=python | ByteLsp disable filetype")
    for name, state in [("other.py", "off"), ("other.lua", "loading")]:
        editor.open(tmp_path / name, "")
        assert editor.lua("return require('byte_lsp').status().state") == state
    editor.lua(SETUP, {"filetypes": {"lua": False}})
    assert editor.lua("return require('byte_lsp').status().state") == "off"


# Status, commands


def test_the_status_is_told(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    status = {"state": "error", "kind": "Error", "message": "no model", "busy": False, "action": "Pull one."}
    editor.lua(
        "told = nil; vim.api.nvim_create_autocmd('User', { pattern = 'ByteLspStatus', once = true,"
        " callback = function(event) told = event.data end })"
    )
    editor.lua("notify_editor('didChangeStatus', ...)", status)
    editor.wait("the event", lambda: editor.lua("return told ~= nil"))
    assert editor.lua("return told") == status
    assert editor.lua("return require('byte_lsp').status()") == status
    assert editor.lua("return require('byte_lsp').statusline()") == "byte-lsp: error"
    editor.nvim.command("ByteLsp status")
    said = editor.wait("the status", lambda: editor.nvim.command_output("messages"))
    assert "error\nno model\nPull one.\nasked 3" in said


def test_what_was_asked_while_the_model_was_loading_is_asked_again(
    fresh_editor: NeovimSession, tmp_path: Path
) -> None:
    fresh_editor.lua(SETUP, {"settings": {"model": "small"}})
    fresh_editor.open(tmp_path / "file.py", "")
    scripted = ScriptedSession(fresh_editor)
    fresh_editor.type_at_end("self.ite")
    scripted.wait_for_request()
    scripted.answer()
    status = {"kind": "Normal", "message": "small", "busy": False, "action": ""}
    for state in ("loading", "ready"):
        fresh_editor.lua("notify_editor('didChangeStatus', ...)", {**status, "state": state})
    scripted.wait_for_request()
    scripted.answer("ms")
    assert fresh_editor.wait_for_ghost() == "ms"


def test_a_download_is_seen(scripted: ScriptedSession) -> None:
    editor = scripted.editor

    def report(**value: Any) -> None:
        editor.lua("notify_editor('$/progress', ...)", {"token": "t", "value": value})

    def message() -> str:
        return str(editor.lua("return require('byte_lsp').status().message"))

    report(kind="begin", title="byte-lsp: downloading", percentage=0)
    report(kind="report", percentage=40, message="39 MB of 98")
    editor.wait("the progress", lambda: message() == "byte-lsp: downloading: 40% 39 MB of 98")
    assert editor.screen()[-1] == "byte-lsp: downloading: 40% 39 MB of 98"
    report(kind="end")
    editor.wait("its end", lambda: "40%" not in message())


def test_compare_shows_what_each_way_would_say(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    editor.press("<Esc>:ByteLsp compare<CR>")
    editor.wait("a window", lambda: len(editor.nvim.windows) == 2)
    float_window = next(window for window in editor.nvim.windows if window.api.get_config()["relative"])
    assert float_window.buffer[:] == ["plain    self.ite|ration", "exact    self.ite|ms", "         b"]
    editor.press("l")


def test_a_model_is_chosen(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.lua(
        "vim.ui.select = function(models, options, choose)"
        " offered = vim.tbl_map(options.format_item, models); choose(models[2]) end"
    )
    editor.nvim.command("ByteLsp model")
    assert editor.lua("return offered") == [
        "small (98 MB, MIT, in use) A",
        "large (9000 MB, MIT, to be downloaded) B",
    ]
    told = scripted.notifications("workspace/didChangeConfiguration")
    assert told[-1]["settings"]["byteLsp"]["model"] == "large"


def test_restart_is_a_command_of_the_server(scripted: ScriptedSession) -> None:
    scripted.editor.nvim.command("ByteLsp restart")
    assert [each["command"] for each in scripted.editor.lua("return executed")] == ["byteLsp.restart"]


def test_restart_starts_a_server_that_has_ended(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.lua("vim.lsp.stop_client(vim.lsp.get_clients())")
    editor.wait("the server to stop", lambda: not editor.lua("return next(vim.lsp.get_clients())"))
    assert editor.lua("return require('byte_lsp').status().state") == "stopped"
    editor.nvim.command("ByteLsp restart")
    editor.wait("the server to attach", lambda: editor.lua("return #vim.lsp.get_clients({ bufnr = 0 }) > 0"))


def test_log_opens_the_log(scripted: ScriptedSession) -> None:
    scripted.editor.nvim.command("ByteLsp log")
    assert scripted.editor.nvim.current.buffer.name.endswith("lsp.log")


def test_commands_complete(scripted: ScriptedSession) -> None:
    def complete(line: str) -> list[str]:
        return list(scripted.editor.nvim.funcs.getcompletion(line, "cmdline"))

    assert complete("ByteLsp ") == [
        "compare", "disable", "enable", "log", "model", "restart", "status", "toggle",
    ]  # fmt: skip
    assert complete("ByteLsp t") == ["toggle"]
    assert complete("ByteLsp toggle ") == ["global", "buffer", "filetype"]
    assert complete("ByteLsp status ") == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("frobnicate", "frobnicate is no subcommand; there are compare, disable"),
        ("toggle me", "me is not one of global, buffer, filetype"),
        ("status x", "status takes no argument"),
    ],
)
def test_a_command_says_what_is_wrong(scripted: ScriptedSession, command: str, problem: str) -> None:
    editor = scripted.editor
    editor.press(f":ByteLsp {command}<CR>")
    editor.wait("what is wrong", lambda: problem in editor.nvim.command_output("messages"))


def test_focus_is_told(scripted: ScriptedSession, tmp_path: Path) -> None:
    editor = scripted.editor
    editor.open(tmp_path / "focused.py", "")
    told = scripted.notifications("textDocument/didFocus")
    assert told[-1]["textDocument"]["uri"].endswith("focused.py")


# Attaching


def test_detaching_gives_the_keys_back(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    assert "byte-lsp: Accept" in editor.nvim.command_output("imap <buffer>")
    editor.lua("vim.lsp.buf_detach_client(0, vim.lsp.get_clients()[1].id)")
    assert "byte-lsp" not in editor.nvim.command_output("imap <buffer>")


@pytest.fixture
def fresh_editor(neovim_executable: Path, tmp_path: Path) -> Iterator[NeovimSession]:
    """A Neovim of its own, in which nothing was set up."""
    with start_neovim(neovim_executable, tmp_path) as editor:
        editor.lua(SCRIPTED_SERVER)
        yield editor


NOTE_STATUSES = """
told = {}
vim.api.nvim_create_autocmd('User', { pattern = 'ByteLspStatus', callback = function(event)
  table.insert(told, event.data.message)
end })
"""

NOTE_COMPLAINTS = """
complaints, ends = {}, 0
vim.notify = function(message, level)
  if level == vim.log.levels.ERROR then table.insert(complaints, message) end
  if message:find('^Client byte_lsp quit') then ends = ends + 1 end
end
"""

STOP = """
local client = vim.lsp.get_clients()[1]
if vim.fn.has('nvim-0.11') == 1 then client:stop(...) else client.stop(...) end
"""

STATE = "return require('byte_lsp').status().state"


def needs(editor: NeovimSession, feature: str) -> None:
    if not editor.lua(f"return {feature} ~= nil"):
        pytest.skip(f"this Neovim has no {feature}")


def test_enabling_the_config_is_enough(fresh_editor: NeovimSession, tmp_path: Path) -> None:
    needs(fresh_editor, "vim.lsp.enable")
    fresh_editor.lua("vim.lsp.config('byte_lsp', { cmd = scripted_server })")
    fresh_editor.lua("vim.lsp.enable('byte_lsp')")
    fresh_editor.open(tmp_path / "file.py", "")
    ScriptedSession(fresh_editor).suggest("self.ite", "ms")
    fresh_editor.press("<Tab>")
    fresh_editor.wait_for_line(lambda line: line == "self.items")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_neovims_own_inline_completion_does_not_double_the_text(
    fresh_editor: NeovimSession, tmp_path: Path, moment: str
) -> None:
    needs(fresh_editor, "vim.lsp.inline_completion")
    if moment == "before":
        fresh_editor.lua("vim.lsp.inline_completion.enable()")
    fresh_editor.lua(SETUP, {"settings": {"model": "x"}})
    fresh_editor.open(tmp_path / "file.py", "")
    if moment == "after":
        fresh_editor.lua("vim.lsp.inline_completion.enable()")
    scripted = ScriptedSession(fresh_editor)
    scripted.suggest("self.ite", "ms")
    assert fresh_editor.lua("vim.wait(400) return #pending") == 0
    assert fresh_editor.screen()[0] == "self.items"


def test_ghost_text_can_be_left_to_neovim(fresh_editor: NeovimSession, tmp_path: Path) -> None:
    needs(fresh_editor, "vim.lsp.inline_completion")
    fresh_editor.lua(SETUP, {"ghost_text": False})
    fresh_editor.lua("vim.lsp.inline_completion.enable()")
    fresh_editor.open(tmp_path / "file.py", "")
    scripted = ScriptedSession(fresh_editor)
    fresh_editor.type_at_end("self.ite")
    scripted.wait_for_request()
    scripted.answer("ms")
    assert fresh_editor.ghost() is None
    assert fresh_editor.screen()[0] == "self.items"
    assert "byte-lsp" not in fresh_editor.nvim.command_output("imap <buffer>")


def test_a_server_without_inline_completion_leaves_the_keys_alone(
    fresh_editor: NeovimSession, tmp_path: Path
) -> None:
    fresh_editor.lua("provides.inlineCompletionProvider = nil")
    fresh_editor.lua(SETUP, {"settings": {"model": "x"}})
    fresh_editor.open(tmp_path / "file.py", "")
    assert "byte-lsp" not in fresh_editor.nvim.command_output("imap <buffer>")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"model": "x"},
            "unknown option model; known ones are cmd, debounce_ms, filetypes, ghost_text",
        ),
        ({"cmd": "byte-lsp"}, "option cmd must be a table or a function, not a string"),
        ({"debounce_ms": "1"}, "option debounce_ms must be a number, not a string"),
        ({"filetypes": ["python"]}, "option filetypes.1 must be true or false"),
        ({"keymaps": {"accept": 1}}, "option keymaps.accept must be a string or false"),
        ({"keymaps": {"acept": "<Tab>"}}, "unknown option keymaps.acept"),
    ],
)
def test_setup_names_what_is_wrong(
    scripted: ScriptedSession, options: dict[str, object], problem: str
) -> None:
    editor = scripted.editor
    editor.setup(options)
    messages = editor.nvim.command_output("messages")
    assert problem in messages
    assert "stack traceback" not in messages


def test_setup_that_is_wrong_starts_nothing(fresh_editor: NeovimSession, tmp_path: Path) -> None:
    fresh_editor.setup({"cmd": "byte-lsp"})
    fresh_editor.nvim.command(f"edit {tmp_path / 'file.py'}")
    assert fresh_editor.lua("return #vim.lsp.get_clients()") == 0


def test_keys_of_ones_own(fresh_editor: NeovimSession, tmp_path: Path) -> None:
    fresh_editor.lua(SETUP, {"keymaps": {"accept": "<C-l>", "dismiss": False}})
    fresh_editor.open(tmp_path / "file.py", "")
    mappings = fresh_editor.nvim.command_output("imap <buffer>")
    assert "<C-L>" in mappings
    assert "<C-]>" not in mappings
    assert "<Tab>" not in mappings


# A server that ends


@pytest.mark.parametrize(("code", "signal"), [(0, 9), (1, 0)], ids=["signal", "exit code"])
def test_a_server_that_dies_is_started_again(
    fresh_editor: NeovimSession, tmp_path: Path, code: int, signal: int
) -> None:
    """All its buffers get it back, ghost text returns by itself, and what was going on is over."""
    fresh_editor.lua(NOTE_STATUSES)
    fresh_editor.lua(SETUP, {"settings": {"model": "small"}})
    fresh_editor.open(tmp_path / "one.py", "first")
    (tmp_path / "two.py").write_text("second")
    fresh_editor.nvim.command(f"edit {tmp_path / 'two.py'}")
    scripted = ScriptedSession(fresh_editor)
    scripted.suggest("self.ite", "ms")
    value = {"kind": "begin", "title": "byte-lsp: downloading", "percentage": 40}
    fresh_editor.lua("notify_editor('$/progress', ...)", {"token": "t", "value": value})
    fresh_editor.lua("pending, notified = {}, {}; end_server(...)", code, signal)
    fresh_editor.wait("the ghost text to go", lambda: fresh_editor.ghost() is None)
    scripted.wait_for_request()
    scripted.answer("ms")
    assert fresh_editor.wait_for_ghost() == "ms"
    documents = [each["textDocument"] for each in scripted.notifications("textDocument/didOpen")]
    texts = {Path(document["uri"]).name: document["text"] for document in documents}
    assert texts == {"one.py": "first", "two.py": "self.ite"}
    assert "the server ended and is started again" in fresh_editor.lua("return told")
    assert fresh_editor.lua("return require('byte_lsp').status().message") == "starting"
    fresh_editor.press("<Tab>")
    fresh_editor.wait_for_line(lambda line: line == "self.items")


def test_a_server_that_is_started_again_has_the_settings_of_the_moment(
    fresh_editor: NeovimSession, tmp_path: Path
) -> None:
    fresh_editor.lua(SETUP, {"settings": {"model": "small", "suggest": {"max_lines": 3}}})
    fresh_editor.open(tmp_path / "file.py", "")
    fresh_editor.nvim.command("ByteLsp model large")
    fresh_editor.lua("notified = {}; end_server(0, 9)")
    scripted = ScriptedSession(fresh_editor)
    told = fresh_editor.wait("settings", lambda: scripted.notifications("workspace/didChangeConfiguration"))
    assert told[0]["settings"] == {"byteLsp": {"model": "large", "suggest": {"max_lines": 3}}}


def test_a_server_that_keeps_dying_is_given_up(fresh_editor: NeovimSession, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    starts.write_text("")
    server = f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(3)"

    fresh_editor.lua(NOTE_COMPLAINTS)
    fresh_editor.nvim.command(f"edit {tmp_path / 'file.py'}")
    fresh_editor.setup({"cmd": [sys.executable, "-c", server]})
    (complaint,) = fresh_editor.wait("a complaint", lambda: fresh_editor.lua("return complaints"))
    log = fresh_editor.lua("return vim.lsp.log.get_filename()")
    assert complaint == (
        f"byte-lsp: the server ended again and again (exit code 3). {log} (:ByteLsp log) says why; "
        ":ByteLsp restart starts it again."
    )
    assert starts.read_text() == "xxxx"
    assert fresh_editor.lua(STATE) == "error"
    fresh_editor.nvim.command(f"edit {tmp_path / 'other.py'}")
    fresh_editor.wait("the fifth end", lambda: fresh_editor.lua("return ends == 5"))
    assert fresh_editor.lua("return #complaints") == 1
    fresh_editor.nvim.command("checkhealth byte_lsp")
    assert "ERROR the server ended again and again" in "\n".join(fresh_editor.nvim.current.buffer[:])
    starts.write_text("")
    fresh_editor.nvim.command("bwipeout | ByteLsp restart")
    fresh_editor.wait("a second complaint", lambda: fresh_editor.lua("return #complaints == 2"))
    assert starts.read_text() == "xxxx"


def test_a_server_that_cannot_be_started_again_is_given_up(
    fresh_editor: NeovimSession, tmp_path: Path
) -> None:
    """As when its program was removed while it ran."""
    fresh_editor.lua(NOTE_COMPLAINTS)
    fresh_editor.lua(
        "local scripted = scripted_server; scripted_server = function(dispatchers)"
        " assert(not is_removed, 'no such program'); return scripted(dispatchers) end"
    )
    fresh_editor.lua(SETUP, {"settings": {"model": "small"}})
    fresh_editor.open(tmp_path / "file.py", "")
    fresh_editor.lua("is_removed = true; end_server(0, 9)")
    (complaint,) = fresh_editor.wait("a complaint", lambda: fresh_editor.lua("return complaints"))
    assert "again and again (it cannot be started)" in complaint
    fresh_editor.lua("is_removed = false")
    fresh_editor.nvim.command("ByteLsp restart")
    fresh_editor.wait("the server", lambda: fresh_editor.lua(STATE) == "loading")
    assert fresh_editor.lua("return started") == 2


@pytest.mark.parametrize("way", ["stop", "force", "disable", "clean exit"])
def test_a_server_that_was_to_end_stays_away(fresh_editor: NeovimSession, tmp_path: Path, way: str) -> None:
    if way == "disable":
        needs(fresh_editor, "vim.lsp.enable")
    fresh_editor.lua(SETUP, {"settings": {"model": "small"}})
    fresh_editor.open(tmp_path / "file.py", "")
    if way == "disable":
        fresh_editor.lua("vim.lsp.enable('byte_lsp', false)")
    elif way == "clean exit":
        fresh_editor.lua("end_server(0, 0)")
    else:
        fresh_editor.lua(STOP, way == "force")
    fresh_editor.wait("the end", lambda: not fresh_editor.lua("return next(vim.lsp.get_clients())"))
    assert fresh_editor.lua(STATE) == "stopped"


def test_a_server_that_is_disabled_after_it_died_stays_away(
    fresh_editor: NeovimSession, tmp_path: Path
) -> None:
    needs(fresh_editor, "vim.lsp.is_enabled")
    fresh_editor.lua(SETUP, {"settings": {"model": "small"}})
    fresh_editor.open(tmp_path / "file.py", "")
    fresh_editor.lua("end_server(0, 9)")
    fresh_editor.wait("the end", lambda: not fresh_editor.lua("return next(vim.lsp.get_clients())"))
    assert fresh_editor.lua(STATE) == "loading"
    fresh_editor.lua("vim.lsp.enable('byte_lsp', false)")
    fresh_editor.wait("it to stay away", lambda: fresh_editor.lua(STATE) == "stopped")


# Help


def test_help_has_everything(scripted: ScriptedSession, tmp_path: Path) -> None:
    editor = scripted.editor
    help_file = tmp_path / "doc" / "byte-lsp.txt"
    help_file.parent.mkdir()
    help_file.write_bytes((PLUGIN / "doc" / "byte-lsp.txt").read_bytes())
    editor.nvim.command(f"helptags {help_file.parent}")
    tags = {line.split("\t")[0] for line in (help_file.parent / "tags").read_text().splitlines()}
    functions = editor.lua("return vim.tbl_keys(require('byte_lsp'))")
    commands = editor.nvim.funcs.getcompletion("ByteLsp ", "cmdline")
    assert {f"byte_lsp.{name}()" for name in functions} <= tags
    assert {f":ByteLsp-{name}" for name in commands} <= tags
    text = help_file.read_text()
    options = editor.lua("return vim.tbl_keys(require('byte_lsp.options').current)")
    actions = editor.lua("return vim.tbl_keys(require('byte_lsp.options').current.keymaps)")
    assert not [name for name in [*options, *actions] if f"\n{name} " not in text]
    references = set(re.findall(r"\|(:?[bB]yte[-_\w]*)\|", text))
    assert references <= tags
