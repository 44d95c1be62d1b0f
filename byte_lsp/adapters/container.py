"""A GGUF file as what it is made of: metadata that can be copied byte for byte, and tensors.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize
from numpy.typing import NDArray

from byte_lsp.errors import ModelFileError
from byte_lsp.tokens.gguf import MetadataValue, open_reader, read_pairs

_VERSION = 3
_ALIGNMENT_KEY = "general.alignment"
_USUAL_ALIGNMENT = 32
_MOST_DIMENSIONS = 4


@dataclass(frozen=True, slots=True)
class Tensor:
    """What a file says of a tensor. ``shape`` is numpy's, a row's length last; ``offset`` is in the data."""

    name: str
    shape: tuple[int, ...]
    type: GGMLQuantizationType
    offset: int = 0

    @property
    def size_bytes(self) -> int:
        """Of its data, without padding. Errors: ``ValueError`` for rows that are no whole blocks."""
        block_values, block_bytes = GGML_QUANT_SIZES[self.type]
        if self.shape[-1] % block_values:
            raise ValueError(f"{self.name}: rows of {self.shape[-1]} values cannot be {self.type.name}")
        return prod(self.shape) // block_values * block_bytes


@dataclass(frozen=True, slots=True)
class Container:
    """What stands before the tensors' data, which begins at ``data_at``.

    ``stored`` has the bytes of each key-value pair: key, type and value.
    """

    path: Path
    metadata: Mapping[str, MetadataValue]
    stored: Mapping[str, bytes]
    tensors: Mapping[str, Tensor]
    data_at: int

    @property
    def alignment(self) -> int:
        return _alignment(self.metadata)

    def text(self, key: str) -> str:
        """A string of the metadata, or "" if there is none under that key."""
        value = self.metadata.get(key, b"")
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""

    def number(self, key: str) -> float | None:
        """A number of the metadata, or None if there is none under that key."""
        value = self.metadata.get(key)
        return value if isinstance(value, int | float) else None


def read_container(path: Path) -> Container:
    """Read all but the tensors' data, and see that it is there.

    Errors: ``ModelFileError`` naming the file where it is missing, no GGUF, damaged or truncated.
    """
    with open_reader(path) as reader:
        tensor_count, pair_count = reader.count(), reader.count()
        metadata, stored = {}, {}
        for (key, value), raw in read_pairs(reader, pair_count):
            metadata[key], stored[key] = value, raw
        tensors = {}
        for _ in range(tensor_count):
            name = reader.string().decode("utf-8", "replace")
            dimensions = int(reader.scalar("<I"))
            if not 1 <= dimensions <= _MOST_DIMENSIONS:
                raise _damaged(path, f"{name} has {dimensions} dimensions")
            shape = tuple(reader.count() for _ in range(dimensions))[::-1]
            if 0 in shape:
                raise _damaged(path, f"{name} has no values")
            kind = int(reader.scalar("<I"))
            try:
                tensor = Tensor(name, shape, GGMLQuantizationType(kind), reader.count())
                end = tensor.offset + tensor.size_bytes
            except ValueError as error:
                raise _damaged(path, str(error)) from error
            tensors[name] = tensor
        data_at = _align(reader.at, _alignment(metadata))
        end = max((tensor.offset + tensor.size_bytes for tensor in tensors.values()), default=0)
        if data_at + end > len(reader.data):
            raise ModelFileError(
                f"{path}: the file ends at byte {len(reader.data)} of {data_at + end}; it is truncated: "
                "pull or copy it again"
            )
    return Container(path, metadata, stored, tensors, data_at)


class TensorReader:
    """The data of a container's tensors, from a memory map."""

    def __init__(self, container: Container) -> None:
        """Errors: ``ModelFileError`` if the file cannot be read."""
        try:
            self._data = np.memmap(container.path, np.uint8, "r", offset=0)
        except (OSError, ValueError) as error:
            raise ModelFileError(f"{container.path}: cannot be read as a model file: {error}") from error
        self._container = container

    def raw(self, name: str) -> NDArray[np.uint8]:
        """A tensor's bytes, as they are stored."""
        tensor = self._container.tensors[name]
        start = self._container.data_at + tensor.offset
        return self._data[start : start + tensor.size_bytes]

    def values(self, name: str) -> NDArray[np.float32]:
        """A tensor's values, in its shape. Errors: ``ModelFileError`` for a format that cannot be read."""
        tensor = self._container.tensors[name]
        stored = self.raw(name).reshape(*tensor.shape[:-1], -1)
        plain = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}.get(tensor.type)
        if plain is not None:
            return stored.view(plain).astype(np.float32)
        try:
            return dequantize(stored, tensor.type).astype(np.float32, copy=False).reshape(tensor.shape)
        except NotImplementedError as error:
            raise ModelFileError(
                f"{self._container.path}: {name} is stored as {tensor.type.name}, which cannot be read here; "
                "choose a file with weights of another format"
            ) from error


class ContainerWriter:
    """Writes a GGUF file from its parts, in order: pairs and tensors here, then the data of each tensor."""

    def __init__(self, pairs: Iterable[bytes], tensors: Sequence[Tensor], alignment: int) -> None:
        """``pairs`` as ``Container.stored`` has them; the tensors' offsets are found anew."""
        self._alignment = alignment
        self._sizes = [tensor.size_bytes for tensor in tensors]
        stored = list(pairs)
        head = [b"GGUF", struct.pack("<IQQ", _VERSION, len(tensors), len(stored)), *stored]
        offset = 0
        for tensor, size_bytes in zip(tensors, self._sizes, strict=True):
            dimensions = tensor.shape[::-1]
            head += [
                _string(tensor.name),
                struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions),
                struct.pack("<IQ", tensor.type, offset),
            ]
            offset += _align(size_bytes, alignment)
        self._head = b"".join(head)
        self.size_bytes = _align(len(self._head), alignment) + offset

    def write(self, file: BinaryIO, data: Iterable[NDArray[np.generic]]) -> None:
        """Write everything. Errors: ``OSError``; ``ValueError`` for data of another size than a tensor's."""
        self._write_padded(file, self._head)
        for values, size_bytes in zip(data, self._sizes, strict=True):
            stored = np.ascontiguousarray(values).tobytes()
            if len(stored) != size_bytes:
                raise ValueError(f"{len(stored)} bytes for a tensor of {size_bytes}")
            self._write_padded(file, stored)

    def _write_padded(self, file: BinaryIO, content: bytes) -> None:
        file.write(content)
        file.write(bytes(-len(content) % self._alignment))


def text_pair(key: str, value: str) -> bytes:
    """A key and a string as a file stores them."""
    return _string(key) + struct.pack("<I", 8) + _string(value)


def number_pair(key: str, value: int) -> bytes:
    """A key and a 32-bit unsigned number as a file stores them."""
    return _string(key) + struct.pack("<II", 4, value)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _alignment(metadata: Mapping[str, MetadataValue]) -> int:
    value = metadata.get(_ALIGNMENT_KEY, _USUAL_ALIGNMENT)
    return value if isinstance(value, int) and value > 0 else _USUAL_ALIGNMENT


def _align(size: int, alignment: int) -> int:
    return size + -size % alignment


def _damaged(path: Path, problem: str) -> ModelFileError:
    return ModelFileError(f"{path}: {problem}; the file is damaged: pull or copy it again")
