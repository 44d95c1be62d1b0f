"""From nothing to the first ghost text: the steps that docs/editors.md names, run in an empty home.

    python -m tests.editors.first_steps neovim [--release DIST] [--fresh]

Each line of an editor's block in the page is a step. They run one after the other in a shell whose home is an
empty folder, beside this repository as ``byte-lsp`` and the files of a release (``python -m editors.release
build --out DIST``); then the editor is started as anybody would start it, and somebody types. pip's cache is
the machine's, so that llama.cpp is not built again, and so is the folder of models; with ``--fresh`` both are
empty.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "editors.md"
BLOCK = re.compile(r"<!-- first steps: (\w+) -->\n```sh\n(.*?)```\n<!-- end -->", re.DOTALL)
SKELETON = Path("/etc/skel")
STEP_TIMEOUT_S = 1800
GHOST_TIMEOUT_S = 1800
PATIENCE_S = 10.0
POLL_S = 0.1

FILE_TEXT = '''\
class Stack:
    """Last in, first out."""

    def __init__(self):
        self.items = []

    def push(self, item):
        '''
TYPED = "self.ite"
ON_SCREEN = re.compile(r"self\.ite(ms\S*.*?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Machine:
    """A home with nothing in it, and a folder in it to work in."""

    home: Path
    environment: Mapping[str, str]

    @property
    def work(self) -> Path:
        return self.home / "work"


@contextmanager
def empty_machine(release: Path | None, *, fresh: bool) -> Iterator[Machine]:
    """Somebody new logs in for the first time, and has the files of a release."""
    left_out = ("XDG_", "PYTHON", "BYTE_LSP_", "VIRTUAL_ENV")
    outer = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    with tempfile.TemporaryDirectory(prefix="first-steps-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        path = f"{home / '.local' / 'bin'}{os.pathsep}{outer['PATH']}"
        machine = Machine(home, {**outer, "HOME": folder, "PATH": path, **({} if fresh else caches())})
        if SKELETON.is_dir():  # its .profile puts ~/.local/bin on the PATH of login shells
            shutil.copytree(SKELETON, home, dirs_exist_ok=True)
        machine.work.mkdir()
        (machine.work / "byte-lsp").symlink_to(ROOT, target_is_directory=True)
        for file in release.iterdir() if release else ():
            (machine.work / file.name).symlink_to(file.resolve())
        yield machine


def caches() -> dict[str, str]:
    """Where this machine keeps what it has built and pulled."""
    models = os.environ.get("BYTE_LSP_CACHE") or str(platformdirs.user_cache_path("byte-lsp"))
    pip, uv = platformdirs.user_cache_path("pip"), platformdirs.user_cache_path("uv")
    return {"PIP_CACHE_DIR": str(pip), "UV_CACHE_DIR": str(uv), "BYTE_LSP_CACHE": models}


@contextmanager
def logged_in(machine: Machine) -> Iterator[None]:
    """What starts an editor starts it in our own environment: make that the machine's."""
    outer = dict(os.environ)
    os.environ.clear()
    os.environ.update(machine.environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(outer)


def read_steps(editor: str) -> list[str]:
    """The commands of one editor's block, one a step. Errors: ``KeyError`` for an editor without a block."""
    blocks = dict(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    return re.sub(r"\\\n\s*", "", blocks[editor]).splitlines()


def run_step(step: str, machine: Machine) -> None:
    """Errors: ``CalledProcessError`` with what the step printed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step],
        cwd=machine.work,
        env=machine.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=STEP_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        sys.stdout.write(done.stdout.decode(errors="replace"))
        done.check_returncode()


def type_until_seen(look: Callable[[], str | None], type_again: Callable[[], None]) -> str:
    """The server answers nothing while its model is pulled and loaded: who types on sees it come."""
    deadline = time.monotonic() + GHOST_TIMEOUT_S
    while time.monotonic() < deadline:
        patience = time.monotonic() + PATIENCE_S
        while time.monotonic() < patience:
            if ghost := look():
                return ghost
            time.sleep(POLL_S)
        type_again()
    raise AssertionError(f"no ghost text within {GHOST_TIMEOUT_S} s")


def see_in_neovim(machine: Machine) -> str:
    import pynvim

    from .fetch_neovim import fetch_neovim
    from .neovim_session import NeovimSession, stop

    command = [str(fetch_neovim().executable), "--headless", "--embed"]
    with logged_in(machine):
        session = NeovimSession(pynvim.attach("child", argv=command))
        session.open(machine.work / "stack.py", FILE_TEXT)
        session.type_at_end(TYPED)
        ghost = type_until_seen(session.ghost, lambda: session.press("<BS>" + TYPED[-1]))
        stop(session)
    return ghost


def see_in_emacs(machine: Machine) -> str:
    from .fetch_emacs import fetch_emacs
    from .terminal_session import terminal

    (machine.work / "stack.py").write_text(FILE_TEXT)
    command = [str(fetch_emacs().executable), "--no-window-system", "stack.py"]

    with terminal(machine.home) as screen:

        def look() -> str | None:
            found = ON_SCREEN.search(screen.screen())
            return found[1] if found else None

        def type_again() -> None:
            screen.press("BSpace")
            screen.type(TYPED[-1])

        screen.start(command, machine.work, machine.environment)
        screen.wait_for_screen("the file", lambda text: "class Stack" in text)
        screen.press("M->")
        screen.type(TYPED)
        return type_until_seen(look, type_again)


def see_in_vscode(machine: Machine) -> str:
    from . import vscode_session as driver
    from .fetch_vscode import fetch_vscode

    vscode, home = fetch_vscode(), machine.home
    with logged_in(machine), closing(driver.Probe()) as probe, driver.start_browser(vscode) as browser:
        driver.write_settings(home, driver.USER_SETTINGS)
        driver.install_extensions(vscode, home, driver.pack_probe(home / "probe.vsix"))  # it opens the file
        with driver.code_server(vscode, home, BYTE_LSP_PROBE_PORT=str(probe.port)) as port:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/?folder={machine.work}", timeout=STEP_TIMEOUT_S * 1e3)
            probe.accept()
            session = driver.VsCodeSession(page, probe, home)
            session.open(machine.work / "stack.py", FILE_TEXT)
            session.type(TYPED)

            def type_again() -> None:
                session.press("Backspace")
                session.type(TYPED[-1])

            return type_until_seen(session.ghost, type_again)


def name_code(machine: Machine) -> None:
    """VS Code's command line is ``code``; the build machines' VS Code is code-server."""
    from .fetch_vscode import fetch_vscode
    from .vscode_session import folders

    code = machine.home / ".local" / "bin" / "code"
    code.parent.mkdir(parents=True, exist_ok=True)
    code.write_text(f'#!/bin/sh\nexec {shlex.join([*fetch_vscode().command, *folders(machine.home)])} "$@"\n')
    code.chmod(0o755)


EDITORS: dict[str, Callable[[Machine], str]] = {
    "neovim": see_in_neovim,
    "emacs": see_in_emacs,
    "vscode": see_in_vscode,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="first_steps", description="Run an editor's first steps.")
    parser.add_argument("editor", choices=EDITORS)
    parser.add_argument(
        "--release", type=Path, metavar="DIST", help="the folder of a release (vscode needs it)"
    )
    parser.add_argument("--fresh", action="store_true", help="build llama.cpp and pull the model anew")
    args = parser.parse_args(arguments)
    steps = read_steps(args.editor)
    with empty_machine(args.release, fresh=args.fresh) as machine:
        if args.editor == "vscode":
            name_code(machine)
        for number, step in enumerate(steps, 1):
            started = time.monotonic()
            run_step(step, machine)
            print(f"step {number}, {time.monotonic() - started:.0f} s: {step}", flush=True)
        started = time.monotonic()
        ghost = EDITORS[args.editor](machine)
        seconds = time.monotonic() - started
    print(
        f"{args.editor}: {len(steps)} steps; {seconds:.0f} s after its start: {TYPED}, ghost text {ghost!r}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
