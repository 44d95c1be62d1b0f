"""Files and folders that nobody but their owner can read.

On Windows there are no such modes to set: what lies in a user's profile is the user's alone by its inherited
access list, and Python's ``chmod`` knows the read-only flag only.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

HAS_MODES = sys.platform != "win32"
_FOLDER, _FILE = 0o700, 0o600


def make_private_folder(path: Path) -> None:
    """Make a folder, with what it lies in, or take it from all others if it is there. Errors: ``OSError``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=_FOLDER, exist_ok=True)
    tighten(path)


def tighten(path: Path) -> None:
    """Take from all others what they may do with our own file or folder; somebody else's stays as it is."""
    if not HAS_MODES:
        return
    with suppress(OSError):
        found = path.lstat()
        if found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode):
            allowed = _FOLDER if stat.S_ISDIR(found.st_mode) else _FILE
            if stat.S_IMODE(found.st_mode) & ~allowed:
                path.chmod(stat.S_IMODE(found.st_mode) & allowed)


def write_private_file(path: Path, text: str) -> None:
    """Write a file whole, in one step, for its owner alone. Errors: ``OSError``."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
