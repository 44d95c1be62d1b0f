"""Real vocabularies, each with llama.cpp's own tokenizer beside ours."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from byte_lsp.engines.llama_cpp import NativeTokenizer
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer

FOLDER = Path(__file__).parents[3] / "shared" / "tokenizers"
BYTE_LEVEL = ("gpt-2", "llama-bpe", "qwen2", "starcoder", "smollm2")


@dataclass(frozen=True)
class Pair:
    """One vocabulary twice: ours and llama.cpp's."""

    name: str
    ours: Tokenizer
    native: NativeTokenizer

    @cached_property
    def bytes_without_token(self) -> frozenset[int]:
        """The bytes that the vocabulary cannot spell; texts lose them."""
        pieces = set(self.ours.pieces)
        return frozenset(byte for byte in range(256) if bytes([byte]) not in pieces)

    def spells(self, text: bytes) -> bool:
        """Whether the vocabulary has tokens for all bytes of a text."""
        return self.bytes_without_token.isdisjoint(text)


def shared_vocabulary(name: str) -> Path:
    """A vocabulary of the folder beside the repository; skips the test where that folder is not there."""
    path = FOLDER / f"ggml-vocab-{name}.gguf"
    if not path.is_file():
        pytest.skip(f"{path} is missing: llama.cpp's models/ folder has it")
    return path


@pytest.fixture(scope="session", params=BYTE_LEVEL)
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The byte-level vocabularies, one after another."""
    name = request.param
    path = request.getfixturevalue("smollm2_path") if name == "smollm2" else shared_vocabulary(name)
    native = NativeTokenizer(path)
    yield Pair(name, load_tokenizer(path), native)
    native.close()


@pytest.fixture(scope="session")
def llama_spm() -> Iterator[Pair]:
    """Llama 2's SentencePiece vocabulary."""
    path = shared_vocabulary("llama-spm")
    native = NativeTokenizer(path)
    yield Pair("llama-spm", load_tokenizer(path), native)
    native.close()


@pytest.fixture(scope="session")
def gpt2() -> Tokenizer:
    """GPT-2's tokenizer, for tests that need any real one."""
    return load_tokenizer(shared_vocabulary("gpt-2"))
