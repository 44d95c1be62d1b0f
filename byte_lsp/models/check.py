"""Is a model file what it should be?

The expected hash of a file from PyPI stands in the catalogue; that of a file from the hub was the hub's own
and was recorded when it was pulled; that of a merged file was recorded when it was made, and of what; a file
given by path has none, unless its entry says so.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from byte_lsp.catalog import AdaptedSource, Adapter, HubSource, MergedSource, Model, PathSource
from byte_lsp.errors import ModelFileError
from byte_lsp.models.cache import (
    Record,
    file_path,
    local_path,
    read_record,
    recorded_source,
    write_record,
)

State = Literal["ready", "not pulled", "altered"]

_MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading a whole model file showed. ``problem`` is empty if the file is as it should be.

    ``expected_sha256`` is None if nothing says what it should be; ``found_sha256`` is None if reading the
    file was not needed to see that it is wrong.
    """

    path: Path
    problem: str
    expected_sha256: str | None = None
    found_sha256: str | None = None

    @property
    def ok(self) -> bool:
        return not self.problem


def verify(model: Model) -> Verification:
    """Read the model's whole file and compare. Never raises for a bad or missing file."""
    return _verify(model, read_all=True)


def _verify(model: Model, *, read_all: bool) -> Verification:
    """As ``verify``; unless ``read_all`` a file of which nothing is known is not read for nothing."""
    if isinstance(model.source, AdaptedSource):
        base, problem = _verify(model.source.base, read_all=read_all), _adapter_problem(model.source.adapter)
        return replace(base, problem=base.problem or problem)
    path = file_path(model)
    try:
        found = path.stat()
        _check_magic(path)
    except OSError as error:
        return Verification(path, f"{path} cannot be read ({error.strerror})")
    except ModelFileError as error:
        return Verification(path, str(error))
    record = read_record(path)
    expected_size, expected = _expectation(model, record)
    if expected_size is not None and found.st_size != expected_size:
        change = "truncated" if found.st_size < expected_size else "too long"
        problem = f"{path} is {change}: expected {expected_size} bytes, found {found.st_size}"
        return Verification(path, problem, expected)
    if expected is None and not isinstance(model.source, PathSource):
        return Verification(path, f"{path} has no record of its sha256 from {model.source}")
    if expected is None and not read_all:
        return Verification(path, "")
    actual = sha256_of(path)
    if expected is not None and actual != expected:
        problem = f"{path} is altered: expected sha256 {expected}, found {actual}"
        return Verification(path, problem, expected, actual)
    fresh = Record(found.st_size, found.st_mtime_ns, actual, recorded_source(model))
    if not isinstance(model.source, PathSource) and fresh != record:
        with suppress(OSError):  # a cache that cannot be written only means reading the file again next time
            write_record(path, fresh)
    return Verification(path, "", expected, actual)


def check(model: Model) -> Path:
    """The path of the model's file, which is as it should be; only a file touched since is read whole.

    Errors: ``ModelFileError`` saying what is wrong and what to run.
    """
    if isinstance(model.source, AdaptedSource):
        check_adapter(model.source.adapter)
        return check(model.source.base)
    path = file_path(model)
    if not _is_as_recorded(model, path):
        verification = _verify(model, read_all=False)
        if not verification.ok:
            raise ModelFileError(f"{verification.problem}; {_advice(model)}")
    return path


def check_adapter(adapter: Adapter) -> None:
    """Errors: ``ModelFileError`` if the adapter's file is not what the catalogue says."""
    problem = _adapter_problem(adapter)
    if problem:
        raise ModelFileError(
            f"{problem}; install byte-lsp again, or correct the catalogue if the entry is yours"
        )


def state(model: Model) -> State:
    """Whether the model's file is there and as it should be."""
    if local_path(model) is None:
        return "not pulled"
    try:
        check(model)
    except ModelFileError:
        return "altered"
    return "ready"


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_as_recorded(model: Model, path: Path) -> bool:
    record = read_record(path)
    if record is None or not path.is_file():
        return False
    found = path.stat()
    size, sha256 = _expectation(model, record)
    return (found.st_size, found.st_mtime_ns) == (record.size_bytes, record.mtime_ns) and (
        (size, sha256) == (record.size_bytes, record.sha256)
    )


def _expectation(model: Model, record: Record | None) -> tuple[int | None, str | None]:
    is_recorded = record is not None and record.source == recorded_source(model)
    if isinstance(model.source, HubSource | MergedSource) and record is not None and is_recorded:
        return model.size_bytes or record.size_bytes, model.sha256 or record.sha256
    return model.size_bytes, model.sha256


def _adapter_problem(adapter: Adapter) -> str:
    """What is wrong with an adapter's file, or nothing."""
    try:
        found = adapter.path.stat().st_size
        sha256 = sha256_of(adapter.path) if found == adapter.size_bytes else None
    except OSError as error:
        return f"the adapter {adapter.path} cannot be read ({error.strerror})"
    if sha256 is None:
        return f"the adapter {adapter.path} is damaged: expected {adapter.size_bytes} bytes, found {found}"
    if sha256 != adapter.sha256:
        return f"the adapter {adapter.path} is altered: expected sha256 {adapter.sha256}, found {sha256}"
    return ""


def _check_magic(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_MAGIC))
    if start != _MAGIC:
        raise ModelFileError(f"{path} is not a GGUF file: it starts with {start!r}, not {_MAGIC!r}")


def _advice(model: Model) -> str:
    if isinstance(model.source, PathSource):
        return "give the path of a .gguf model file"
    return f"run: byte-lsp models pull {model.name}"
