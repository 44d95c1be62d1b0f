"""Damaged model files are one readable error that names the file."""

import struct
from pathlib import Path

import pytest

from byte_lsp.errors import ModelFileError, TokenizerError
from byte_lsp.tokens.gguf import MetadataValue, read_metadata
from byte_lsp.tokens.vocabulary import Kind, load_vocabulary

from .gguf_writer import byte_level_metadata, write_gguf

METADATA: dict[str, MetadataValue] = {
    "a.string": b"gpt2",
    "a.number": 7,
    "a.fraction": 0.5,
    "a.flag": True,
    "some.strings": [b"x", b"", b"\xff\xfe"],
    "some.numbers": [1, -2, 3],
    "some.fractions": [0.5, -1.5],
    "nothing": [],
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "model.gguf", METADATA)


def test_metadata_is_read_back(model: Path) -> None:
    assert read_metadata(model) == METADATA


def test_a_file_cut_anywhere_is_said_to_be_truncated(model: Path, tmp_path: Path) -> None:
    whole = model.read_bytes()
    cut = tmp_path / "cut.gguf"
    for length in range(4, len(whole)):
        cut.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match=r"cut\.gguf.*truncated"):
            read_metadata(cut)


@pytest.mark.parametrize("content", [b"", b"G", b"GGU", b"GGML" + bytes(40), b"PK\x03\x04" + bytes(40)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"other\.gguf"):
        read_metadata(path)


@pytest.mark.parametrize("version", [0, 1, 4, 0x03000000])
def test_other_versions_are_refused(model: Path, version: int) -> None:
    model.write_bytes(b"GGUF" + struct.pack("<I", version) + model.read_bytes()[8:])
    with pytest.raises(ModelFileError, match=rf"model\.gguf.*version {version} "):
        read_metadata(model)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.gguf: no such model file"):
        read_metadata(tmp_path / "none.gguf")
    with pytest.raises(ModelFileError, match=tmp_path.name):
        read_metadata(tmp_path)


@pytest.mark.parametrize("kind", [13, 99])
def test_unknown_value_types_are_damage(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "odd.gguf"
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k"
    for value in (struct.pack("<I", kind), struct.pack("<IIQ", 9, kind, 1)):
        path.write_bytes(header + value + bytes(16))
        with pytest.raises(ModelFileError, match=rf"odd\.gguf.*type {kind};"):
            read_metadata(path)


@pytest.mark.parametrize("count", [1 << 40, 1 << 62, (1 << 64) - 1])
def test_impossible_lengths_are_refused_before_memory_is_asked_for(tmp_path: Path, count: int) -> None:
    path = tmp_path / "huge.gguf"
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k"
    for value in (
        struct.pack("<IQ", 8, count),
        struct.pack("<IIQ", 9, 8, count),
        struct.pack("<IIQ", 9, 5, count),
    ):
        path.write_bytes(header + value + bytes(16))
        with pytest.raises(ModelFileError, match=r"huge\.gguf"):
            read_metadata(path)


def test_a_vocabulary_is_read(tmp_path: Path) -> None:
    metadata = byte_level_metadata("gpt-2", ["<|end|>", "a", "b", "ab", "\u0120"], ["a b"], [3, 1, 1, 1, 1])
    vocabulary = load_vocabulary(write_gguf(tmp_path / "tiny.gguf", metadata))
    assert list(vocabulary.pieces) == [b"", b"a", b"b", b"ab", b" "]
    assert list(vocabulary.merges) == [(b"a", b"b")]
    assert vocabulary.ids_of_spelling["ab"] == 3
    assert vocabulary.bos_id == vocabulary.eos_id == 0


def test_a_file_without_a_vocabulary_is_refused(model: Path) -> None:
    with pytest.raises(TokenizerError, match=r"model\.gguf.*no vocabulary"):
        load_vocabulary(model)


@pytest.mark.parametrize("key", ["tokenizer.ggml.token_type", "tokenizer.ggml.scores"])
@pytest.mark.parametrize("count", [1, 3])
def test_more_or_fewer_values_than_tokens_are_refused(tmp_path: Path, key: str, count: int) -> None:
    metadata = byte_level_metadata("gpt-2", ["a", "b"], []) | {key: [1] * count}
    with pytest.raises(TokenizerError, match=rf"odd\.gguf: {key} has {count} values for 2 tokens; .*fetch"):
        load_vocabulary(write_gguf(tmp_path / "odd.gguf", metadata))


@pytest.mark.parametrize("spelling", ["A", "<0xZZ>", "<0x100>", ""])
def test_a_byte_token_spelled_otherwise_is_refused(tmp_path: Path, spelling: str) -> None:
    metadata = byte_level_metadata("gpt-2", ["a", spelling], [], [int(Kind.NORMAL), int(Kind.BYTE)])
    with pytest.raises(TokenizerError, match=rf"odd\.gguf: token 1 .*'{spelling}'.*fetch"):
        load_vocabulary(write_gguf(tmp_path / "odd.gguf", metadata))


def test_a_family_not_known_is_refused_by_name(tmp_path: Path) -> None:
    metadata = byte_level_metadata("gpt-2", ["a"], []) | {"tokenizer.ggml.model": b"t5"}
    with pytest.raises(TokenizerError, match=r"odd\.gguf.*'t5'"):
        load_vocabulary(write_gguf(tmp_path / "odd.gguf", metadata))
