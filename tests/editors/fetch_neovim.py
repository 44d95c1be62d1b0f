"""Fetch Neovim 0.12 or 0.10 from Debian's packages and unpack it into one folder that runs by itself.

    python tests/editors/fetch_neovim.py [--version 0.10] [DEST]

apt finds the packages that Neovim needs, and its own configuration says where they come from: mirrors,
proxies and keys keep working. Lists, cache and package status live in a temporary folder, so the
machine's own packages stay as they are, and no root rights are needed.

The result runs with ``--headless``, ``--embed`` or ``--remote-ui``. As a plain terminal program Neovim starts
itself a second time, by the path of the running binary, and that is the loader's here.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TIMEOUT_S = 600

APT_CONF = """\
#clear APT::Update;
#clear DPkg;
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "{root}/sources.list";
Dir::Etc::sourceparts "{root}/empty";
Dir::Etc::preferences "{root}/empty/preferences";
Dir::Etc::preferencesparts "{root}/empty";
APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Keep-Downloaded-Packages "true";
Acquire::Languages "none";
Acquire::Retries "3";
"""

LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export VIMRUNTIME="$here/usr/share/nvim/runtime"
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/usr/bin/nvim" "$@"
"""


@dataclass(frozen=True, slots=True)
class Release:
    """A version of Neovim, the Debian release that has it, and the variable that names one of your own."""

    version: str
    minors: range
    debian: str
    override: str


RELEASES = {
    release.version: release
    for release in (
        Release("0.12", range(12, 1000), "forky", "BYTE_LSP_TEST_NVIM"),
        Release("0.10", range(10, 12), "trixie", "BYTE_LSP_TEST_NVIM_0_10"),
    )
}
NEWEST = RELEASES["0.12"]


class FetchError(Exception):
    """Neovim cannot be fetched here: the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class Neovim:
    """A Neovim that runs on this machine: its executable and its version, for instance ``0.12.4``."""

    executable: Path
    version: str


def default_destination(release: Release) -> Path:
    """The cache folder that holds the unpacked Neovim when the caller names none."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "byte-lsp-tests" / f"neovim-{release.version}"


def fetch_neovim(destination: Path | None = None, release: Release = NEWEST) -> Neovim:
    """The Neovim that ``release.override`` names, else the one in ``destination``, fetched if need be.

    Errors: ``FetchError``.
    """
    override = os.environ.get(release.override)
    if override:
        return Neovim(Path(override), read_version(Path(override), release))
    destination = (destination or default_destination(release)).resolve()
    launcher = destination / "nvim"
    if not launcher.exists():
        unpack_neovim(destination, release)
    return Neovim(launcher, read_version(launcher, release))


def read_version(executable: Path, release: Release) -> str:
    """Run ``executable --version``. Errors: ``FetchError`` where it does not run or is another release."""
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchError(
            f"{executable} does not run ({error}). Remove its folder and fetch again."
        ) from error
    match = re.match(r"NVIM v0\.(\d+)(\S*)", answer.stdout)
    if match is None:
        raise FetchError(f"{executable} is not Neovim: it says {answer.stdout[:60]!r}.")
    if int(match[1]) not in release.minors:
        wanted = "0.12 or newer" if release is NEWEST else "0.10 or 0.11"
        raise FetchError(f"{executable} is Neovim 0.{match[1]}. Point {release.override} at {wanted}.")
    return f"0.{match[1]}{match[2]}"


def unpack_neovim(destination: Path, release: Release) -> None:
    """Download Neovim and what it needs, unpack all of it, and put it at ``destination`` in one rename."""
    require_apt(release)
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix="neovim-") as folder:
        scratch = Path(folder)
        unpacked = scratch / "unpacked"
        for package in download_packages(scratch / "apt", release):
            run_tool("dpkg-deb", "--extract", package, unpacked)
        link_parsers(unpacked)
        write_launcher(unpacked)
        read_version(unpacked / "nvim", release)
        shutil.rmtree(destination, ignore_errors=True)
        unpacked.rename(destination)


def require_apt(release: Release) -> None:
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise FetchError(
            f"this machine has no {' and no '.join(missing)}, so Debian's Neovim cannot be fetched. "
            f"Install Neovim {release.version} and set {release.override} to its executable."
        )


def download_packages(root: Path, release: Release, packages: Sequence[str] = ("neovim",)) -> list[Path]:
    """Let apt, with all its state under ``root``, download ``packages`` and their dependencies."""
    for folder in ("state/lists/partial", "cache/archives/partial", "empty"):
        (root / folder).mkdir(parents=True)
    (root / "state/status").touch()
    (root / "apt.conf").write_text(APT_CONF.format(root=root))
    apt = ("apt-get", "--config-file", root / "apt.conf", "--quiet")
    failures: list[str] = []
    for mirror in debian_mirrors(release):
        (root / "sources.list").write_text(source_line(mirror, release))
        try:
            run_tool(*apt, "--error-on=any", "update")
            run_tool(*apt, "--download-only", "install", *packages)
        except FetchError as error:
            failures.append(str(error))
            continue
        return sorted((root / "cache/archives").glob("*.deb"))
    reasons = "\n".join(failures) or "its apt sources name no Debian mirror."
    raise FetchError(f"Debian {release.debian} cannot be reached from this machine: {reasons}")


def source_line(mirror: str, release: Release) -> str:
    options = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    return f"deb {options}{mirror} {release.debian} main\n"


def debian_mirrors(release: Release) -> Iterator[str]:
    """The archives in the machine's apt sources that carry a Debian release, each once.

    Security and third-party archives carry other suites than the release's own name.
    """
    suites = (read_codename(release), "stable", "testing", "unstable", "sid", release.debian)
    targets = run_tool(
        "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    )
    seen: set[str] = set()
    for line in targets.splitlines():
        mirror, _, rest = line.partition(" ")
        if rest in {f"{suite} main" for suite in suites}:
            if mirror not in seen:
                yield mirror
            seen.add(mirror)


def read_codename(release: Release) -> str:
    """The Debian release that this machine runs. Errors: ``FetchError`` on another system."""
    description = Path("/etc/os-release").read_text()
    fields = dict(line.split("=", 1) for line in description.splitlines() if "=" in line)
    if fields.get("ID", "").strip('"') != "debian":
        raise FetchError(
            f"this machine does not run Debian, so its apt cannot fetch Debian's Neovim. "
            f"Install Neovim {release.version} and set {release.override} to its executable."
        )
    return fields.get("VERSION_CODENAME", release.debian).strip('"')


def link_parsers(unpacked: Path) -> None:
    """Show Neovim its own syntax parsers: Debian's build looks for them in the system's ``/usr/lib``."""
    parsers = unpacked / "usr/lib/nvim/parser"
    if parsers.is_dir():
        link = unpacked / "usr/share/nvim/runtime/parser"
        link.symlink_to(os.path.relpath(parsers, link.parent), target_is_directory=True)


def write_launcher(unpacked: Path) -> None:
    """Write ``nvim``, which starts the unpacked binary with the unpacked C library."""
    loaders = sorted(unpacked.glob("usr/lib/*/ld-linux*.so.*"))
    if not loaders:
        raise FetchError("Debian's libc6 has no dynamic loader where it used to be (usr/lib/*).")
    loader = loaders[0].relative_to(unpacked)
    launcher = unpacked / "nvim"
    launcher.write_text(LAUNCHER.format(loader=loader, libraries=loader.parent))
    launcher.chmod(0o755)


def run_tool(*command: str | Path) -> str:
    """Run a command and return what it prints. Errors: ``FetchError`` with the last lines it printed."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} did not end within {TIMEOUT_S} seconds.") from error
    if answer.returncode != 0:
        last_lines = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-5:])
        raise FetchError(f"{' '.join(map(str, command))} failed:\n{last_lines}")
    return answer.stdout


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="fetch_neovim.py", description="Fetch a Neovim for the tests.")
    parser.add_argument("--version", choices=RELEASES, default=NEWEST.version)
    parser.add_argument("destination", nargs="?", type=Path, metavar="DEST")
    chosen = parser.parse_args(arguments)
    try:
        neovim = fetch_neovim(chosen.destination, RELEASES[chosen.version])
    except FetchError as error:
        print(f"fetch_neovim: {error}", file=sys.stderr)
        return 1
    print(f"{neovim.executable} {neovim.version}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
