"""Archives that come out the same, byte for byte, whenever and wherever they are made."""

import gzip
import io
import os
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from editors.release.errors import ReleaseError

_A_DAY_IN_2020 = 1580601600


def release_time() -> int:
    """The time that files in archives bear: ``SOURCE_DATE_EPOCH``, or one that never changes."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", _A_DAY_IN_2020))


def write_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a tar archive, compressed where the name ends in ``.gz``; returns its path."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(files[name]), release_time(), 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    packed = gzip.compress(data.getvalue(), mtime=0) if path.suffix == ".gz" else data.getvalue()
    path.write_bytes(packed)
    return path


def write_sums(folder: Path, files: list[Path]) -> Path:
    """Write ``SHA256SUMS``, which ``sha256sum --check`` reads; returns its path."""
    lines = [f"{sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(files)]
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(lines), encoding="utf-8", newline="\n")
    return sums


def check_sums(folder: Path) -> list[Path]:
    """The files that ``SHA256SUMS`` names. Errors: ``ReleaseError`` names those that are not as it says."""
    sums = folder / "SHA256SUMS"
    if not sums.exists():
        raise ReleaseError(
            f"{folder} holds no SHA256SUMS: make a release there first (build --out {folder})."
        )
    listed = [line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines()]
    changed = [name for digest, name in listed if not _is(folder / name, digest)]
    if changed:
        raise ReleaseError(
            f"{', '.join(changed)} in {folder}: not what SHA256SUMS says. Make the release again."
        )
    return [folder / name for _, name in listed]


def _is(file: Path, digest: str) -> bool:
    return file.exists() and sha256(file.read_bytes()).hexdigest() == digest
