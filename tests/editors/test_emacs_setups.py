"""The set-ups that editors/emacs/README.md gives, each in an Emacs with that init file and nothing else."""

from __future__ import annotations

import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .emacs_session import HERE, NO_TMUX, PACKAGE, EmacsSession, quote, start_emacs
from .fetch_emacs import Emacs
from .test_emacs import STACK

README = PACKAGE / "README.md"
OTHER_SERVER = [sys.executable, str(HERE / "emacs_other_server.py")]
SURE = "(:suggest (:confidence 0 :deadline_ms 0) :context (:deadline_ms 0))"

INIT = r"""
(setq create-lockfiles nil
      load-path (append {paths} load-path)
      native-comp-enable-subr-trampolines nil) ; this early the launcher has not said so yet
(dolist (folder {paths})
  (dolist (file (directory-files folder t "-autoloads\\.el\\'"))
    (load file nil t)))
"""

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(NO_TMUX, reason="there is no tmux on the PATH"),
]


def recipe(name: str) -> str:
    """The Emacs Lisp that the README gives under this name."""
    found = re.search(rf"<!-- {name} -->\s*```elisp\n(.*?)```", README.read_text(), re.DOTALL)
    assert found is not None, f"{README} has no recipe {name}"
    return found[1].replace("/path/to/byte-lsp", str(PACKAGE.parents[1]))


@pytest.fixture
def server_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``byte-lsp`` on the PATH, as pipx puts it there."""
    launcher = tmp_path / "byte-lsp"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-m", "byte_lsp"])} "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/local/bin:/usr/bin:/bin")


@contextmanager
def emacs_with(emacs: Emacs, init: str, packages: tuple[Path, ...] = ()) -> Iterator[EmacsSession]:
    """Emacs with an init file, on a file of its own."""
    with tempfile.TemporaryDirectory(prefix="emacs-") as name:
        folder = Path(name).resolve()
        paths = quote([str(package) for package in packages])
        (folder / "init.el").write_text(INIT.format(paths=paths) + init)
        with start_emacs(emacs, folder, "t", arguments=(f"--init-directory={folder}",)) as session:
            (folder / "stack.py").write_text(STACK)
            yield session


def show(session: EmacsSession, name: str = "stack.py") -> None:
    session.lisp(f"(probe-open (expand-file-name {quote(name)} user-emacs-directory))")
    session.press("M->")  # a command: eglot and lsp-mode wait for one


@pytest.mark.usefixtures("server_on_path")
def test_the_two_steps_of_the_readme_lead_to_ghost_text(emacs: Emacs) -> None:
    with emacs_with(emacs, recipe("init")) as session:
        show(session)
        session.wait_until_ready()
        session.type("self.ite")
        ghost = session.wait_for_ghost()
        assert ghost.startswith("ms")
        session.press("Tab")
        session.wait_for_line(lambda line: line.startswith("        self.items"))
        assert session.lisp("(probe-messages)") == ""


@pytest.mark.usefixtures("server_on_path")
def test_ghost_text_beside_another_server_of_eglots(emacs: Emacs) -> None:
    init = f"""{recipe("init")}
(setq byte-lsp-settings '{SURE})
(require 'eglot)
(setq eglot-server-programs '((python-mode . {quote(OTHER_SERVER).removeprefix("'")})))
(add-hook 'python-mode-hook #'eglot-ensure)"""
    with emacs_with(emacs, init) as session:
        show(session)
        session.wait("eglot", lambda: session.lisp("(and (eglot-current-server) (eglot-managed-p) t)"))
        session.wait_until_ready()
        session.type("self.ite")
        assert session.wait_for_ghost().startswith("ms")
        assert session.lisp("(and (byte-lsp--open-document) (null (byte-lsp--eglot-server)))") is True
        assert session.lisp("(plist-get (eglot--server-info (eglot-current-server)) :name)") == "other"


@pytest.mark.usefixtures("server_on_path")
def test_byte_lsp_as_eglots_server_runs_once(emacs: Emacs) -> None:
    init = f"""{recipe("init")}
{recipe("eglot")}
(setq-default eglot-workspace-configuration '(:byteLsp {SURE}))
(add-hook 'python-mode-hook #'eglot-ensure)"""
    with emacs_with(emacs, init) as session:
        show(session)
        session.wait("eglot", lambda: session.lisp("(and (eglot-current-server) (byte-lsp--eglot-server) t)"))
        session.wait("our own connection to end", lambda: session.lisp("(null byte-lsp--connection)"))
        session.wait_until_ready()
        session.type("self.ite")
        ghost = session.wait_for_ghost()
        assert ghost.startswith("ms")
        session.press("Tab")
        session.wait_for_line(lambda line: line == f"        self.ite{ghost}")
        assert session.lisp("(null byte-lsp--connection)") is True


@pytest.mark.usefixtures("server_on_path")
def test_lsp_mode_shows_and_accepts_inline_completion(emacs: Emacs) -> None:
    if not emacs.packages:
        pytest.skip("this Emacs is the developer's own: there is no lsp-mode beside it")
    init = f"""(require 'lsp-mode)
{recipe("lsp-mode")}
(setq lsp-auto-guess-root t
      lsp-guess-root-without-session t
      lsp-enable-suggest-server-download nil
      lsp-session-file (expand-file-name "session" user-emacs-directory))
(lsp-register-custom-settings '(("byteLsp.suggest.confidence" 0)))
(add-hook 'python-mode-hook #'lsp)"""
    with emacs_with(emacs, init, emacs.packages) as session:
        show(session)
        session.wait("lsp-mode", lambda: session.lisp("(and lsp--buffer-workspaces t)"), 60)
        state = """(gethash "state" (lsp-request "byteLsp/status" (ht)))"""
        session.wait("the model", lambda: session.lisp(state) == "ready", 240)
        session.type("self.ite")
        overlay = "lsp-inline-completion--overlay"
        ghost = f"(and {overlay} (substring-no-properties (overlay-get {overlay} 'after-string)))"
        assert session.wait("ghost text", lambda: session.lisp(ghost), 60).startswith("ms")
        session.press("Tab")
        session.wait_for_line(lambda line: line.startswith("        self.items"))
        assert session.lisp("(probe-messages)") == ""
