"""GGUF files with altered fields: an error that names the file, whatever was altered, and little memory."""

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.adapters.container import read_container
from byte_lsp.errors import ByteLspError, ModelFileError, TokenizerError
from byte_lsp.tokens.gguf import MOST_HEADER_BYTES, MOST_ITEMS, read_metadata
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.tokens.vocabulary import load_vocabulary
from tests.fuzz.gguf_door import check
from tests.fuzz.gguf_files import ARRAY, STRING, U32
from tests.fuzz.memory_limit import limited_memory
from tests.tokens.gguf_writer import byte_level_metadata, write_gguf

SPELLINGS = [*"abc", "ab", "bc", "abc", "<|endoftext|>", "Ġ", "Ċ"]
BIG_BYTES = MOST_HEADER_BYTES + (1 << 20)
NUMBERS = st.sampled_from(
    (0, 1, 2, 7, 8, 9, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**61, 2**63, 2**64 - 1)
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small vocabulary that is as it should be."""
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    metadata = byte_level_metadata("gpt-2", SPELLINGS, ["a b", "b c", "ab c"])
    return write_gguf(path, metadata | {"tokenizer.ggml.scores": [0.5] * len(SPELLINGS)}).read_bytes()


@settings(deadline=None, max_examples=300)
@given(data=st.data())
def test_a_number_altered_anywhere(whole: bytes, data: st.DataObject) -> None:
    """Counts, lengths, types, keys: every place of the header, in every width."""
    at = data.draw(st.integers(4, len(whole) - 8))
    width = data.draw(st.sampled_from((1, 4, 8)))
    number = data.draw(NUMBERS) & (2 ** (8 * width) - 1)
    check(whole[:at] + number.to_bytes(width, "little") + whole[at + width :])


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_file_cut_anywhere(whole: bytes, data: st.DataObject) -> None:
    check(whole[: data.draw(st.integers(4, len(whole)))])


@settings(deadline=None, max_examples=200)
@given(decisions=st.binary(max_size=200))
def test_forged_files(decisions: bytes) -> None:
    check(b"\x00" + decisions)


@settings(deadline=None, max_examples=100)
@given(rest=st.binary(max_size=200), version=st.sampled_from((2, 3, 4)))
def test_noise_behind_the_magic(rest: bytes, version: int) -> None:
    check(b"GGUF" + struct.pack("<I", version) + rest)


def header(*pairs: bytes, tensors: int = 0, count: int | None = None) -> bytes:
    number = len(pairs) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, number) + b"".join(pairs)


def pair(key: bytes, kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", len(key)) + key + struct.pack("<I", kind) + value


def array(kind: int, length: int, items: bytes = b"") -> bytes:
    return struct.pack("<IQ", kind, length) + items


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        header(count=2**64 - 1),
        header(pair(b"a", ARRAY, array(STRING, 2**40))),
        header(pair(b"a", ARRAY, array(STRING, 2**61))),
        header(pair(b"a", ARRAY, array(U32, 2**62))),
        header(pair(b"a", ARRAY, array(ARRAY, 1, array(ARRAY, 1, array(U32, 1))))),
        header(pair(b"a", STRING, struct.pack("<Q", 2**63))),
        header(pair(b"a", 99, b"")),
        header(pair(b"a", ARRAY, array(99, 1))),
    ],
    ids=["empty", "magic", "pairs", "2^40", "2^61", "2^62", "nested", "long", "type", "item"],
)
def test_claims_that_no_file_keeps(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "claims.gguf"
    path.write_bytes(content)
    with limited_memory(1 << 26):
        for read in (read_metadata, load_vocabulary, read_container):
            with pytest.raises(ModelFileError, match=r"claims\.gguf"):
                read(path)


def test_a_claim_of_tensors(tmp_path: Path) -> None:
    path = tmp_path / "claims.gguf"
    path.write_bytes(header(tensors=2**63))
    with limited_memory(1 << 26), pytest.raises(ModelFileError, match=r"claims\.gguf"):
        read_container(path)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (pair(b"a", ARRAY, array(0, BIG_BYTES)), f"{MOST_ITEMS} in all"),
        (pair(b"a", STRING, struct.pack("<Q", BIG_BYTES)), f"longer than {MOST_HEADER_BYTES}"),
    ],
    ids=["array", "string"],
)
def test_a_damaged_count_in_a_big_file_fills_no_memory(claim: bytes, told: str, tmp_path: Path) -> None:
    """The file is there to be read, but no header is so long: a count was damaged."""
    path = tmp_path / "big.gguf"
    with path.open("wb") as file:
        file.write(header(claim))
        file.truncate(BIG_BYTES + 100)  # a hole: it takes no space on most disks
    with limited_memory(BIG_BYTES + (1 << 26)), pytest.raises(ModelFileError, match=told):
        read_metadata(path)


@pytest.mark.parametrize("token", [len(SPELLINGS), 2**31, 2**32 - 1])
def test_a_start_token_that_is_none_is_none(token: int, tmp_path: Path) -> None:
    metadata = byte_level_metadata("gpt-2", SPELLINGS, ["a b"])
    ids = {f"tokenizer.ggml.{name}_token_id": token for name in ("bos", "eos")}
    vocabulary = load_vocabulary(write_gguf(tmp_path / "ids.gguf", metadata | ids))
    assert (vocabulary.bos_id, vocabulary.eos_id) == (None, None)


def test_a_tokenizer_that_cannot_be_exact_names_its_file(tmp_path: Path) -> None:
    metadata = byte_level_metadata("gpt-2", SPELLINGS, []) | {"tokenizer.ggml.model": b"llama"}
    with pytest.raises(TokenizerError, match=r"spm\.gguf: the vocabulary has byte tokens for 0 of 256"):
        load_tokenizer(write_gguf(tmp_path / "spm.gguf", metadata))


def test_a_tensor_without_values_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.gguf"
    tensor = struct.pack("<Q", 1) + b"w" + struct.pack("<IQQIQ", 2, 0, 4, 0, 0)
    path.write_bytes(header(tensors=1) + tensor + bytes(200))
    with pytest.raises(ModelFileError, match=r"none\.gguf: w has no values"):
        read_container(path)


class TestTheDoorSees:
    """A fuzzer is worth what it can see."""

    def test_another_error(self, monkeypatch: pytest.MonkeyPatch, whole: bytes) -> None:
        monkeypatch.setattr("byte_lsp.tokens.gguf.Reader.string", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            check(whole)

    def test_an_error_without_a_name(self, monkeypatch: pytest.MonkeyPatch, whole: bytes) -> None:
        def refuse(_: object) -> None:
            raise ByteLspError("something is wrong")

        monkeypatch.setattr("byte_lsp.tokens.gguf.Reader.string", refuse)
        with pytest.raises(AssertionError, match="no file named"):
            check(whole)

    def test_memory(self, monkeypatch: pytest.MonkeyPatch, whole: bytes) -> None:
        monkeypatch.setattr("byte_lsp.tokens.gguf.Reader.string", lambda _: bytes(1 << 30))
        with pytest.raises(MemoryError):
            check(whole)
