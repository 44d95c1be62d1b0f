"""The property that must hold with no exception (design, section 2), under every vocabulary at hand.

``byte_lsp.evaluation.coverage_checks`` says what is checked; ``test_coverage_checks.py`` sees to it that the
checks can fail.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.evaluation.coverage import check_texts
from byte_lsp.evaluation.coverage_checks import Failure
from byte_lsp.evaluation.coverage_texts import Texts
from byte_lsp.tokens.contexts import finder

from .conftest import Pair
from .texts import KINDS, odd_bytes, windows

WINDOWS_PER_KIND = 60
OFFSETS_PER_WINDOW = 5
PAIRS_DRAWN = 400


@pytest.mark.parametrize("kind", KINDS)
def test_real_files(any_pair: Pair, kind: str) -> None:
    for text in windows(kind, WINDOWS_PER_KIND, 200, seed=7):
        assert not failures(any_pair, text, random.Random(text).sample(range(len(text)), OFFSETS_PER_WINDOW))


@given(odd_bytes, st.data())
@settings(max_examples=120, deadline=None)
def test_odd_text(any_pair: Pair, text: bytes, data: st.DataObject) -> None:
    assert not failures(any_pair, text, [data.draw(st.integers(0, len(text) - 1))])


@given(st.binary(min_size=1, max_size=8), st.data())
@settings(max_examples=80, deadline=None)
def test_any_bytes(any_pair: Pair, text: bytes, data: st.DataObject) -> None:
    assert not failures(any_pair, text, [data.draw(st.integers(0, len(text) - 1))])


def failures(pair: Pair, text: bytes, offsets: list[int]) -> list[Failure]:
    """What does not hold of a text and these offsets, those left out at which no token crosses."""
    passage = pair.checker.passage(text)
    found = list(pair.checker.check_ids(text))
    for offset in offsets:
        if offset < len(passage.text):
            found += pair.checker.check_offset(passage, offset)[1]
    return found


def test_texts_as_the_evaluation_draws_them(any_pair: Pair) -> None:
    generator = random.Random(any_pair.name)
    texts = Texts((), any_pair.ours.vocabulary, generator)
    tally = check_texts(any_pair.checker, texts, PAIRS_DRAWN, generator)
    assert not tally.failures
    assert tally.pairs == PAIRS_DRAWN
    assert tally.contexts < 4 * PAIRS_DRAWN


@pytest.mark.parametrize("name", ["starcoder", "smollm2"])
@given(prefix=st.binary(max_size=6) | odd_bytes, lost=st.data())
@settings(max_examples=150, deadline=None)
def test_bytes_that_no_token_spells_are_passed_over(
    open_pair: Callable[[str], Pair], name: str, prefix: bytes, lost: st.DataObject
) -> None:
    """Texts with such a byte have no probability; the contexts of a prefix that has one spell the rest."""
    tokenizer = open_pair(name).ours
    byte = bytes([lost.draw(st.sampled_from(sorted(tokenizer.unspellable)))])
    at = lost.draw(st.integers(0, len(prefix)))
    frontier = finder(tokenizer).frontier(prefix[:at] + byte + prefix[at:])
    assert frontier.ends
    spelled = prefix.translate(None, bytes(tokenizer.unspellable))
    for context in frontier.contexts():
        assert tokenizer.decode(context.tokens) + context.residual == spelled
