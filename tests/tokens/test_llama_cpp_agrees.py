"""Our token ids are llama.cpp's own, for every valid text."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.engines.llama_cpp import NativeTokenizer
from byte_lsp.evaluation.coverage_texts import edge_characters
from byte_lsp.tokens.patterns import NAMES, PATTERNS
from byte_lsp.tokens.tokenizer import load_tokenizer

from .conftest import Pair
from .revealing import CHARACTERS, draw_text, write_vocabulary
from .texts import KINDS, files_of

MOST_BYTES_PER_KIND = 1_000_000

text_bytes = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(str.encode)
dense_bytes = st.text(st.sampled_from(CHARACTERS), max_size=40).map(str.encode)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_real_files(pair: Pair, kind: str) -> None:
    compared = 0
    for content in files_of(kind):
        text = content[:200_000]
        if compared > MOST_BYTES_PER_KIND:
            break
        assert pair.ours.encode(text) == pair.native.encode(text)
        compared += len(text)
    assert compared > 1_000


@given(text_bytes | dense_bytes)
@settings(max_examples=400, deadline=None)
def test_ids_of_any_text(pair: Pair, text: bytes) -> None:
    assert pair.ours.encode(text) == pair.native.encode(text)


def test_ids_at_every_edge_of_a_character_class(pair: Pair) -> None:
    for character in edge_characters():
        text = f"a{character}b {character} 1{character}{character}2\n{character}'s,{character}  {character}x"
        assert pair.ours.encode(text.encode()) == pair.native.encode(text.encode()), hex(ord(character))


@given(st.lists(st.binary(max_size=12) | dense_bytes, max_size=6).map(b"".join))
@settings(max_examples=400, deadline=None)
def test_pieces_spell_any_bytes(pair: Pair, data: bytes) -> None:
    expected = bytes(byte for byte in data if byte not in pair.ours.unspellable)
    assert pair.ours.decode(pair.ours.encode(data)) == expected


def test_few_bytes_lack_a_token(pair: Pair) -> None:
    assert len(pair.ours.unspellable) == {"starcoder": 14, "smollm2": 21}.get(pair.name, 0)


def test_text_that_spells_a_control_token_is_text(pair: Pair) -> None:
    vocabulary = pair.ours.vocabulary
    control = [
        spelling for spelling, kind in zip(vocabulary.spellings, vocabulary.kinds, strict=True) if kind == 3
    ]
    assert control
    for spelling in control[:50]:
        text = f"x {spelling}\n".encode()
        tokens = pair.ours.encode(text)
        assert pair.ours.decode(tokens) == text
        assert all(vocabulary.kinds[token] != 3 for token in tokens)
        assert tokens == pair.native.encode(text)


ALIASES = sorted(NAMES.keys() - PATTERNS.keys())


@pytest.mark.parametrize("pre", sorted(PATTERNS))
def test_ids_under_every_pretokenizer(pre: str, tmp_path: Path) -> None:
    compare_pretokenizers(pre, 3000, tmp_path)


@pytest.mark.parametrize("pre", ALIASES)
def test_ids_under_other_names_of_pretokenizers(pre: str, tmp_path: Path) -> None:
    compare_pretokenizers(pre, 400, tmp_path)


def compare_pretokenizers(pre: str, count: int, folder: Path) -> None:
    path = write_vocabulary(folder / "revealing.gguf", pre)
    compare_texts(path, [draw_text(random.Random(f"{pre} {at}")) for at in range(count)])


@pytest.mark.parametrize("pre", ["gpt-2", "llama-bpe", "deepseek-v3"])
def test_user_defined_tokens_split_the_text_first(pre: str, tmp_path: Path) -> None:
    atoms = ["\n\n", "\n\n\n", "  ", "<x>", "aaaa", "é中a", "'s "]
    path = write_vocabulary(tmp_path / "atoms.gguf", pre, atoms)
    generator = random.Random(pre)
    parts = [*atoms, "\n", " ", "a", "<", "é", "中", "s"]
    compare_texts(path, ["".join(generator.choices(parts, k=8)) for _ in range(1500)])


def compare_texts(path: Path, texts: list[str]) -> None:
    ours, native = load_tokenizer(path), NativeTokenizer(path)
    for text in texts:
        assert ours.encode(text.encode()) == native.encode(text.encode()), text
    native.close()
