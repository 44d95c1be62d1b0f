"""Package archives, from the machine's own package clients, kept in a cache and compared with their pins.

pip, npm and apt are asked, so that their configuration holds: mirrors, proxies, certificates. A package that
is in the cache and unaltered is not asked for again, so a build that was broken off goes on where it was.

============================ ==========================================================
INDEX/NAME/VERSION/          the archives of a package
INDEX/NAME/VERSION.part*     a fetch under way
apt/                         apt's lists of source packages, made from apt's own sources
============================ ==========================================================
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock

from byte_lsp.errors import DataSetError
from byte_lsp.training.sources import Source

_WORKERS = 6
_CLIENT_SECONDS = 900
_SUFFIXES = {"pypi": ".whl", "npm": ".tgz", "debian": ".deb", "debian-source": ".dsc"}
# One wheel whatever the machine: the pins are of these.
_WHEEL_TAGS = (
    "--python-version=3.11", "--implementation=cp", "--abi=cp311", "--abi=abi3", "--abi=none",
    "--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_27_x86_64",
    "--platform=manylinux_2_24_x86_64", "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64", "--platform=manylinux1_x86_64",
    "--platform=any",
)  # fmt: skip
_GONE = (
    "if the index no longer has this version, put the archive there by hand or pin another version "
    "(then every hash changes)"
)
_DSC_HASH = re.compile(r"^ ([0-9a-f]{64}) \d+ (\S+)$", re.MULTILINE)


def fetch_all(sources: Sequence[Source], cache: Path, done: Callable[[int], None]) -> list[tuple[Path, ...]]:
    """The archives of each package, in the same order; ``done`` is told how many packages are there.

    Errors: ``DataSetError`` naming the first package that could not be had, or is not what the manifest pins.
    """
    fetcher = Fetcher(cache)
    with ThreadPoolExecutor(_WORKERS) as pool:
        futures = [pool.submit(fetcher.fetch, source) for source in sources]
        try:
            archives = []
            for count, future in enumerate(futures, 1):
                archives.append(future.result())
                done(count)
            return archives
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


class Fetcher:
    """Fetches packages into a cache folder. Threads may share one."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._apt = AptState(cache / "apt")

    def fetch(self, source: Source) -> tuple[Path, ...]:
        """The archives of a package, fetched if need be and always compared with the pin."""
        folder = (
            self._cache / source.index / source.name.replace("/", "+") / source.version.replace(":", "%3a")
        )
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=folder.name + ".part", dir=folder.parent) as part:
                self._ask(source, Path(part))
                check_archives(source, Path(part))
                if not folder.is_dir():
                    shutil.copytree(part, folder)
        return check_archives(source, folder)

    def _ask(self, source: Source, folder: Path) -> None:
        match source.index:
            case "pypi":
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
                _run(source, [*pip, *_WHEEL_TAGS, f"{source.name}=={source.version}"], folder)
            case "npm":
                npm = [_find("npm", source), "pack", "--silent", "--ignore-scripts"]
                _run(source, [*npm, f"{source.name}@{source.version}"], folder)
            case "debian":
                apt = [_find("apt-get", source), *self._apt.options(source)]
                _run(source, [*apt, "download", f"{source.name}={source.version}"], folder)
            case "debian-source":
                apt = [_find("apt-get", source), *self._apt.options(source)]
                download = ["source", "--download-only", "--only-source"]
                _run(source, [*apt, *download, f"{source.name}={source.version}"], folder)


def check_archives(source: Source, folder: Path) -> tuple[Path, ...]:
    """The archives in a folder, compared with the pin. Errors: ``DataSetError``."""
    suffix = _SUFFIXES[source.index]
    pinned = [path for path in sorted(folder.iterdir()) if path.suffix == suffix]
    if len(pinned) != 1:
        raise DataSetError(f"{source}: {folder} has {len(pinned)} files {suffix}, not one; remove the folder")
    _check_hash(source, pinned[0], source.sha256)
    if source.index != "debian-source":
        return (pinned[0],)
    hashes = {name: sha256 for sha256, name in _DSC_HASH.findall(pinned[0].read_text(encoding="utf-8"))}
    for name, sha256 in hashes.items():
        _check_hash(source, folder / name, sha256)
    return tuple(folder / name for name in sorted(hashes))


def _check_hash(source: Source, path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataSetError(f"{source}: {path} cannot be read ({error}); remove its folder") from error
    if found != sha256:
        raise DataSetError(
            f"{source}: {path} has sha256 {found}, the manifest pins {sha256}; remove its folder to have it "
            "fetched anew, or correct the manifest if the archive is the right one"
        )


class AptState:
    """apt's lists, apart from the machine's own: with source packages, and without a superuser's rights."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = FileLock(str(folder) + ".lock")
        self._is_fresh = False

    def options(self, source: Source) -> list[str]:
        """What to tell ``apt-get``; makes the lists on the first call."""
        options = [
            f"-oDir::Etc::sourcelist={self._folder / 'all.sources'}",
            "-oDir::Etc::sourceparts=-",
            f"-oDir::State::lists={self._folder / 'lists'}",
            f"-oDir::Cache={self._folder / 'cache'}",
            "-oAPT::Sandbox::User=",
            "-qq",
        ]
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            if not self._is_fresh:
                for each in ("lists/partial", "cache/archives/partial"):
                    (self._folder / each).mkdir(parents=True, exist_ok=True)
                text = both_types(_read_apt_sources())
                (self._folder / "all.sources").write_text(text, encoding="utf-8")
                _run(source, [_find("apt-get", source), *options, "update"], self._folder)
                self._is_fresh = True
        return options


def _read_apt_sources() -> list[tuple[str, str]]:
    """Name and text of each of apt's lists of sources."""
    shell = subprocess.run(
        ["apt-config", "shell", "ONE", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    places = dict(re.findall(r"(ONE|PARTS)='([^']*)'", shell.stdout))
    folder = Path(places.get("PARTS", "/etc/apt/sources.list.d"))
    paths = [
        Path(places.get("ONE", "/etc/apt/sources.list")),
        *sorted(folder.glob("*.list")),
        *sorted(folder.glob("*.sources")),
    ]
    return [(path.name, path.read_text(encoding="utf-8")) for path in paths if path.is_file()]


def both_types(lists: Sequence[tuple[str, str]]) -> str:
    """apt's sources (sources.list(5)) as deb822 stanzas that offer packages and their sources."""
    stanzas = []
    for name, text in lists:
        if name.endswith(".sources"):
            stanzas += [
                part for part in re.split(r"\n\s*\n", text) if re.search(r"^Types:", part, re.MULTILINE)
            ]
        else:
            stanzas += filter(None, map(_stanza_of_line, text.splitlines()))
    both = (re.sub(r"^Types:.*$", "Types: deb deb-src", stanza, flags=re.MULTILINE) for stanza in stanzas)
    return "\n\n".join(dict.fromkeys(stanza.strip() for stanza in both)) + "\n"


def _stanza_of_line(line: str) -> str | None:
    match = re.match(r"deb(?:-src)?\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s*([^#]*)", line.strip())
    if match is None:
        return None
    options, uri, suite, components = match.groups()
    lines = ["Types: deb", f"URIs: {uri}", f"Suites: {suite}"]
    lines += [f"Components: {components.strip()}"] if components.strip() else []
    names = {"signed-by": "Signed-By", "arch": "Architectures", "trusted": "Trusted"}
    for option in (options or "").split():
        key, _, value = option.partition("=")
        if key.lower() in names:
            lines.append(f"{names[key.lower()]}: {value.replace(',', ' ')}")
    return "\n".join(lines)


def _find(client: str, source: Source) -> str:
    path = shutil.which(client)
    if path is None:
        languages = ", ".join(source.languages)
        raise DataSetError(
            f"{source}: there is no {client} on this machine, which fetches it; install {client}, or build "
            f"with --languages and without {languages}"
        )
    return path


def _run(source: Source, command: Sequence[str], folder: Path) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    try:
        subprocess.run(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=True, timeout=_CLIENT_SECONDS,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise DataSetError(
            f"{source}: no answer within {_CLIENT_SECONDS} s; run the command again"
        ) from error
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "nothing").strip().splitlines()[-3:]
        raise DataSetError(f"{source}: {Path(command[0]).name} said: {' '.join(said)}; {_GONE}") from error
