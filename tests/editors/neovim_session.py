"""A real Neovim with the real plugin, driven over RPC as a person would: files, keys, what is on screen."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pynvim
import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "editors" / "neovim"
READY_TIMEOUT_S = 480.0
GHOST_TIMEOUT_S = 60.0
ANSWER_MS = 20000
INLINE_COMPLETION = "textDocument/inlineCompletion"
KEY_TIMEOUT_S = 30.0
POLL_S = 0.02

GHOST = """
local namespace = vim.api.nvim_get_namespaces()['byte_lsp.ghost']
local marks = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true }) or {}
local function spell(chunks, group)
  local own = vim.iter(chunks or {}):filter(function(chunk) return chunk[2] == group end)
  return own:map(function(chunk) return chunk[1] end):join('')
end
local first, hint, below = '', '', {}
for _, mark in ipairs(marks) do
  first = first .. spell(mark[4].virt_text, 'ByteLspSuggestion')
  hint = hint .. spell(mark[4].virt_text, 'ByteLspHint')
  for _, line in ipairs(mark[4].virt_lines or {}) do
    table.insert(below, spell(line, 'ByteLspSuggestion'))
    hint = hint .. spell(line, 'ByteLspHint')
  end
end
local text = table.concat({ first, unpack(below) }, '\\n')
return #marks > 0 and { row = marks[1][2], col = marks[1][3], text = text, hint = hint } or nil
"""

RECORD_GHOSTS = f"""
recorded = {{}}
local ghost = function() {GHOST} end
vim.api.nvim_create_autocmd({{ 'CursorMovedI', 'TextChangedP' }}, {{
  group = vim.api.nvim_create_augroup('record_ghosts', {{ clear = true }}),
  callback = function()
    local shown = ghost()
    table.insert(recorded, {{ vim.api.nvim_get_current_line(), shown and shown.text or '' }})
  end,
}})
"""

SCREEN = """
vim.cmd.redraw()
local lines = {}
for row = 1, vim.o.lines do
  local cells = {}
  for column = 1, vim.o.columns do cells[column] = vim.fn.screenstring(row, column) end
  lines[row] = table.concat(cells)
end
return lines
"""

ASK = """
local method, params, timeout_ms = ...
local client = vim.lsp.get_clients({ name = 'byte_lsp' })[1]
if not client or not client.initialized then return nil end
local arguments = { method, next(params) and params or vim.empty_dict(), timeout_ms, 0 }
if vim.fn.has('nvim-0.11') == 1 then table.insert(arguments, 1, client) end
local answer = client.request_sync(unpack(arguments))
return answer and answer.result or nil
"""

POSITION = """
local client = vim.lsp.get_clients({ name = 'byte_lsp' })[1]
return client and vim.lsp.util.make_position_params(0, client.offset_encoding) or nil
"""

T = TypeVar("T")


def wait_until(
    what: str,
    look: Callable[[], T | None],
    timeout_s: float = KEY_TIMEOUT_S,
    describe: Callable[[], str] = str,
) -> T:
    """Look until there is something to see. Errors: ``AssertionError`` with ``describe()`` on timeout."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(POLL_S)
    raise AssertionError(f"waited {timeout_s:.0f} s for {what}; {describe()}")


class NeovimSession:
    """One running Neovim. Keys go in through ``nvim_input``, as from a terminal."""

    def __init__(self, nvim: Any) -> None:
        self.nvim = nvim

    def lua(self, code: str, *arguments: Any) -> Any:
        return self.nvim.exec_lua(code, *arguments)

    def setup(self, options: dict[str, Any]) -> None:
        """Call the plugin's ``setup()``."""
        self.lua("require('byte_lsp').setup(...)", options)

    def open(self, path: Path, content: str | bytes) -> None:
        """Write a file, open it in a fresh buffer and wait until the server is attached."""
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.press("<C-\\><C-n>")
        self.nvim.command("silent! %bwipeout!")
        self.nvim.command(f"edit {path}")
        self.wait("the server to attach", lambda: self.lua("return #vim.lsp.get_clients({ bufnr = 0 }) > 0"))

    def press(self, keys: str) -> None:
        """Send keys in Neovim's notation (``<Esc>``, ``<lt>``)."""
        self.nvim.input(keys)

    def type_at_end(self, text: str) -> None:
        """Append ``text`` to the last line, and stay in insert mode."""
        self.press("<C-\\><C-n>GA" + text.replace("<", "<lt>"))
        self.wait_for_line(lambda line: line.endswith(text))

    def line(self) -> str:
        return str(self.nvim.current.line)

    def mode(self) -> str:
        return str(self.nvim.api.get_mode()["mode"])

    def ghost(self) -> str | None:
        """The ghost text on screen: what the extmarks show."""
        shown = self.lua(GHOST)
        return None if shown is None else str(shown["text"])

    def hint(self) -> str:
        """What stands behind the ghost text: which of several alternatives it is."""
        shown = self.lua(GHOST)
        return "" if shown is None else str(shown["hint"])

    def ghost_place(self) -> tuple[int, int] | None:
        """Row and byte column of the ghost text, both from 0."""
        shown = self.lua(GHOST)
        return None if shown is None else (shown["row"], shown["col"])

    def screen(self) -> list[str]:
        """The screen's lines, without trailing blanks."""
        return [line.rstrip() for line in self.lua(SCREEN)]

    def ask(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """Ask the server; None where it is not there yet, or does not answer in time."""
        return self.lua(ASK, method, params or {}, ANSWER_MS)

    def suggestions(self) -> list[dict[str, Any]]:
        """What the server answers to somebody who asks at the cursor, as LSP items."""
        position = self.lua(POSITION)
        answer = position and self.ask(INLINE_COMPLETION, {**position, "context": {"triggerKind": 1}})
        return list(answer["items"] if isinstance(answer, dict) else answer or [])

    def counters(self) -> Counter[str]:
        """What the server has counted."""
        return Counter(self.ask("byteLsp/status")["counters"])

    def wait_until_ready(self) -> None:
        """Wait until the server makes suggestions: until its model is loaded."""
        self.wait("a first suggestion", lambda: bool(self.suggestions()), READY_TIMEOUT_S)

    def wait_for_ghost(self, fits: Callable[[str], bool] = bool) -> str:
        return self.wait(
            "ghost text", lambda: (text := self.ghost()) and fits(text) and text, GHOST_TIMEOUT_S
        )

    def wait_for_line(self, fits: Callable[[str], bool]) -> str:
        return self.wait("the line", lambda: fits(line := self.line()) and line)

    def wait(self, what: str, look: Callable[[], T | None], timeout_s: float = KEY_TIMEOUT_S) -> T:
        """Look until there is something to see. On timeout: say what the screen shows."""
        return wait_until(what, look, timeout_s, self.describe)

    def describe(self) -> str:
        """What a person would see: for messages of failed tests."""
        messages = self.nvim.command_output("messages")
        return f"mode {self.mode()}, line {self.line()!r}, ghost {self.ghost()!r}, messages:\n{messages}"

    def record_ghosts(self) -> None:
        """From now on, write down line and ghost text at every key, as the screen is drawn."""
        self.lua(RECORD_GHOSTS)

    def recorded_ghosts(self) -> list[tuple[str, str]]:
        return [(line, ghost) for line, ghost in self.lua("return recorded")]


@contextmanager
def start_neovim(executable: Path, home: Path) -> Iterator[NeovimSession]:
    """Start Neovim without any configuration but the plugin on its runtime path.

    Its state goes under ``home``; the cache folder stays the machine's, for the models in it.
    """
    command = [str(executable), "--clean", "--headless", "--embed", "--cmd", f"set runtimepath+={PLUGIN}"]
    with pytest.MonkeyPatch.context() as environment:
        for name in ("config", "data", "state"):
            environment.setenv(f"XDG_{name.upper()}_HOME", str(home / name))
        session = NeovimSession(pynvim.attach("child", argv=command))
    try:
        yield session
    finally:
        stop(session)


def stop(session: NeovimSession) -> None:
    """Leave Neovim as a person would; the server is shut down with it."""
    session.press("<C-\\><C-n>")
    with suppress(OSError, EOFError):  # Neovim hangs up before it answers
        session.nvim.command("qall!")
    session.nvim.close()
