"""The probability of continuations in one batch: against enumeration, and against the walk byte by byte."""

import math
from collections.abc import Sequence

import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.scoring import log_likelihoods
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.tokens.contexts import finder

from .tiny import FRAMING, BruteForce, Tiny, tinies

TEXTS = 10


@pytest.fixture(params=[tiny.name for tiny in tinies()])
def tiny(request: pytest.FixtureRequest) -> Tiny:
    return next(tiny for tiny in tinies() if tiny.name == request.param)


def beginnings(tiny: Tiny) -> list[bytes]:
    """Some texts, short enough that all that goes on from them was tried."""
    short = [text for text in tiny.texts() if len(text) <= tiny.longest_text - 5]
    return short[:: max(1, len(short) // TEXTS)]


def test_likelihoods_are_those_of_enumeration(tiny: Tiny) -> None:
    engine, process = tiny.engine(3), tiny.process()
    brute = BruteForce(tiny, engine)
    a, b = tiny.alphabet[:2]
    pairs = [(b"", a), (a, b), (a + b, a), (b, b + a), (b, b"")]
    for prefix in beginnings(tiny)[:3]:
        for (text, more), found in zip(pairs, log_likelihoods(engine, process, prefix, pairs), strict=True):
            expected = brute.text_mass(prefix + text + more) / brute.text_mass(prefix + text)
            assert math.exp(found) == pytest.approx(expected, abs=1e-9)


def test_likelihoods_are_the_walks(tiny: Tiny) -> None:
    engine, process = tiny.engine(4), tiny.process()
    walk = TokenByteModel(engine, process)
    a, b, *_ = tiny.alphabet
    pairs = [(a, b + a), (b + b, a + b), (b"", a + a + b)]
    for prefix in beginnings(tiny):
        for (text, more), found in zip(pairs, log_likelihoods(engine, process, prefix, pairs), strict=True):
            assert found == pytest.approx(walk.logprob(more, prefix + text), abs=1e-9)


def test_one_evaluation_answers_for_all_texts() -> None:
    tiny = tinies()[0]
    pairs = [(b"", b"a("), (b"a", b"(\n"), (b"( ", b"a")]
    engine, process = tiny.engine(5), tiny.process()
    log_likelihoods(engine, process, b"a ", pairs)
    together = engine.tokens_evaluated
    engine = tiny.engine(5)
    for pair in pairs:
        log_likelihoods(engine, process, b"a ", [pair])
    assert 0 < together < engine.tokens_evaluated


def test_what_no_token_spells_has_no_probability() -> None:
    tiny = tinies()[0]
    found = log_likelihoods(tiny.engine(6), tiny.process(), b"a", [(b"", b"z"), (b"a", b"az")])
    assert found == [-math.inf, -math.inf]


def test_no_texts_ask_nothing() -> None:
    tiny = tinies()[0]
    engine = tiny.engine(7)
    assert log_likelihoods(engine, tiny.process(), b"a", []) == []
    assert engine.tokens_evaluated == 0


def test_an_approximate_process_is_close_to_the_walk() -> None:
    tiny = tinies()[0]
    engine = TableEngine(len(tiny.tokenizer.pieces), seed=8)
    process = CanonicalProcess(finder(tiny.tokenizer), FRAMING)
    (found,) = log_likelihoods(engine, process, b"a ", [(b"", b"a(")])
    assert found == pytest.approx(TokenByteModel(engine, process).logprob(b"a(", b"a "), abs=0.1)


def test_what_one_batch_has_no_room_for_is_taken_in_several(tiny: Tiny) -> None:
    pairs = [(text, text) for text in tiny.texts() if 0 < len(text) < 5]
    size = len(tiny.tokenizer.pieces)
    ample = TableEngine(size, seed=3, context_tokens=4000)
    counted = [0]

    class Counting(TableEngine):
        def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
            counted[0] += 1
            assert len(tree.trunk) + len(tree.tokens) <= self.context_tokens
            return super().evaluate(tree, nodes)

    scarce = Counting(size, seed=3, context_tokens=16)
    found = log_likelihoods(scarce, tiny.process(), b"", pairs)
    assert found == pytest.approx(log_likelihoods(ample, tiny.process(), b"", pairs))
    assert counted[0] > 1
