"""Where the version stands: in Python once, and in the form that each editor reads."""

import re
from dataclasses import dataclass
from pathlib import Path

from editors.release.errors import ReleaseError

_FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


@dataclass(frozen=True, slots=True)
class Place:
    """A file that names the version. What the pattern's group 1 matches is the version, every time."""

    path: str
    pattern: str


SOURCE = Place("byte_lsp/__init__.py", r'^__version__ = "([^"]*)"$')
"""Python's packaging reads it here, and so does the server."""

PLACES = (
    SOURCE,
    Place("editors/vscode/package.json", r'^  "version": "([^"]*)"'),
    Place("editors/vscode/package-lock.json", r'"name": "byte-lsp",\s+"version": "([^"]*)"'),
    Place("editors/emacs/byte-lsp.el", r"^;; Version: (\S+)$"),
    Place("editors/neovim/doc/byte-lsp.txt", r"^\*byte-lsp\.txt\*.* (\d\S*)$"),
    Place("editors/vscode/README.md", r"byte-lsp-(\d\S*)\.vsix"),
    Place("docs/editors.md", r"byte-lsp-(\d\S*)\.vsix"),
)


def read_version(root: Path) -> str:
    """The version of the tree at ``root``. Errors: ``ReleaseError`` where a place names another, or none."""
    found = {place.path: read_place(root, place) for place in PLACES}
    version = found[SOURCE.path]
    others = [f"{path} says {each}" for path, each in found.items() if each != version]
    if others:
        raise ReleaseError(
            f"{SOURCE.path} says {version}, but {', '.join(others)}. "
            f"Write one everywhere: python -m editors.release set-version {version}"
        )
    return version


def read_place(root: Path, place: Place) -> str:
    """The version that one place names. Errors: ``ReleaseError`` where it names none, or two."""
    found = set(re.findall(place.pattern, _read(root, place), re.MULTILINE))
    if len(found) != 1:
        named = ", ".join(sorted(found)) or "none"
        raise ReleaseError(f"{place.path} should name one version and names {named} ({place.pattern}).")
    return str(found.pop())


def set_version(root: Path, version: str) -> list[str]:
    """Write ``version`` everywhere, or nowhere. Returns the files that changed. Errors: ``ReleaseError``."""
    if not _FORM.fullmatch(version):
        raise ReleaseError(
            f"{version!r} is no version: three numbers, as in 1.2.3, are what every editor takes."
        )
    texts = {place.path: _replace(root, place, version) for place in PLACES}
    changed = [path for path, text in texts.items() if (root / path).read_text(encoding="utf-8") != text]
    for path in changed:
        (root / path).write_text(texts[path], encoding="utf-8", newline="\n")
    return changed


def _replace(root: Path, place: Place, version: str) -> str:
    read_place(root, place)

    def renamed(match: re.Match[str]) -> str:
        start, end = match.start(1) - match.start(), match.end(1) - match.start()
        return match[0][:start] + version + match[0][end:]

    return re.sub(place.pattern, renamed, _read(root, place), flags=re.MULTILINE)


def _read(root: Path, place: Place) -> str:
    try:
        return (root / place.path).read_text(encoding="utf-8")
    except OSError as error:
        raise ReleaseError(f"{place.path} cannot be read: {error.strerror}.") from error
