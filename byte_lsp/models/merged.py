"""Model files that are made on this machine: an adapter merged into another model's weights.

The work is done by a process of its own, ``byte_lsp.adapters``: the server loads no numpy, and the memory is
given back.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from threading import Event

from byte_lsp.catalog import MergedSource
from byte_lsp.errors import Cancelled, ModelFileError
from byte_lsp.models.check import check_adapter
from byte_lsp.models.part_file import Meter

_POLL_SECONDS = 0.1
_PACKAGE_FOLDER = Path(__file__).parents[2]


def make(source: MergedSource, base: Path, target: Path, meter: Meter, cancelled: Event | None) -> None:
    """Write the merged file to ``target``, out of a verified ``base``.

    Errors: ``ModelFileError`` for an adapter that is bad or another model's, and for a full disk;
    ``Cancelled``; ``OSError``.
    """
    check_adapter(source.adapter)
    with tempfile.TemporaryFile() as errors:
        process = _start(source, base, target, errors.fileno())
        try:
            _wait(process, target, meter, cancelled)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        errors.seek(0)
        said = errors.read().decode("utf-8", "replace").strip().splitlines()
    if process.returncode != 0:
        reason = said[-1] if said else f"exit code {process.returncode}"
        raise ModelFileError(reason if process.returncode == 1 else f"the merge of {source} failed: {reason}")


def remove_leftovers(folder: Path) -> None:
    """Remove what a merge that was killed left behind. Only while holding the lock."""
    for part in folder.glob("*.part"):
        with suppress(
            OSError
        ):  # its process may still be writing, where a file that is open cannot be removed
            part.unlink()


def _start(source: MergedSource, base: Path, target: Path, errors: int) -> "subprocess.Popen[bytes]":
    files = [str(base), str(source.adapter.path), str(target)]
    search_path = [str(_PACKAGE_FOLDER), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        # -P: a file of the user's project must not take the place of a module.
        [
            sys.executable,
            "-P",
            "-m",
            "byte_lsp.adapters",
            *files,
            source.type,
            f"--scale={source.adapter.scale}",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, search_path))},
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _wait(process: "subprocess.Popen[bytes]", target: Path, meter: Meter, cancelled: Event | None) -> None:
    while process.poll() is None:
        if cancelled is not None and cancelled.is_set():
            raise Cancelled("the merge was cancelled")
        meter.reach(sum(map(_size_bytes, target.parent.glob(f"{target.name}.*.part"))))
        with suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)


def _size_bytes(path: Path) -> int:
    with suppress(FileNotFoundError):  # it may be whole by now, and have its name
        return path.stat().st_size
    return 0
