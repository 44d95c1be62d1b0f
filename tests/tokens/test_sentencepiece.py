"""SentencePiece vocabularies: Llama 2's and Gemma 3's. llama.cpp leaves its dummy space out for once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.tokens.vocabulary import SPACE_MARK, Kind

from .conftest import Pair
from .texts import KINDS, files_of

DENSE = "ab 'st.,()0195\n\t\réüß中文あ한\u0301😀\u200d\u00a0\x00\x80"


@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_real_files(sentencepiece: Pair, kind: str) -> None:
    compared = 0
    for content in files_of(kind)[:40]:
        text = content[:60_000].decode("utf-8", "ignore").encode()
        if sentencepiece.checker.is_comparable(text):
            assert sentencepiece.ours.encode(text) == sentencepiece.native.encode(text)
            compared += len(text)
    assert compared > 1_000


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(st.sampled_from(DENSE)))
@settings(max_examples=600, deadline=None)
def test_ids_of_any_text(sentencepiece: Pair, text: str) -> None:
    assert not list(sentencepiece.checker.check_ids(text.encode()))


@given(st.binary(max_size=60) | st.text(st.sampled_from(DENSE + SPACE_MARK + "</s>")).map(str.encode))
@settings(max_examples=600, deadline=None)
def test_pieces_spell_any_bytes(sentencepiece: Pair, data: bytes) -> None:
    assert sentencepiece.ours.decode(sentencepiece.ours.encode(data)) == data


def test_a_literal_space_mark_is_spelled_in_byte_tokens(sentencepiece: Pair) -> None:
    tokens = sentencepiece.ours.encode(f"a{SPACE_MARK}b".encode())
    assert [sentencepiece.ours.pieces[token] for token in tokens] == [b"a", b"\xe2", b"\x96", b"\x81", b"b"]


def test_a_control_spelling_is_text(sentencepiece: Pair) -> None:
    vocabulary = sentencepiece.ours.vocabulary
    silent = [token for token, kind in enumerate(vocabulary.kinds) if kind in (Kind.CONTROL, Kind.UNKNOWN)]
    assert silent
    for token in silent[:50]:
        text = f"x{vocabulary.spellings[token]} {vocabulary.spellings[token]}\n".encode()
        tokens = sentencepiece.ours.encode(text)
        assert token not in tokens
        assert sentencepiece.ours.decode(tokens) == text
