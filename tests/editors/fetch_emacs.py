"""Fetch Emacs 30.1 from Debian's packages and unpack it into one folder that runs by itself.

    python -m tests.editors.fetch_emacs [DEST]

As ``fetch_neovim.py`` does it: apt finds the packages, in the machine's own mirrors, with all its state in a
temporary folder; no root rights are needed. Beside Emacs come ``emacsclient`` and the packages of other
people that byte-lsp.el is tried with, below ``site-lisp``.

An Emacs that was built for ``/usr`` looks there for its Lisp files, its documentation, its helpers and the
image of its memory. The launcher names the places in the folder instead, and has nothing compiled natively:
for that Emacs would start its binary without the launcher.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .fetch_neovim import APT_CONF, KEYRING, FetchError, run_tool

EMACS_SUITES = ("bookworm", "bookworm-backports")
MINIMUM_VERSION = (29, 1)
OVERRIDE = "BYTE_LSP_TEST_EMACS"
PACKAGES_SUITE = "forky"
PACKAGES = ("elpa-company", "elpa-corfu", "elpa-evil", "elpa-lsp-mode", "elpa-package-lint")

LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export EMACSLOADPATH="$here/{share}/lisp"
export EMACSDATA="$here/{share}/etc"
export EMACSDOC="$here/{share}/etc"
export EMACSPATH="$here/{libexec}"
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/usr/bin/emacs-nox" \\
    --dump-file="$here/{image}" \
    --eval '(setq native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)' "$@"
"""
CLIENT_LAUNCHER = """\
#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/{loader}" --library-path "$here/{libraries}" "$here/usr/bin/emacsclient.emacs" "$@"
"""


@dataclass(frozen=True, slots=True)
class Emacs:
    """An Emacs that runs on this machine.

    ``packages`` are folders with other people's packages, for ``--directory``; none where the Emacs is the
    developer's own.
    """

    executable: Path
    client: Path
    version: str
    packages: tuple[Path, ...] = ()

    def package(self, name: str) -> Path | None:
        """The folder of one of ``packages``."""
        return next((folder for folder in self.packages if folder.name.startswith(f"{name}-")), None)


def default_destination() -> Path:
    """The cache folder that holds the unpacked Emacs when the caller names none."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "byte-lsp-tests" / "emacs-30.1"


def fetch_emacs(destination: Path | None = None) -> Emacs:
    """The Emacs that ``BYTE_LSP_TEST_EMACS`` names, else the one in ``destination``, fetched if need be.

    Errors: ``FetchError``.
    """
    override = os.environ.get(OVERRIDE)
    if override:
        return Emacs(Path(override), Path(override).with_name("emacsclient"), read_version(Path(override)))
    destination = (destination or default_destination()).resolve()
    if not (destination / "emacs").exists():
        unpack_emacs(destination)
    executable = destination / "emacs"
    packages = tuple(sorted((destination / "site-lisp").iterdir()))
    return Emacs(executable, destination / "emacsclient", read_version(executable), packages)


def read_version(executable: Path) -> str:
    """Run ``executable --version``. Errors: ``FetchError`` where it does not run or is too old."""
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FetchError(
            f"{executable} does not run ({error}). Remove its folder and fetch again."
        ) from error
    match = re.match(r"GNU Emacs (\d+)\.(\d+)(\S*)", answer.stdout)
    if match is None:
        raise FetchError(f"{executable} is not Emacs: it says {answer.stdout[:60]!r}.")
    if (int(match[1]), int(match[2])) < MINIMUM_VERSION:
        raise FetchError(f"{executable} is Emacs {match[1]}.{match[2]}. Point {OVERRIDE} at 29.1 or newer.")
    return f"{match[1]}.{match[2]}{match[3]}"


def unpack_emacs(destination: Path) -> None:
    """Download Emacs and what it needs, unpack all of it, and put it at ``destination`` in one rename."""
    require_apt()
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=destination.parent, prefix="emacs-") as folder:
        scratch = Path(folder)
        unpacked = scratch / "unpacked"
        for package in download_emacs(scratch):
            run_tool("dpkg-deb", "--extract", package, unpacked)
        write_launchers(unpacked)
        gather_packages(unpacked)
        read_version(unpacked / "emacs")
        shutil.rmtree(destination, ignore_errors=True)
        unpacked.rename(destination)


def require_apt() -> None:
    missing = [tool for tool in ("apt-get", "dpkg-deb") if shutil.which(tool) is None]
    if missing:
        raise FetchError(
            f"this machine has no {' and no '.join(missing)}, so Debian's Emacs cannot be fetched. "
            f"Install Emacs 29.1 or newer and set {OVERRIDE} to its executable."
        )


def download_emacs(scratch: Path) -> list[Path]:
    """Emacs, all that it needs, and other people's packages for it, as Debian's files."""
    emacs = download(scratch / "emacs", EMACS_SUITES, ("emacs-nox",))
    packages = download(scratch / "packages", (PACKAGES_SUITE,), PACKAGES)
    return emacs + [package for package in packages if package.name.startswith("elpa-")]


def download(root: Path, suites: tuple[str, ...], names: tuple[str, ...]) -> list[Path]:
    """Let apt, with all its state under ``root``, download packages and their dependencies.

    The last suite is preferred.
    """
    for folder in ("state/lists/partial", "cache/archives/partial", "empty"):
        (root / folder).mkdir(parents=True)
    (root / "state/status").touch()
    (root / "apt.conf").write_text(APT_CONF.format(root=root))
    apt = ("apt-get", "--config-file", root / "apt.conf", "--quiet")
    failures: list[str] = []
    for mirror in debian_mirrors():
        (root / "sources.list").write_text("".join(source_line(mirror, suite) for suite in suites))
        try:
            run_tool(*apt, "--error-on=any", "update")
            run_tool(*apt, "--download-only", f"--target-release={suites[-1]}", "install", *names)
        except FetchError as error:
            failures.append(str(error))
            continue
        return sorted((root / "cache/archives").glob("*.deb"))
    reasons = "\n".join(failures) or "its apt sources name no Debian mirror."
    raise FetchError(f"Debian {suites[-1]} cannot be reached from this machine: {reasons}")


def source_line(mirror: str, suite: str) -> str:
    options = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    return f"deb {options}{mirror} {suite} main\n"


def debian_mirrors() -> Iterator[str]:
    """The archives in the machine's apt sources that carry a Debian release, each once."""
    suites = {
        read_codename(),
        "stable",
        "oldstable",
        "testing",
        "unstable",
        "sid",
        *EMACS_SUITES,
        PACKAGES_SUITE,
    }
    targets = run_tool(
        "apt-get", "indextargets", "--no-release-info", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    )
    mirrors = (line.split(" ", 1) for line in targets.splitlines())
    yield from dict.fromkeys(
        mirror for mirror, rest in mirrors if rest in {f"{suite} main" for suite in suites}
    )


def read_codename() -> str:
    """The Debian release that this machine runs. Errors: ``FetchError`` on another system."""
    description = Path("/etc/os-release").read_text()
    fields = dict(line.split("=", 1) for line in description.splitlines() if "=" in line)
    if fields.get("ID", "").strip('"') != "debian":
        raise FetchError(
            "this machine does not run Debian, so its apt cannot fetch Debian's Emacs. "
            f"Install Emacs 29.1 or newer and set {OVERRIDE} to its executable."
        )
    return fields.get("VERSION_CODENAME", EMACS_SUITES[0]).strip('"')


def write_launchers(unpacked: Path) -> None:
    """Write ``emacs`` and ``emacsclient``, which start the unpacked binaries with the unpacked C library."""
    loader = find_one(unpacked, "usr/lib/*/ld-linux*.so.*", "lib/*/ld-linux*.so.*")
    image = find_one(unpacked, "usr/libexec/emacs/*/*/emacs*.pdmp", "usr/lib/emacs/*/*/emacs*.pdmp")
    lisp = find_one(unpacked, "usr/share/emacs/[0-9]*/lisp")
    places = {
        "loader": loader,
        "libraries": ":$here/".join(str(path) for path in library_folders(unpacked)),
        "image": image,
        "libexec": image.parent,
        "share": lisp.parent,
    }
    for name, text in (("emacs", LAUNCHER), ("emacsclient", CLIENT_LAUNCHER)):
        launcher = unpacked / name
        launcher.write_text(text.format_map(places))
        launcher.chmod(0o755)


def library_folders(unpacked: Path) -> list[Path]:
    """Where the shared libraries of a Debian machine are."""
    return [
        path.relative_to(unpacked)
        for path in sorted(unpacked.glob("usr/lib/*-linux-*")) + sorted(unpacked.glob("lib/*-linux-*"))
    ]


def find_one(unpacked: Path, *patterns: str) -> Path:
    """What fits the first of the patterns that anything fits, relative to the folder."""
    for pattern in patterns:
        for path in sorted(unpacked.glob(pattern)):
            return path.relative_to(unpacked)
    raise FetchError(f"Debian's packages hold no {patterns[0]}, where it used to be.")


def gather_packages(unpacked: Path) -> None:
    """Put other people's packages side by side, each with the autoloads that an installation makes."""
    (unpacked / "site-lisp").mkdir()
    for source in sorted(unpacked.glob("usr/share/emacs/site-lisp/elpa-src/*")):
        folder = source.rename(unpacked / "site-lisp" / source.name)
        autoloads = folder / f"{folder.name.rpartition('-')[0]}-autoloads.el"
        form = f'(loaddefs-generate "{folder}" "{autoloads}")'
        run_tool(unpacked / "emacs", "-Q", "--batch", "--eval", form)


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print("usage: fetch_emacs.py [DEST]", file=sys.stderr)
        return 2
    try:
        emacs = fetch_emacs(Path(arguments[0]) if arguments else None)
    except FetchError as error:
        print(f"fetch_emacs: {error}", file=sys.stderr)
        return 1
    print(f"{emacs.executable} {emacs.version}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
