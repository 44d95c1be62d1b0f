"""A real Neovim with the real plugin, driven over RPC as a person would: files, keys, what is on screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pynvim
import pytest

PLUGIN = Path(__file__).resolve().parents[2] / "editors" / "neovim"
READY_TIMEOUT_S = 480.0
GHOST_TIMEOUT_S = 60.0
KEY_TIMEOUT_S = 10.0
POLL_S = 0.02

GHOST = """
local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
local mark = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })[1]
if not mark then return nil end
local spell = function(chunks)
  return vim.iter(chunks or {}):map(function(chunk) return chunk[1] end):join('')
end
local lines = { spell(mark[4].virt_text) }
vim.list_extend(lines, vim.iter(mark[4].virt_lines or {}):map(spell):totable())
local text = table.concat(lines, '\\n')
return text ~= '' and { row = mark[2], col = mark[3], text = text } or nil
"""

RECORD_GHOSTS = f"""
recorded = {{}}
local ghost = function() {GHOST} end
vim.api.nvim_create_autocmd('CursorMovedI', {{
  group = vim.api.nvim_create_augroup('record_ghosts', {{ clear = true }}),
  callback = function()
    local shown = ghost()
    table.insert(recorded, {{ vim.api.nvim_get_current_line(), shown and shown.text or '' }})
  end,
}})
"""

IS_READY = """
local client = vim.lsp.get_clients({ name = 'byte_lsp', bufnr = 0 })[1]
if not client or not client.initialized then return false end
local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
params.context = { triggerKind = 1 }
local answer = client:request_sync('textDocument/inlineCompletion', params, 20000, 0)
local result = answer and answer.result
local ready = type(result) == 'table' and #(result.items or result) > 0
if not ready then vim.wait(250) end
return ready
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
        """The ghost text on screen: the extmark's virtual text and lines."""
        shown = self.lua(GHOST)
        return None if shown is None else str(shown["text"])

    def ghost_place(self) -> tuple[int, int] | None:
        """Row and byte column of the ghost text, both from 0."""
        shown = self.lua(GHOST)
        return None if shown is None else (shown["row"], shown["col"])

    def wait_until_ready(self) -> None:
        """Wait until the server makes suggestions: until its model is loaded."""
        self.wait("a first suggestion", lambda: self.lua(IS_READY), READY_TIMEOUT_S)

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
        """From now on, write down line and ghost text at every cursor move.

        Call it with ghost text on screen: then Neovim draws first, for its autocommands are older.
        """
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
