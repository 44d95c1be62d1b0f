"""A model file while it is being written."""

import hashlib
import io
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from byte_lsp.errors import Cancelled
from byte_lsp.private_files import tighten

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

ProgressCallback = Callable[[int, int | None], None]
"""Called with the bytes done so far, and with how many there will be if that is known."""

_CHUNK_BYTES = 1 << 20


class Meter:
    """Reports progress in bytes of the finished file: never backwards, never past the end."""

    def __init__(self, report: ProgressCallback | None, total_bytes: int | None) -> None:
        self._report = report
        self._total_bytes = total_bytes
        self._done_bytes = -1

    def reach(self, done_bytes: int) -> None:
        if self._total_bytes is not None:
            done_bytes = min(done_bytes, self._total_bytes)
        if self._report is not None and done_bytes > self._done_bytes:
            self._done_bytes = done_bytes
            self._report(done_bytes, self._total_bytes)


class PartFile(io.FileIO):
    """Hashes and counts what is written, and stops writing when the caller has given up.

    A part file that exists is taken up where it ends. Errors: ``Cancelled`` from ``write``; ``OSError``.
    """

    def __init__(self, path: Path, meter: Meter, cancelled: Event | None) -> None:
        super().__init__(path, "r+b" if path.exists() else "w+b")
        tighten(path)
        self.meter = meter
        self._cancelled = cancelled
        self._hash_from_start()

    @property
    def sha256(self) -> str:
        """Of everything written so far, in lower-case hexadecimal."""
        return self._hash.hexdigest()

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of ``data``, not a part of it as the base class may."""
        self.stop_if_cancelled()
        view = memoryview(data)
        written = 0
        while written < len(view):
            written += super().write(view[written:])
        self._hash.update(view)
        self.done_bytes += written
        self.meter.reach(self.done_bytes)
        return written

    def truncate(self, size: int | None = None, /) -> int:
        """As the base class does; the file is then hashed anew."""
        size = super().truncate(size)
        self._hash_from_start()
        return size

    def sync(self) -> None:
        """Return once the disk has it."""
        os.fsync(self.fileno())

    def stop_if_cancelled(self) -> None:
        """Errors: ``Cancelled`` if the caller has given up."""
        if self._cancelled is not None and self._cancelled.is_set():
            raise Cancelled("the pull was cancelled")

    def _hash_from_start(self) -> None:
        self._hash = hashlib.sha256()
        self.seek(0)
        while chunk := self.read(_CHUNK_BYTES):
            self._hash.update(chunk)
        self.done_bytes = self.tell()
        self.meter.reach(self.done_bytes)
