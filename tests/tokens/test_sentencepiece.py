"""SentencePiece vocabularies: Llama 2's, compared behind an anchor.

llama.cpp puts a dummy space before a text, byte-lsp does not. Behind a line feed, which is in no piece of
this vocabulary, the two see the same text.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import Pair
from .test_coverage import adversarial, check_covered
from .texts import KINDS, files_of, windows

MARK = "\u2581"
DENSE = "ab 'st.,()0195\n\t\réüß中文あ한\u0301😀\u200d\u00a0\x00\x80"


def native_ids(pair: Pair, text: bytes) -> list[int]:
    anchor = pair.native.encode(b"\n")
    tokens = pair.native.encode(b"\n" + text)
    assert tokens[: len(anchor)] == anchor
    return tokens[len(anchor) :]


def spells_a_mark_or_control(text: str) -> bool:
    return MARK in text or any(spelling in text for spelling in ("<s>", "</s>", "<unk>"))


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_real_files(llama_spm: Pair, kind: str) -> None:
    compared = 0
    for content in files_of(kind)[:40]:
        text = content[:60_000].decode("utf-8", "ignore")
        if spells_a_mark_or_control(text):
            continue
        assert llama_spm.ours.encode(text.encode()) == native_ids(llama_spm, text.encode())
        compared += len(text)
    assert compared > 1_000


@pytest.mark.parametrize("kind", KINDS)
def test_the_crossing_token_of_real_text_is_a_cover(llama_spm: Pair, kind: str) -> None:
    for text in windows(kind, 150, 200, seed=9):
        for offset in random.Random(text).sample(range(len(text)), 3):
            check_covered(llama_spm.ours, text, offset)


@given(adversarial, st.data())
@settings(max_examples=150, deadline=None)
def test_the_crossing_token_of_odd_text_is_a_cover(llama_spm: Pair, text: bytes, data: st.DataObject) -> None:
    check_covered(llama_spm.ours, text, data.draw(st.integers(0, len(text) - 1)))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(st.sampled_from(DENSE)))
@settings(max_examples=600, deadline=None)
def test_ids_of_any_text(llama_spm: Pair, text: str) -> None:
    if not spells_a_mark_or_control(text):
        assert llama_spm.ours.encode(text.encode()) == native_ids(llama_spm, text.encode())


@given(st.binary(max_size=60) | st.text(st.sampled_from(DENSE + MARK + "</s>")).map(str.encode))
@settings(max_examples=600, deadline=None)
def test_pieces_spell_any_bytes(llama_spm: Pair, data: bytes) -> None:
    assert llama_spm.ours.decode(llama_spm.ours.encode(data)) == data


def test_a_literal_space_mark_is_spelled_in_byte_tokens(llama_spm: Pair) -> None:
    tokens = llama_spm.ours.encode(f"a{MARK}b".encode())
    assert [llama_spm.ours.pieces[token] for token in tokens] == [b"a", b"\xe2", b"\x96", b"\x81", b"b"]


@pytest.mark.parametrize("spelling", ["<s>", "</s>", "<unk>"])
def test_a_control_spelling_is_text(llama_spm: Pair, spelling: str) -> None:
    tokens = llama_spm.ours.encode(f"x{spelling} {spelling}\n".encode())
    assert not {llama_spm.ours.vocabulary.ids_of_spelling[spelling]} & set(tokens)
    assert llama_spm.ours.decode(tokens) == f"x{spelling} {spelling}\n".encode()
