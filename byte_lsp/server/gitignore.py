"""Which files git leaves out: what ``git check-ignore --no-index`` says, without running git.

Rules, from gitignore(5): of the patterns in one file the last that matches decides; a file nearer to the path
goes before one farther up, all of them before ``.git/info/exclude``, and that before the user's own file
(``core.excludesFile``); and nothing below a folder that is left out can be let in again. Files are read when
they are first needed, and once more when their time or size have changed.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from configparser import Error, RawConfigParser
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDS_CASE = sys.platform in ("win32", "darwin")
"""Where file systems take ``Build`` and ``build`` for one name, git does so too (``core.ignoreCase``)."""

LARGEST_BYTES = 1 << 20
"""Of a larger ignore file, or of one that is no UTF-8, what can be read counts."""

_BELOW = re.compile(r"(?:(?<=[^*/])|(?<=[^*/]\*))/\*\*(/?) *\Z")
"""To git ``a/**`` is all that is below ``a``, and ``a/**/`` all folders there; to pathspec ``a`` is in it."""

Stamp = tuple[int, int] | None


class Patterns:
    """Patterns of one source, in order: the last one that matches decides."""

    def __init__(self, lines: tuple[str, ...], *, folds_case: bool = FOLDS_CASE) -> None:
        self._folds_case = folds_case
        self._patterns = _compile(tuple(map(str.lower, lines)) if folds_case else lines)

    def decide(self, path: str) -> bool | None:
        """Whether a file is left out, by itself or with a folder that it is in; None if nothing matches."""
        return next((is_out for _, is_out in self._matches(path)), None)

    def decide_itself(self, path: str) -> bool | None:
        """Whether just this file, or this folder (its path ends with a slash), is left out by itself."""
        matches = self._matches(path)
        return next((is_out for match, is_out in matches if not _is_of_a_folder_above(match)), None)

    def _matches(self, path: str) -> Iterator[tuple[re.Match[str], bool]]:
        path = path.lower() if self._folds_case else path
        for expression, is_out in reversed(self._patterns):
            match = expression.search(path)
            if match:
                yield match, is_out


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: Stamp
    patterns: Patterns | None


class IgnoreFiles:
    """Reads and keeps the ignore files of all folders asked about. Not for several threads at once."""

    def __init__(self) -> None:
        self._read: dict[Path, _Read] = {}
        self._tops: dict[Path, Path | None] = {}
        self._outer: dict[Path, list[tuple[Path, int]]] = {}

    def is_ignored(self, path: Path, workspace_folder: Path | None = None) -> bool:
        """Whether git, or a ``.gitignore`` in the workspace, leaves out the file at an absolute ``path``.

        Rules begin at the top of the repository that the workspace's folder is in, or else at that folder;
        for a file outside of it, at the top of the file's own repository. Without either nothing is ignored.
        """
        start = workspace_folder or path.parent
        if start not in self._tops:
            self._tops[start] = _repository_top(start) or workspace_folder
        top = self._tops[start]
        if top is None:
            return False
        parts = path.relative_to(top).parts
        depths = range(1, len(parts) + 1)
        return any(self._decide(top, parts[:depth], is_folder=depth < len(parts)) for depth in depths)

    def is_outdated(self) -> bool:
        """Whether a file that was read, or was missed, is another one now."""
        return any(_stamp(path) != read.stamp for path, read in list(self._read.items()))

    def forget(self) -> None:
        """Read everything anew."""
        self._read.clear()
        self._tops.clear()
        self._outer.clear()

    def _decide(self, top: Path, parts: tuple[str, ...], *, is_folder: bool) -> bool:
        """Whether the nearest file that has a say leaves this folder or file out."""
        if top not in self._outer:
            self._outer[top] = [(file, 0) for file in _outer_files(top)]
        inner = [(top.joinpath(*parts[:depth], ".gitignore"), depth) for depth in range(len(parts))]
        for file, depth in reversed(self._outer[top] + inner):
            patterns = self._patterns(file)
            path = "/".join(parts[depth:]) + ("/" if is_folder else "")
            verdict = patterns.decide_itself(path) if patterns else None
            if verdict is not None:
                return verdict
        return False

    def _patterns(self, file: Path) -> Patterns | None:
        known = self._read.get(file)
        if known is None:
            stamp = _stamp(file)
            lines = _read_lines(file) if stamp else ()
            known = self._read[file] = _Read(stamp, Patterns(lines) if lines else None)
        return known.patterns


@lru_cache(maxsize=256)
def _compile(lines: tuple[str, ...]) -> list[tuple[re.Pattern[str], bool]]:
    """An expression for each pattern, and whether what it matches is left out."""
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern  # noqa: PLC0415 - takes its time

    compiled = []
    for line in lines:
        if line.strip() == "!/":  # says nothing to git, and "any folder" to pathspec
            continue
        with suppress(ValueError):  # git passes over what is no pattern, too
            pattern = GitIgnoreSpecPattern(_BELOW.sub(r"/**/*\1", line))
            if pattern.regex is not None and pattern.include is not None:
                compiled.append((pattern.regex, pattern.include))
    return compiled


def _is_of_a_folder_above(match: re.Match[str]) -> bool:
    """Whether a pattern matches a folder that the path is in, and not the path's own end.

    pathspec's expressions go on below a folder and have a group at the slash where they do. Where a pattern
    is for any folder that slash is all that is matched, the first one of the path.
    """
    if match[0] == "/":
        return not match.string.endswith("/")
    return match.lastgroup is not None and match.end(match.lastgroup) < len(match.string)


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _read_lines(file: Path) -> tuple[str, ...]:
    try:
        with file.open("rb") as stream:
            text = stream.read(LARGEST_BYTES).decode(errors="replace")
    except OSError:
        return ()
    return tuple(line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n"))


def _outer_files(top: Path) -> Iterator[Path]:
    """The user's ignore file and the repository's own, the weaker first."""
    user = _user_file()
    if user is not None:
        yield user
    git = _git_folder(top)
    if git is not None:
        yield git / "info" / "exclude"


def _repository_top(folder: Path) -> Path | None:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _git_folder(top: Path) -> Path | None:
    """A repository's own folder; in a worktree or submodule a file names it (gitrepository-layout(5))."""
    git = top / ".git"
    if git.is_file():
        lines = _read_lines(git)
        if not lines or not lines[0].startswith("gitdir:"):
            return None
        git = top / lines[0].removeprefix("gitdir:").strip()
    common = _read_lines(git / "commondir")
    return git / common[0].strip() if common else git


def _user_file() -> Path | None:
    """``core.excludesFile`` of the user's configuration, or where git looks without one.

    Included configuration files are not followed.
    """
    base = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser()) / "git"
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    configured = [Path(named)] if named else [base / "config", Path("~/.gitconfig").expanduser()]
    for file in reversed(configured):
        path = _excludes_file(file)
        if path is not None:
            return path
    return base / "ignore"


def _excludes_file(config: Path) -> Path | None:
    parser = RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    try:
        parser.read_string("\n".join(line.strip() for line in _read_lines(config)))
    except Error:
        return None
    section = next((each for each in parser.sections() if each.lower() == "core"), None)
    value = parser.get(section, "excludesfile", fallback=None) if section else None
    return Path(value.strip('"')).expanduser() if value else None
