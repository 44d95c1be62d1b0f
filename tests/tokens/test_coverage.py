"""The property that must hold with no exception (design, section 2).

For every text ``s`` and byte offset ``n`` the tokens of ``encode(s)`` up to and including the one that
crosses ``n`` are among the covers of ``s[:n]``; and every context listed can really be extended.
"""

import random
from collections.abc import Iterator

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from byte_lsp.evaluation.coverage_texts import edge_characters
from byte_lsp.tokens.characters import incomplete_tail
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.extendable import Tail
from byte_lsp.tokens.tokenizer import Tokenizer

from .conftest import Pair
from .texts import KINDS, windows

PAIRS_PER_KIND = 820  # times five kinds times five vocabularies: 20,500
OFFSETS_PER_WINDOW = 5

SPACES = [" ", "  ", "\n", "\n\n", "\t", "\r\n", "\r", "\n    ", "\u3000", "\u00a0", "\u2028"]
OTHERS = ["'", "''", "'s", "'l", "'ll", "1", "12", "123", "٣", "a", "é", "e\u0301", "中", "日本", "กั"]
OTHERS += ["😀", "👩\u200d👩", "🇩🇪", "\x00", "=="]
INVALID = [b"\xff", b"\x80", b"\xc3", b"\xe4\xb8", b"\xf0\x9f\x98"]
PIECES = [*map(str.encode, SPACES + OTHERS), *INVALID]
adversarial = st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).flatmap(
    lambda few: st.lists(st.sampled_from(few), min_size=1, max_size=8).map(b"".join)
)

FOLLOWING = [b"", *PIECES, b"A", b"s", b"re", b"ll", b"RE", b"0", b'"', b"(", b".", b"/", b"\x9f\x98\x80"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_crossing_token_of_real_text_is_a_cover(pair: Pair, kind: str) -> None:
    checked = 0
    for text in windows(kind, PAIRS_PER_KIND, 240, seed=7):
        if not pair.spells(text):
            continue
        for offset in random.Random(text).sample(range(len(text)), OFFSETS_PER_WINDOW):
            check_covered(pair.ours, text, offset)
            checked += 1
        if checked >= PAIRS_PER_KIND:
            return
    pytest.fail(f"only {checked} pairs of {kind}")


@given(adversarial, st.data())
@settings(max_examples=150, deadline=None)
def test_the_crossing_token_of_odd_text_is_a_cover(pair: Pair, text: bytes, data: st.DataObject) -> None:
    assume(pair.spells(text))
    check_covered(pair.ours, text, data.draw(st.integers(0, len(text) - 1)))


@given(st.binary(min_size=1, max_size=8), st.data())
@settings(max_examples=60, deadline=None)
def test_the_crossing_token_of_any_bytes_is_a_cover(pair: Pair, text: bytes, data: st.DataObject) -> None:
    assume(pair.spells(text))
    check_covered(pair.ours, text, data.draw(st.integers(0, len(text) - 1)))


def check_covered(tokenizer: Tokenizer, text: bytes, offset: int) -> None:
    before, crossing, residual = cross(tokenizer, text, offset)
    frontier = finder(tokenizer).frontier(text[:offset])
    found = {(frontier.shared + tail.tokens, rest): tail for tail, rest in frontier.ends}
    assert (before, residual) in found, (text, offset)
    assert found[before, residual].admits(crossing), (text, offset)


def cross(tokenizer: Tokenizer, text: bytes, offset: int) -> tuple[tuple[int, ...], int, bytes]:
    """The tokens before the one that crosses ``offset``, that token, and what it begins with before it."""
    tokens = tokenizer.encode(text)
    start = 0
    for count, token in enumerate(tokens):
        end = start + len(tokenizer.pieces[token])
        if end > offset:
            return tuple(tokens[:count]), token, text[start:offset]
        start = end
    raise AssertionError("the offset lies past the end of the text")


@pytest.mark.parametrize("kind", KINDS)
def test_every_context_of_real_text_has_a_witness(pair: Pair, kind: str) -> None:
    for text in windows(kind, 20, 120, seed=8):
        if pair.spells(text):
            check_witnesses(pair, text[: random.Random(text).randrange(len(text) + 1)])


@given(adversarial)
@settings(max_examples=60, deadline=None)
def test_every_context_of_odd_text_has_a_witness(pair: Pair, prefix: bytes) -> None:
    assume(pair.spells(prefix))
    check_witnesses(pair, prefix)


def check_witnesses(pair: Pair, prefix: bytes) -> None:
    tokenizer = pair.ours
    frontier = finder(tokenizer).frontier(prefix)
    assert frontier.ends
    for tail, residual in frontier.ends:
        context = frontier.shared + tail.tokens
        assert tokenizer.decode(context) + residual == prefix
        assert has_witness(pair, context, tail, residual), (prefix, context)


def has_witness(pair: Pair, context: tuple[int, ...], tail: Tail, residual: bytes) -> bool:
    """Whether a text is found that begins with the context and whose next token runs past the residual."""
    begun = pair.ours.decode(context)
    if not residual:
        return any(begins(pair, text, context) for text in following(begun))
    return any(
        begins(pair, text, (*context, token))
        for token in finder(pair.ours).index.beginning_with(residual)
        if len(pair.ours.pieces[token]) > len(residual) and tail.admits(token)
        for text in following(begun + pair.ours.pieces[token])
    )


def begins(pair: Pair, text: bytes, tokens: tuple[int, ...]) -> bool:
    """Whether a text's tokens, llama.cpp's own where it takes the text, begin with these."""
    seen = pair.native.encode(text) if is_utf8(text) else pair.ours.encode(text)
    return tuple(seen[: len(tokens)]) == tokens


def following(text: bytes) -> Iterator[bytes]:
    """The text with many continuations, complete characters first if it ends inside one."""
    head = text[len(text) - incomplete_tail(text) :]
    characters = map(str.encode, edge_characters()) if head else ()
    rests = [character[len(head) :] for character in characters if character.startswith(head)]
    return (text + rest + probe for rest in [*rests, b""] for probe in FOLLOWING)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
