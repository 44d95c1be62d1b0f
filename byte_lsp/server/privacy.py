"""Which documents stay out: they are never context for others, and nothing is suggested in them.

In this order: what ``privacy.exclude`` names is out; what ``privacy.allow`` names is in; what has the name
of a file that holds secrets (``secret_names``) is out; so is what git ignores, unless
``privacy.respect_gitignore`` is off. Documents that are not saved yet have no path to go by: they are in.

A document is judged when it is opened, and again when settings, folders or ignore files have changed; in
between the answer is a look into a dictionary.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from byte_lsp.server.gitignore import FOLDS_CASE, IgnoreFiles, Patterns
from byte_lsp.server.paths import Roots, path_of, scheme_of
from byte_lsp.server.secret_names import SECRET_NAMES
from byte_lsp.server.threads import in_thread
from byte_lsp.settings import PrivacySettings

UNSAVED = "untitled"
RECHECK_SECONDS = 3.0
"""Ignore files are looked at again when a suggestion is wanted so long after the last time."""

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a document stays out, as the end of "off for this file: ...", and what lets it in."""

    reason: str
    action: str


IN_SETTING = Exclusion("privacy.exclude names it", "take it out of privacy.exclude to get suggestions here")
BY_NAME = Exclusion(
    "files of this name hold secrets",
    "add it to privacy.allow if it holds none and you want suggestions here",
)
IN_GITIGNORE = Exclusion("it is in .gitignore", "add it to privacy.allow to get suggestions here")


class Privacy:
    """Judges documents by their URIs. ``on_change`` is called when an open one is judged differently."""

    def __init__(self, roots: Roots | None = None, settings: PrivacySettings | None = None) -> None:
        self.on_change: Callable[[], object] = lambda: None
        self._roots = roots or Roots()
        self._names = Patterns(SECRET_NAMES, folds_case=True)
        self._ignore_files = IgnoreFiles()
        self._verdicts: dict[str, Exclusion | None] = {}
        self._checked_at = time.monotonic()
        self._check: asyncio.Task[None] | None = None
        self._take(settings or PrivacySettings())

    @property
    def folders(self) -> list[str]:
        """The paths of the workspace's folders."""
        return self._roots.folders

    def follow(self, settings: PrivacySettings) -> None:
        """Judge by other settings from now on."""
        if settings != self._settings:
            self._take(settings)
            self._judge_again()

    def move(self, roots: Roots) -> None:
        """The workspace has other folders now."""
        self._roots = roots
        self._judge_again()

    def exclusion(self, uri: str) -> Exclusion | None:
        """Why the document stays out, or None if it does not."""
        if uri not in self._verdicts:
            self._verdicts[uri] = self._judge(uri)
        return self._verdicts[uri]

    def closed(self, uri: str) -> None:
        """The document need not be judged any more."""
        self._verdicts.pop(uri, None)

    def recheck(self, *, at_once: bool = False) -> None:
        """See beside the event loop whether ignore files have changed, unless that was done just now."""
        now = time.monotonic()
        if self._check is not None or not (at_once or now - self._checked_at >= RECHECK_SECONDS):
            return
        self._checked_at = now
        self._check = asyncio.create_task(self._look_again())

    def close(self) -> None:
        """Look at nothing any more."""
        if self._check is not None:
            self._check.cancel()

    async def _look_again(self) -> None:
        try:
            if await in_thread(self._ignore_files.is_outdated):
                self._ignore_files.forget()
                self._judge_again()
        finally:
            self._check = None

    def _take(self, settings: PrivacySettings) -> None:
        self._settings = settings
        self._excluded = _UserPatterns(settings.exclude)
        self._allowed = _UserPatterns(settings.allow)

    def _judge_again(self) -> None:
        before = dict(self._verdicts)
        for uri in before:
            self._verdicts[uri] = self._judge(uri)
        if self._verdicts != before:
            self.on_change()

    def _judge(self, uri: str) -> Exclusion | None:
        scheme = scheme_of(uri)
        if scheme == UNSAVED:
            return None
        folder = self._roots.folder_of(uri)
        given = path_of(uri)
        aliases = {given, *_real_path(given)} if scheme == "file" else {given}
        if any(self._excluded.match(path, folder) for path in aliases):
            return IN_SETTING
        if self._allowed.match(given, folder):
            return None
        if any(self._names.decide(path.lstrip("/")) for path in aliases):
            return BY_NAME
        if scheme == "file" and self._settings.respect_gitignore and self._is_ignored(given, folder):
            return IN_GITIGNORE
        return None

    def _is_ignored(self, path: str, folder: str | None) -> bool:
        return self._ignore_files.is_ignored(_local(path), None if folder is None else _local(folder))


class _UserPatterns:
    """A setting's patterns with commas between them: below the workspace's folder, or from ``~/`` on.

    Outside of a workspace they hold on the whole path.
    """

    def __init__(self, setting: str) -> None:
        patterns = [part.strip() for part in setting.split(",") if part.strip()]
        at_home = [each for each in patterns if each.removeprefix("!").startswith("~/")]
        self._below_folder = _of([each for each in patterns if each not in at_home])
        self._at_home = _of([each.replace("~", _home(), 1) for each in at_home])

    def match(self, path: str, folder: str | None) -> bool:
        below = path.removeprefix(folder) if folder is not None else path
        return any(
            patterns is not None and patterns.decide(_name(each)) is True
            for patterns, each in ((self._below_folder, below), (self._at_home, path))
        )


def _of(patterns: Iterable[str]) -> Patterns | None:
    lines = tuple(patterns)
    return Patterns(lines, folds_case=FOLDS_CASE) if lines else None


def _home() -> str:
    home = Path.home().as_posix()
    return home if home.startswith("/") else f"/{home}"


def _name(path: str) -> str:
    return path.lstrip("/")


def _real_path(path: str) -> list[str]:
    """Where a link leads: what holds secrets does so under any name."""
    real = PurePosixPath(Path(os.path.realpath(_local(path))).as_posix())
    text = str(real)
    return [text if text.startswith("/") else f"/{text}"]


def _local(path: str) -> Path:
    """The path of a URI on this machine; on Windows without the slash before the drive."""
    return Path((path.removeprefix("/") if sys.platform == "win32" else path) or "/")
