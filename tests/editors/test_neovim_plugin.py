"""The Neovim plugin against a scripted server: timing that no real server can be made to hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .neovim_session import NeovimSession, start_neovim

SCRIPTED_SERVER = """
pending, cancelled = {}, {}
provides = { inlineCompletionProvider = true, positionEncoding = 'utf-16' }
vim.lsp.config('byte_lsp', {
  cmd = function(dispatchers)
    local id, closing = 0, false
    local close = function()
      if not closing then vim.schedule(function() dispatchers.on_exit(0, 0) end) end
      closing = true
    end
    return {
      request = function(method, params, answer)
        id = id + 1
        if method == 'textDocument/inlineCompletion' then
          table.insert(pending, { id = id, params = params, answer = answer })
        else
          answer(nil, method == 'initialize' and { capabilities = provides } or vim.NIL, id)
        end
        return true, id
      end,
      notify = function(method, params)
        if method == '$/cancelRequest' then
          table.insert(cancelled, params.id)
        elseif method == 'exit' then
          close()
        end
      end,
      is_closing = function() return closing end,
      terminate = close,
    }
  end,
})
"""

ANSWER_FIRST = """
local first = table.remove(pending, 1)
local here = first.params.position
first.answer(nil, {
  { insertText = ..., range = { start = here, ['end'] = here } },
}, first.id)
return first.params.context.triggerKind
"""


class ScriptedSession:
    """Neovim with a server inside it whose answers the test gives, one by one."""

    def __init__(self, editor: NeovimSession) -> None:
        self.editor = editor

    def wait_for_request(self) -> None:
        self.editor.wait("a request", lambda: self.editor.lua("return #pending > 0"))

    def answer(self, text: str) -> int:
        """Answer the oldest request with one suggestion at its place; returns its trigger kind."""
        return int(self.editor.lua(ANSWER_FIRST, text))


@pytest.fixture
def scripted(neovim_executable: Path, tmp_path: Path) -> Iterator[ScriptedSession]:
    with start_neovim(neovim_executable, tmp_path) as editor:
        editor.lua(SCRIPTED_SERVER)
        editor.lua("vim.lsp.enable('byte_lsp')")
        editor.open(tmp_path / "file.py", "")
        yield ScriptedSession(editor)


def test_enabling_the_config_is_enough(scripted: ScriptedSession) -> None:
    scripted.editor.type_at_end("self.ite")
    scripted.wait_for_request()
    scripted.answer("ms")
    assert scripted.editor.wait_for_ghost() == "ms"
    scripted.editor.press("<Tab>")
    scripted.editor.wait_for_line(lambda line: line == "self.items")


def test_an_answer_for_a_place_left_behind_is_not_shown(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    editor.press("x")
    editor.wait_for_line(lambda line: line.endswith("x"))
    scripted.answer("ms")
    scripted.wait_for_request()
    assert editor.ghost() is None


def test_an_answer_that_was_typed_along_meanwhile_is_shown(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("x = 😀; self.ite")
    scripted.wait_for_request()
    editor.press("m")
    editor.wait_for_line(lambda line: line.endswith("m"))
    scripted.answer("ms.pop()")
    assert editor.wait_for_ghost() == "s.pop()"


def test_typing_cancels_the_request_under_way(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    request = editor.lua("return pending[1].id")
    editor.press("x")
    editor.wait("the request to be cancelled", lambda: request in editor.lua("return cancelled"))


def test_dos_line_ends_do_not_reach_the_buffer(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("if x:")
    scripted.wait_for_request()
    scripted.answer("\r\n    y()\r\n    z()")
    assert editor.wait_for_ghost() == "\n    y()\n    z()"
    editor.press("<Tab>")
    editor.wait_for_line(lambda line: line == "    z()")
    assert editor.nvim.current.buffer[:] == ["if x:", "    y()", "    z()"]


def test_next_asks_for_alternatives(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.type_at_end("self.ite")
    scripted.wait_for_request()
    assert scripted.answer("ms") == 2
    editor.wait_for_ghost()
    editor.press("<M-]>")
    scripted.wait_for_request()
    assert scripted.answer("ms.pop()") == 1
    assert editor.wait_for_ghost(lambda text: text.startswith("ms.pop()")) == "ms.pop() (1/1)"


def test_a_server_without_inline_completion_leaves_the_keys_alone(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    editor.lua("provides.inlineCompletionProvider = nil; vim.lsp.enable('byte_lsp', false)")
    editor.wait("the server to stop", lambda: not editor.lua("return next(vim.lsp.get_clients())"))
    editor.lua("vim.lsp.enable('byte_lsp')")
    editor.wait("the server to attach", lambda: editor.lua("return next(vim.lsp.get_clients()) ~= nil"))
    assert "byte-lsp" not in editor.nvim.command_output("imap <buffer>")


def test_detaching_gives_the_keys_back(scripted: ScriptedSession) -> None:
    editor = scripted.editor
    assert "byte-lsp: Accept" in editor.nvim.command_output("imap <buffer>")
    editor.lua("vim.lsp.buf_detach_client(0, vim.lsp.get_clients()[1].id)")
    assert "byte-lsp" not in editor.nvim.command_output("imap <buffer>")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"model": "x"}, "unknown option model; known ones are cmd, keymaps, settings"),
        ({"cmd": "byte-lsp"}, "option cmd must be a table, not a string"),
        ({"keymaps": {"accept": 1}}, "option keymaps.accept must be a string or false"),
        ({"keymaps": {"acept": "<Tab>"}}, "unknown option keymaps.acept"),
    ],
)
def test_setup_names_what_is_wrong(
    neovim_executable: Path, tmp_path: Path, options: dict[str, object], problem: str
) -> None:
    with start_neovim(neovim_executable, tmp_path) as editor:
        editor.setup(options)
        messages = editor.nvim.command_output("messages")
        assert problem in messages
        assert "stack traceback" not in messages
        assert not editor.lua("return vim.lsp.is_enabled('byte_lsp')")
