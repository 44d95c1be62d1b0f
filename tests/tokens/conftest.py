"""Real vocabularies, each with llama.cpp's own tokenizer beside ours."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from byte_lsp.engines.llama_cpp import NativeTokenizer
from byte_lsp.evaluation.coverage_checks import Checker
from byte_lsp.models import ensure
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer

FOLDER = Path(__file__).parents[3] / "shared" / "tokenizers"
BYTE_LEVEL = ("gpt-2", "llama-bpe", "qwen2", "starcoder", "smollm2")
SENTENCEPIECE = ("llama-spm", "gemma-3")
_IN_CATALOGUE = {"smollm2": "smollm2-135m", "gemma-3": "gemma3-270m"}


@dataclass(frozen=True)
class Pair:
    """One vocabulary twice: ours and llama.cpp's."""

    name: str
    ours: Tokenizer
    native: NativeTokenizer

    @cached_property
    def checker(self) -> Checker:
        """What must hold of every text under this vocabulary."""
        return Checker(self.ours, self.native)

    def spells(self, text: bytes) -> bool:
        """Whether the vocabulary has tokens for all bytes of a text."""
        return self.ours.unspellable.isdisjoint(text)


def vocabulary_path(name: str) -> Path:
    """A vocabulary of the catalogue, pulled at need, or of the folder beside the repository.

    Skips the test where that folder is not there.
    """
    if name in _IN_CATALOGUE:
        return ensure(_IN_CATALOGUE[name])
    path = FOLDER / f"ggml-vocab-{name}.gguf"
    if not path.is_file():
        pytest.skip(f"{path} is missing: llama.cpp's models/ folder has it")
    return path


@pytest.fixture(scope="session")
def open_pair() -> Iterator[Callable[[str], Pair]]:
    """Opens vocabularies by name, each once."""
    opened: dict[str, Pair] = {}

    def open_once(name: str) -> Pair:
        if name not in opened:
            path = vocabulary_path(name)
            opened[name] = Pair(name, load_tokenizer(path), NativeTokenizer(path))
        return opened[name]

    yield open_once
    for pair in opened.values():
        pair.native.close()


@pytest.fixture(scope="session", params=BYTE_LEVEL)
def pair(request: pytest.FixtureRequest, open_pair: Callable[[str], Pair]) -> Pair:
    """The byte-level vocabularies, one after another."""
    return open_pair(request.param)


@pytest.fixture(scope="session", params=SENTENCEPIECE)
def sentencepiece(request: pytest.FixtureRequest, open_pair: Callable[[str], Pair]) -> Pair:
    """The SentencePiece vocabularies: Llama 2's, and Gemma 3's with its USER_DEFINED runs of white space."""
    return open_pair(request.param)


@pytest.fixture(scope="session", params=(*BYTE_LEVEL, *SENTENCEPIECE))
def any_pair(request: pytest.FixtureRequest, open_pair: Callable[[str], Pair]) -> Pair:
    """All vocabularies, one after another."""
    return open_pair(request.param)


@pytest.fixture(scope="session")
def gpt2(open_pair: Callable[[str], Pair]) -> Tokenizer:
    """GPT-2's tokenizer, for tests that need any real one."""
    return open_pair("gpt-2").ours
