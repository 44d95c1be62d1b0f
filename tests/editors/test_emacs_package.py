"""byte-lsp.el as a package: it compiles, it is checked, it is installed; and the Emacs for all that."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from . import fetch_emacs as script
from .emacs_session import HERE, PACKAGE, quote
from .fetch_emacs import Emacs
from .fetch_neovim import FetchError

FILE = PACKAGE / "byte-lsp.el"
QUIET = "(setq native-comp-enable-subr-trampolines nil)"


def run_batch(emacs: Emacs, *arguments: str, ok: bool = True) -> str:
    """What Emacs prints in batch mode."""
    command = [str(emacs.executable), "-Q", "--batch", "--eval", QUIET, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    printed = answer.stdout + answer.stderr
    assert (answer.returncode == 0) is ok, printed
    return printed


def complaints(printed: str) -> list[str]:
    return [line for line in printed.splitlines() if line.strip() and "image-scaling-factor" not in line]


def test_it_compiles_without_a_warning(emacs: Emacs, tmp_path: Path) -> None:
    copy = str(shutil.copy(FILE, tmp_path))
    compile_it = ("--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", copy)
    assert complaints(run_batch(emacs, *compile_it)) == []
    assert (tmp_path / "byte-lsp.elc").exists()


def test_a_warning_would_be_an_error(emacs: Emacs, tmp_path: Path) -> None:
    bad = tmp_path / "bad.el"
    bad.write_text(";;; bad.el --- Bad  -*- lexical-binding: t; -*-\n(defun bad () no-such-variable)\n")
    compile_it = ("--eval", "(setq byte-compile-error-on-warn t)", "-f", "batch-byte-compile", str(bad))
    assert "no-such-variable" in run_batch(emacs, *compile_it, ok=False)


def test_checkdoc_finds_nothing(emacs: Emacs) -> None:
    check = f"(progn (require 'checkdoc) (checkdoc-file {quote(str(FILE))}))"
    assert complaints(run_batch(emacs, "--eval", check)) == []


def test_package_lint_finds_nothing(emacs: Emacs) -> None:
    folder = emacs.package("package-lint")
    if folder is None:
        pytest.skip("this Emacs is the developer's own: there is no package-lint beside it")
    folders = [argument for path in emacs.packages for argument in ("-L", str(path))]
    lint = ("-l", "package-lint", "-f", "package-lint-batch-and-exit", str(FILE))
    assert complaints(run_batch(emacs, *folders, *lint)) == []


def test_unit_tests(emacs: Emacs) -> None:
    tests = (
        "-L",
        str(PACKAGE),
        "-l",
        str(HERE / "emacs_unit_tests.el"),
        "-f",
        "ert-run-tests-batch-and-exit",
    )
    printed = run_batch(emacs, *tests)
    assert " 0 unexpected" in printed
    assert "skipped" not in printed


def test_it_is_installed_by_package_install_file(emacs: Emacs, tmp_path: Path) -> None:
    home = f"(setq package-user-dir {quote(str(tmp_path / 'elpa'))} package-archives nil)"
    install = f"(progn {home} (package-initialize) (package-install-file {quote(str(FILE))}))"
    run_batch(emacs, "--eval", install)
    try_it = f"""(progn {home} (package-initialize)
      (unless (autoloadp (symbol-function 'global-byte-lsp-mode)) (error "No autoload"))
      (global-byte-lsp-mode)
      (princ (locate-library "byte-lsp")))"""
    assert str(tmp_path / "elpa" / "byte-lsp-") in run_batch(emacs, "--eval", try_it)


def test_it_is_installed_from_a_repository(emacs: Emacs, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git on the PATH")
    repository = tmp_path / "repository"
    shutil.copytree(PACKAGE, repository / "editors" / "emacs")
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"],
    ):
        subprocess.run(["git", *command], cwd=repository, check=True, timeout=60)
    specification = f'(byte-lsp :url {quote(str(repository))} :lisp-dir "editors/emacs" :vc-backend Git)'
    install = f"""(progn
      (setq package-user-dir {quote(str(tmp_path / "elpa"))} package-archives nil)
      (package-initialize)
      (package-vc-install '{specification})
      (global-byte-lsp-mode)
      (princ (locate-library "byte-lsp")))"""
    assert str(tmp_path / "elpa" / "byte-lsp") in run_batch(emacs, "--eval", install)


def test_the_fetched_emacs_uses_its_own_files(emacs: Emacs) -> None:
    if not emacs.packages:
        pytest.skip("this Emacs is the developer's own: it is where it was built for")
    form = """(princ (string-join (append (list exec-directory data-directory doc-directory) load-path
                                       (list (documentation 'car) (if (fboundp 'json-serialize) "json")))
                               "\\n"))"""
    printed = run_batch(emacs, "--eval", form).splitlines()
    places = [line for line in printed if line.startswith("/")]
    assert len(places) > 20
    assert all(place.startswith(str(emacs.executable.parent)) for place in places)
    assert printed[-1] == "json"
    assert any("car of LIST" in line for line in printed)


def test_an_unpacked_emacs_is_used_again(emacs: Emacs) -> None:
    assert script.fetch_emacs() == emacs


def test_the_named_emacs_must_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, says, complaint in (
        ("old", "GNU Emacs 28.2", "is Emacs 28.2"),
        ("other", "Hello", "is not Emacs"),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho {says}\n")
        program.chmod(0o755)
        monkeypatch.setenv(script.OVERRIDE, str(program))
        with pytest.raises(FetchError, match=complaint):
            script.fetch_emacs()


def test_a_machine_without_apt_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(script.OVERRIDE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=f"no apt-get.*{script.OVERRIDE}"):
        script.fetch_emacs(tmp_path / "emacs")
    assert not (tmp_path / "emacs").exists()
