"""Reading the metadata of a GGUF file, the container of llama.cpp's models.

Only the key-value part is read, straight from a memory map: the reader of the ``gguf`` package builds an
array object per string, which takes seconds for a vocabulary of 260,000 pieces.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from byte_lsp.errors import ModelFileError

MetadataValue = int | float | bool | bytes | list[bytes] | list[int] | list[float] | list[bool]

_SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING, _ARRAY = 8, 9

MOST_HEADER_BYTES = 1 << 28
MOST_ITEMS = 1 << 23
"""Of all arrays together. The largest vocabularies take 2 million, and 20 MB: more is damage, and would fill
the memory before anything else shows that."""


class Reader:
    """Reads values one after the other, from ``at`` on. Errors: ``ModelFileError`` where the file ends."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data = data
        self.path = path
        self.at = 0
        self._items = 0

    def scalar(self, code: str) -> int | float | bool:
        width = struct.calcsize(code)
        self._need(width)
        (value,) = struct.unpack_from(code, self.data, self.at)
        self.at += width
        return value  # type: ignore[no-any-return]

    def count(self) -> int:
        return int(self.scalar("<Q"))

    def string(self) -> bytes:
        length = self.count()
        self._need(length)
        self.at += length
        return self.data[self.at - length : self.at]

    def value(self, kind: int) -> MetadataValue:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise ModelFileError(f"{self.path}: unknown GGUF value type {kind}; the file is damaged")
        return self.scalar(_SCALARS[kind])

    def _array(self) -> MetadataValue:
        kind, length = int(self.scalar("<I")), self.count()
        self._items += length
        if self._items > MOST_ITEMS:
            raise ModelFileError(
                f"{self.path}: its header has an array of {length} values, more than {MOST_ITEMS} in all; "
                "the file is damaged: pull or copy it again"
            )
        if kind == _STRING:
            return self._strings(length)
        if kind not in _SCALARS:
            raise ModelFileError(f"{self.path}: unknown GGUF array type {kind}; the file is damaged")
        code = _SCALARS[kind]
        width = struct.calcsize(code)
        self._need(width * length)
        values = [
            value for (value,) in struct.iter_unpack(code, self.data[self.at : self.at + width * length])
        ]
        self.at += width * length
        return values

    def _strings(self, length: int) -> list[bytes]:
        self._need(8 * length)
        data, at, size = self.data, self.at, len(self.data)
        unpack: Callable[..., tuple[int]] = struct.Struct("<Q").unpack_from
        strings = []
        for _ in range(length):
            if at + 8 > size:
                self._fail()
            end = at + 8 + unpack(data, at)[0]
            if end > size:
                self._fail()
            strings.append(data[at + 8 : end])
            at = end
        self.at = at
        return strings

    def _need(self, width: int) -> None:
        if self.at + width > len(self.data):
            self._fail()
        if self.at + width > MOST_HEADER_BYTES:
            raise ModelFileError(
                f"{self.path}: its header is longer than {MOST_HEADER_BYTES} bytes; the file is damaged: "
                "pull or copy it again"
            )

    def _fail(self) -> None:
        raise ModelFileError(
            f"{self.path}: the file ends inside its GGUF header ({len(self.data)} bytes); "
            "it is truncated: pull or copy it again"
        )


def read_metadata(path: str | Path) -> dict[str, MetadataValue]:
    """All key-value pairs of a GGUF file; strings are bytes.

    Raises ``ModelFileError`` where the file is missing, is not GGUF, or ends too early.
    """
    with open_reader(path) as reader:
        reader.count()  # tensors
        return dict(pair for pair, _ in read_pairs(reader, reader.count()))


@contextmanager
def open_reader(path: str | Path) -> Iterator[Reader]:
    """A reader of a file that calls itself GGUF, behind the version: it is at the number of tensors.

    Raises ``ModelFileError`` where the file is missing, is not GGUF, or ends too early.
    """
    path = Path(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            reader = Reader(data, path)
            _read_version(reader)
            yield reader
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such model file") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{path}: cannot be read as a model file: {error}") from error


def read_pairs(reader: Reader, count: int) -> Iterator[tuple[tuple[str, MetadataValue], bytes]]:
    """The next key-value pairs, each with the bytes that it is stored as: key, type and value."""
    for _ in range(count):
        start = reader.at
        key = reader.string().decode("utf-8", "replace")
        value = reader.value(int(reader.scalar("<I")))
        yield (key, value), reader.data[start : reader.at]


def _read_version(reader: Reader) -> None:
    if reader.data[:4] != b"GGUF":
        raise ModelFileError(f"{reader.path}: not a GGUF file (it starts with {bytes(reader.data[:4])!r})")
    reader.at = 4
    version = int(reader.scalar("<I"))
    if version not in (2, 3):
        raise ModelFileError(f"{reader.path}: GGUF version {version} is not supported (2 and 3 are)")
