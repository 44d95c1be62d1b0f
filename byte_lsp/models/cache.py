"""The cache folder: where model files lie, and what was recorded about each when it was pulled or made.

========================= =====================================================
models/NAME/FILE          the model file
models/NAME/FILE.json     its record
models/NAME/FILE*.part    a pull or a merge under way, or a pull that can be resumed
models/NAME/lock          held while a process pulls
========================= =====================================================
"""

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from byte_lsp.catalog import AdaptedSource, MergedSource, Model, PathSource
from byte_lsp.errors import ModelFileError
from byte_lsp.private_files import tighten, write_private_file

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ADVICE = "or set BYTE_LSP_CACHE to another folder"


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a model file: while size and ``mtime_ns`` stay as they are, so does the hash."""

    size_bytes: int
    mtime_ns: int
    sha256: str
    source: str


def cache_folder() -> Path:
    """byte-lsp's folder in the platform's cache, or what the environment says in ``BYTE_LSP_CACHE``."""
    chosen = os.environ.get("BYTE_LSP_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("byte-lsp", appauthor=False)


def model_folder(model: Model) -> Path:
    """The folder of one model in the cache; it need not exist."""
    return cache_folder() / "models" / model.name


def make_model_folder(model: Model) -> Path:
    """``model_folder``, made if need be, for this user alone; what is there already is taken from others.

    Only a cache folder that somebody has chosen keeps the modes it has: it may be theirs for more than this.
    """
    folder = model_folder(model)
    cache_folder().parent.mkdir(parents=True, exist_ok=True)
    for each in (cache_folder(), folder.parent, folder):
        each.mkdir(mode=0o700, exist_ok=True)
    take_from_others(model)
    return folder


def take_from_others(model: Model) -> None:
    """Let nobody but this user read the model's folder, and what is in it, if it is there."""
    folder = model_folder(model)
    if not folder.is_dir():
        return
    if not os.environ.get("BYTE_LSP_CACHE"):
        tighten(cache_folder())
    for each in (folder.parent, folder, *folder.iterdir()):
        tighten(each)


def file_path(model: Model) -> Path:
    """Where the model file lies, or would lie once it is pulled."""
    if isinstance(model.source, AdaptedSource):
        return file_path(model.source.base)
    if isinstance(model.source, PathSource):
        return model.source.path
    return model_folder(model) / model.file_name


def local_path(model: Model) -> Path | None:
    """Where the model's file lies, or None if it is not there. It is not read: see ``check`` for that.

    A merged file that was made of another base or adapter is not the model's.
    """
    path = file_path(model)
    if not path.is_file():
        return None
    record = read_record(path) if isinstance(model.source, MergedSource) else None
    return None if record is not None and record.source != recorded_source(model) else path


def recorded_source(model: Model) -> str:
    """What the record of the model's file says of its source."""
    return model.source.recipe if isinstance(model.source, MergedSource) else str(model.source)


def read_record(path: Path) -> Record | None:
    """The record beside a model file, or None if there is none or it cannot be read."""
    try:
        return Record(**json.loads(_record_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    """Put the record beside a model file, in one step."""
    write_private_file(_record_path(path), json.dumps(asdict(record), indent=2) + "\n")


def need_space(folder: Path, needed_bytes: int) -> None:
    """Errors: ``OSError`` (no space) if the disk under ``folder`` has fewer bytes free."""
    if shutil.disk_usage(folder).free < needed_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def disk_errors_explained(folder: Path, needed_bytes: int | None) -> Iterator[None]:
    """Turn a full or unwritable disk into a ``ModelFileError`` that names the folder and the bytes needed."""
    try:
        yield
    except OSError as error:
        needed = "" if needed_bytes is None else f"; {needed_bytes:,} bytes are needed"
        if error.errno in _DISK_FULL:
            raise ModelFileError(f"no space left for {folder}{needed}: free some, {_ADVICE}") from error
        reason = error.strerror or str(error)
        raise ModelFileError(
            f"cannot write to {folder} ({reason}){needed}: make it writable, {_ADVICE}"
        ) from error


def _record_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
