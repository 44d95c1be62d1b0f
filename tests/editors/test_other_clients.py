"""Editors that know LSP but no inline completion: the suggestion is the first item of their own list."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pynvim
import pytest

from .fetch_neovim import FetchError, fetch_neovim
from .fetch_terminal_editors import ALE, HELIX, VIM, Program, fetch
from .terminal_session import TerminalSession, terminal

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")
STARTING_TIMEOUT_S = 240.0
PATIENCE_S = 15.0

STACK = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
        self.
'''
TYPED = "ite"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def screen(tmp_path: Path) -> Iterator[TerminalSession]:
    if shutil.which("tmux") is None and os.environ.get("CI") != "true":
        pytest.skip("no tmux on the PATH")
    with terminal(tmp_path) as session:
        yield session


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An empty home, with ``byte-lsp`` on the PATH. The models are the machine's."""
    commands = tmp_path / "bin"
    commands.mkdir()
    server = commands / "byte-lsp"
    server.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m byte_lsp "$@"\n')
    server.chmod(0o755)
    models = os.environ.get("BYTE_LSP_CACHE") or str(Path.home() / ".cache" / "byte-lsp")
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "BYTE_LSP_CACHE": models}
    return {**home, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "stack.py").write_text(STACK)
    return folder


LSPCONFIG = """
vim.lsp.config('copilot', {
  root_markers = { '.git' },
  init_options = {
    editorInfo = { name = 'Neovim', version = tostring(vim.version()) },
    editorPluginInfo = { name = 'Neovim', version = tostring(vim.version()) },
  },
  settings = { telemetry = { telemetryLevel = 'all' } },
})
"""
"""What nvim-lspconfig says to copilot-language-server."""

GHOST = """
local namespace = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']
local mark = namespace and vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })[1]
return mark and mark[4].virt_text and mark[4].virt_text[1][1] or ''
"""


def executable(program: Program) -> Path:
    try:
        return fetch(program)
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no {program.name}: {error}")


def documented(editor: str) -> str:
    """The configuration that docs/editors.md gives for an editor."""
    found = re.search(rf"<!-- tried: {editor} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/editors.md has no block 'tried: {editor}'"
    return found[1]


def ask_until_offered(
    screen: TerminalSession, offer: re.Pattern[str], ask: Callable[[], None], *, within_s: float
) -> str:
    """The server answers nothing until its model is loaded: ask again until there is an offer."""
    for _ in range(int(within_s / PATIENCE_S)):
        ask()
        try:
            shown = screen.wait_for_screen("an offer", lambda text: bool(offer.search(text)), PATIENCE_S)
        except AssertionError:
            continue
        return offer.search(shown)[1]  # type: ignore[index]
    raise AssertionError(f"nothing was offered; on screen:\n{screen.screen()}")


def test_helix_offers_the_suggestion_as_a_completion(
    screen: TerminalSession, environment: dict[str, str], project: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "config" / "helix"
    settings.mkdir(parents=True)
    show_all = "[language-server.byte-lsp.config.byteLsp.suggest]\nconfidence = 0\n"
    (settings / "languages.toml").write_text(f"{documented('helix')}\n{show_all}")
    screen.start([str(executable(HELIX)), "stack.py"], project, environment)
    screen.wait_for_screen("the file", lambda text: "class Stack" in text)
    screen.type("8ggA" + TYPED)

    def type_again() -> None:
        screen.press("BSpace")
        screen.type(TYPED[-1])

    offer = re.compile(r"^\W*(items\S*.*?)\s+text\b", re.MULTILINE)
    offered = ask_until_offered(screen, offer, type_again, within_s=STARTING_TIMEOUT_S)
    screen.press("Tab", "Enter", "Escape")
    screen.wait_for_screen("normal mode", lambda text: " NOR " in text)
    screen.type(":write-quit")
    screen.press("Enter")
    screen.wait_for_end()
    assert (project / "stack.py").read_text() == STACK.replace("self.\n", f"self.{offered}\n")


def test_vim_with_ale_offers_the_suggestion_as_a_completion(
    screen: TerminalSession, environment: dict[str, str], project: Path, tmp_path: Path
) -> None:
    vim = executable(VIM)
    show_all = json.dumps({"byteLsp": {"suggest": {"confidence": 0}}})
    linter = documented("ale").replace("'lsp': 'stdio',", f"'lsp': 'stdio', 'lsp_config': {show_all},")
    assert show_all in linter
    vimrc = tmp_path / "vimrc"
    vimrc.write_text(
        f"set nocompatible completeopt=menu,menuone,noinsert runtimepath+={vim.parent / ALE}\nfiletype on\n"
        + linter
    )
    screen.start([str(vim), "-u", str(vimrc), "-n", "stack.py"], project, environment)
    screen.wait_for_screen("the file", lambda text: "class Stack" in text)
    screen.type("8GA" + TYPED)

    def type_again() -> None:
        screen.press("BSpace")
        screen.type(TYPED[-1])

    offer = re.compile(r"^\W*(items\S*.*?)\s+[a-z]\s", re.MULTILINE)
    offered = ask_until_offered(screen, offer, type_again, within_s=STARTING_TIMEOUT_S)
    screen.press("C-n", "C-y", "Escape")
    screen.wait_for_screen("normal mode", lambda text: "-- INSERT --" not in text)
    screen.type(":xall")
    screen.press("Enter")
    screen.wait_for_end()
    assert (project / "stack.py").read_text() == STACK.replace("self.\n", f"self.{offered}\n")


def test_a_neovim_that_is_set_up_for_copilot_shows_and_accepts_ghost_text(
    environment: dict[str, str], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    neovim = neovim_0_12()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    nvim = pynvim.attach("child", argv=[str(neovim), "--clean", "--headless", "--embed"])
    try:
        nvim.exec_lua(LSPCONFIG)
        nvim.exec_lua(documented("copilot"))
        nvim.command(f"edit {project / 'stack.py'}")
        nvim.input("8GA" + TYPED)
        ghost = ""
        deadline = time.monotonic() + STARTING_TIMEOUT_S
        while not ghost and time.monotonic() < deadline:
            nvim.input("<BS>" + TYPED[-1])
            asked = time.monotonic()
            while not ghost and time.monotonic() < asked + PATIENCE_S:
                time.sleep(0.1)
                ghost = nvim.exec_lua(GHOST)
        assert ghost.startswith("ms")
        assert nvim.exec_lua("return vim.lsp.inline_completion.get()")
        nvim.input("<Esc>")
        nvim.exec_lua("vim.wait(5000, function() return vim.api.nvim_get_mode().mode == 'n' end)")
        assert nvim.current.line == f"        self.ite{ghost}"
        assert nvim.command_output("messages").strip() == ""
    finally:
        with suppress(OSError, EOFError):
            nvim.command("qall!")
        nvim.close()


def neovim_0_12() -> Path:
    try:
        return fetch_neovim().executable
    except FetchError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Neovim 0.12: {error}")
