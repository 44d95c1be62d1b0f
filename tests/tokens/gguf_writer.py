"""Writing the metadata of a GGUF file, version 3, without tensors: vocabularies for tests."""

import struct
from collections.abc import Mapping
from pathlib import Path

from byte_lsp.tokens.gguf import MetadataValue

_U32, _I32, _F32, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9


def write_gguf(path: Path, metadata: Mapping[str, MetadataValue]) -> Path:
    """Write a file that holds this metadata: ints as u32 (i32 in arrays), floats as f32."""
    pairs = b"".join(_string(key.encode()) + _typed(value) for key, value in metadata.items())
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata)) + pairs)
    return path


def byte_level_metadata(
    pre: str, spellings: list[str], merges: list[str], kinds: list[int] | None = None
) -> dict[str, MetadataValue]:
    """The metadata of a byte-level BPE vocabulary that llama.cpp loads with ``vocab_only``."""
    return {
        "general.architecture": b"gpt2",
        "gpt2.context_length": 64,
        "tokenizer.ggml.model": b"gpt2",
        "tokenizer.ggml.pre": pre.encode(),
        "tokenizer.ggml.tokens": [spelling.encode() for spelling in spellings],
        "tokenizer.ggml.token_type": kinds or [1] * len(spellings),
        "tokenizer.ggml.merges": [merge.encode() for merge in merges],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 0,
    }


def _typed(value: MetadataValue) -> bytes:
    if isinstance(value, list):
        return struct.pack("<I", _ARRAY) + _items(value)
    if isinstance(value, bytes):
        return struct.pack("<I", _STRING) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<I?", _BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", _U32, value)
    return struct.pack("<If", _F32, value)


def _items(values: list[bytes] | list[int] | list[float] | list[bool]) -> bytes:
    strings = [value for value in values if isinstance(value, bytes)]
    if strings:
        return struct.pack("<IQ", _STRING, len(strings)) + b"".join(map(_string, strings))
    if all(isinstance(value, int) for value in values):
        return struct.pack(f"<IQ{len(values)}i", _I32, len(values), *values)
    return struct.pack(f"<IQ{len(values)}f", _F32, len(values), *values)


def _string(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data
