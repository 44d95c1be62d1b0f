"""Each part of a release, installed where nothing is: no settings, no packages, no model."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from editors.release.errors import Missing, ReleaseError
from editors.release.tools import empty_home, find_tool, run_tool

DEFAULT_MODEL = "smollm2-135m-fim"

PACKAGE_EL = """
(progn (require 'package)
       (setq package-archives nil)
       (package-initialize)
       (package-install-file "{archive}"))
"""
USE_EL = """
(progn (package-initialize)
       (require 'byte-lsp)
       (princ (package-version-join (package-desc-version (cadr (assq 'byte-lsp package-alist))))))
"""
HEALTH_VIM = "checkhealth byte_lsp | silent write! {report} | quitall!"


@dataclass(frozen=True, slots=True)
class Release:
    """What was built: the files by kind, and the version they bear."""

    root: Path
    version: str
    wheel: Path
    sdist: Path
    neovim: Path
    emacs: Path
    vsix: Path


Check = Callable[[Release], str]
"""Installs and tries one thing; returns what it saw. Errors: ``ReleaseError``, ``Missing``."""


def check_wheel(release: Release) -> str:
    with installed(release.wheel) as (command, home):
        return try_command(release, command, home)


def check_sdist(release: Release) -> str:
    with installed(release.sdist) as (command, home):
        return try_command(release, command, home)


def check_pipx(release: Release) -> str:
    pipx = find_tool("pipx", "install it with pip or your system's packages")
    with scratch() as folder:
        places = {"PIPX_HOME": str(folder / "pipx"), "PIPX_BIN_DIR": str(folder / "bin")}
        run_tool(pipx, "install", release.root, env=places)
        return try_command(release, folder / "bin" / "byte-lsp", folder / "home")


def check_uv(release: Release) -> str:
    uv = find_tool("uv", "install it with pip or your system's packages")
    with scratch() as folder:
        places = {"UV_TOOL_DIR": str(folder / "tools"), "UV_TOOL_BIN_DIR": str(folder / "bin")}
        run_tool(uv, "tool", "install", release.root, env=places)
        return try_command(release, folder / "bin" / "byte-lsp", folder / "home")


def check_neovim(release: Release) -> str:
    """Unpack the archive into an empty home, with the server on the PATH: nothing may be wrong."""
    nvim = find_tool("nvim", "install Neovim, or put one on the PATH (python tests/editors/fetch_neovim.py)")
    with installed(release.wheel) as (command, home):
        environment = {**empty_home(home), "PATH": path_with(command.parent)}
        site = home / "data" / "nvim" / "site"
        site.mkdir(parents=True)
        run_tool("tar", "-xzf", release.neovim, "-C", site)
        (home / "config" / "nvim").mkdir()
        (home / "config" / "nvim" / "init.lua").write_text("vim.lsp.enable('byte_lsp')\n", encoding="utf-8")
        report = home / "health.txt"
        health = HEALTH_VIM.format(report=report)
        printed = run_tool(nvim, "--headless", "-c", health, cwd=home, env=environment, timeout_s=300)
        if not report.exists():
            raise ReleaseError(f":checkhealth byte_lsp wrote nothing; Neovim said:\n{printed}")
        return read_health(report.read_text(encoding="utf-8"), release.version)


def read_health(report: str, version: str) -> str:
    """Errors: ``ReleaseError`` with the report, where it has an error or does not see the server."""
    if "ERROR" in report or f"server version: byte-lsp {version}" not in report:
        raise ReleaseError(f":checkhealth byte_lsp is not content:\n{report}")
    return "checkhealth: no error, the server is found"


def check_emacs(release: Release) -> str:
    emacs = find_tool("emacs", "install Emacs 29.1 or newer")
    with scratch() as home:
        environment = empty_home(home)
        batch = (emacs, "--batch", f"--init-directory={home / 'emacs'}")
        install = PACKAGE_EL.format(archive=release.emacs.resolve())
        installing = run_tool(*batch, "--eval", install, cwd=home, env=environment, timeout_s=600)
        if "Warning" in installing:
            raise ReleaseError(f"Emacs warns while it installs {release.emacs.name}:\n{installing}")
        printed = run_tool(*batch, "--eval", USE_EL, cwd=home, env=environment, timeout_s=600)
        if not printed.endswith(release.version):
            raise ReleaseError(f"Emacs has not version {release.version} after installing: {printed}")
        return "installs without a warning, loads"


def check_vscode(release: Release) -> str:
    if not release.vsix.exists():
        raise Missing(f"{release.vsix.name} was not built.")
    server = find_tool("code-server", "npm install code-server, and put it on the PATH")
    with scratch() as home:
        places = (f"--user-data-dir={home / 'user'}", f"--extensions-dir={home / 'extensions'}")
        run_tool(
            server,
            *places,
            "--install-extension",
            release.vsix.resolve(),
            env=empty_home(home),
            timeout_s=600,
        )
        listed = run_tool(
            server, *places, "--list-extensions", "--show-versions", env=empty_home(home), timeout_s=600
        )
        wanted = f"byte-lsp.byte-lsp@{release.version}"
        if wanted not in listed.splitlines():
            raise ReleaseError(f"code-server lists no {wanted} after installing:\n{listed}")
        return f"installs as {wanted}"


CHECKS: dict[str, Check] = {
    "wheel": check_wheel,
    "sdist": check_sdist,
    "pipx": check_pipx,
    "uv": check_uv,
    "neovim": check_neovim,
    "emacs": check_emacs,
    "vscode": check_vscode,
}


@contextmanager
def installed(package: Path) -> Iterator[tuple[Path, Path]]:
    """A fresh virtual environment with the package in it: the ``byte-lsp`` command, and an empty home."""
    with scratch() as folder:
        run_tool(sys.executable, "-m", "venv", folder / "venv")
        scripts = folder / "venv" / ("Scripts" if sys.platform == "win32" else "bin")
        run_tool(scripts / "python", "-m", "pip", "install", "--quiet", package)
        yield scripts / "byte-lsp", folder / "home"


@contextmanager
def scratch() -> Iterator[Path]:
    with TemporaryDirectory(prefix="byte-lsp-release-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def try_command(release: Release, command: Path, home: Path) -> str:
    """The command names its version and knows its models. Errors: ``ReleaseError``."""
    environment = empty_home(home)
    version = run_tool(command, "--version", cwd=home, env=environment, timeout_s=120).strip()
    if version != f"byte-lsp {release.version}":
        raise ReleaseError(f"{command} --version says {version!r}, not byte-lsp {release.version}")
    models = run_tool(command, "models", "list", cwd=home, env=environment, timeout_s=120)
    if DEFAULT_MODEL not in models:
        raise ReleaseError(f"{command} models list does not name {DEFAULT_MODEL}:\n{models}")
    return f"{version}; {DEFAULT_MODEL} is in its catalogue"


def path_with(folder: Path) -> str:
    return os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))
