"""Fetch editors without inline completion from Debian's packages: Helix, and Vim 9 with ALE.

    python -m tests.editors.fetch_terminal_editors [helix|vim]

They are unpacked into folders that run by themselves, as ``fetch_neovim.py`` does it: no root rights are
needed, and the machine's own packages stay as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .fetch_neovim import FetchError, Release, download_packages, run_tool

SUITE = "forky"

LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export {variable}="$here/{data}"
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/{binary}" "$@"
"""


@dataclass(frozen=True, slots=True)
class Program:
    """A program in Debian's packages. ``variable`` tells it that its files lie in ``data``."""

    name: str
    packages: tuple[str, ...]
    binary: str
    variable: str
    data: str
    override: str


HELIX = Program("helix", ("hx",), "usr/lib/hx/hx", "HELIX_RUNTIME", "usr/lib/hx/runtime", "BYTE_LSP_TEST_HX")
VIM = Program(
    "vim", ("vim", "vim-ale"), "usr/bin/vim.basic", "VIM", "usr/share/vim", "BYTE_LSP_TEST_VIM_WITH_ALE"
)
PROGRAMS = {program.name: program for program in (HELIX, VIM)}
ALE = Path("usr/share/vim-ale")
"""Where ALE lies in the folder of Vim."""


def fetch(program: Program) -> Path:
    """The program that its ``override`` names, else the unpacked one. Errors: ``FetchError``."""
    override = os.environ.get(program.override)
    if override:
        return Path(override)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    launcher = Path(cache).resolve() / "byte-lsp-tests" / program.name / program.name
    if not launcher.exists():
        unpack(program, launcher.parent)
    return launcher


def unpack(program: Program, destination: Path) -> None:
    """Download the packages and what they need, and put all of it at ``destination`` in one rename."""
    require_debian(program)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix=f"{program.name}-") as folder:
        unpacked = Path(folder) / "unpacked"
        release = Release(program.name, range(0), SUITE, program.override)
        for package in download_packages(Path(folder) / "apt", release, program.packages):
            run_tool("dpkg-deb", "--extract", package, unpacked)
        write_launcher(program, unpacked)
        read_version(unpacked / program.name)
        shutil.rmtree(destination, ignore_errors=True)
        unpacked.rename(destination)


def require_debian(program: Program) -> None:
    os_release = Path("/etc/os-release")
    is_debian = os_release.exists() and re.search(r'^ID="?debian"?$', os_release.read_text(), re.MULTILINE)
    if not is_debian or not all(map(shutil.which, ("apt-get", "dpkg-deb"))):
        raise FetchError(
            f"this machine does not run Debian, whose {program.name} the tests use. "
            f"Install it and set {program.override} to its executable."
        )


def write_launcher(program: Program, unpacked: Path) -> None:
    """Write a script that starts the unpacked program with the unpacked C library."""
    loaders = sorted(unpacked.glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders:
        raise FetchError("Debian's libc6 has no dynamic loader where it used to be (usr/lib/*).")
    loader = loaders[0].relative_to(unpacked)
    launcher = unpacked / program.name
    launcher.write_text(
        LAUNCHER.format(
            variable=program.variable,
            data=program.data,
            loader=loader,
            libraries=loader.parent,
            binary=program.binary,
        )
    )
    launcher.chmod(0o755)


def read_version(executable: Path) -> str:
    """The first line of ``--version``. Errors: ``FetchError`` where it does not run."""
    try:
        command = [str(executable), "--version"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchError(
            f"{executable} does not run ({error}). Remove its folder and fetch again."
        ) from error
    return answer.stdout.splitlines()[0]


def main(arguments: list[str]) -> int:
    try:
        for name in arguments or PROGRAMS:
            executable = fetch(PROGRAMS[name])
            print(f"{executable} {read_version(executable)}")
    except (FetchError, KeyError) as error:
        print(f"fetch_terminal_editors: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
