"""Whether somebody writes to the files that a worker has mapped.

llama.cpp maps model files: weights that are overwritten in place are what the model computes with from then
on, and a page that is cut off ends the process with SIGBUS. A file that is deleted, or replaced by another
under the same name, does no harm until the worker is started again.
"""

import os
from collections.abc import Iterable


class ModelFiles:
    """What some files looked like when they were opened. Files that cannot be looked at are passed over."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._seen = {path: stat for path in paths if (stat := _look(path)) is not None}

    def overwritten(self) -> str | None:
        """The first of the files that is still the same one, with another content; None if there is none."""
        for path, before in self._seen.items():
            now = _look(path)
            if now is not None and _identity(now) == _identity(before) and _content(now) != _content(before):
                return path
        return None


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _content(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
