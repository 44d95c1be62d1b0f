"""What is remembered of a prefix's nodes changes no weight, and spares asking."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from byte_lsp.bytes.canonical import CanonicalProcess, Restricted, Row
from byte_lsp.bytes.covers import NodeMemory, weigh_covers
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.extendable import Tail
from tests.bytes.tiny import FRAMING, Tiny, tinies


@pytest.fixture
def tiny() -> Tiny:
    return next(each for each in tinies() if each.name == "gpt-2")


@pytest.fixture
def tails(monkeypatch: pytest.MonkeyPatch) -> list[Tail]:
    """The tails at which a row was restricted."""
    tails: list[Tail] = []
    restrict = CanonicalProcess.restrict

    def note(process: CanonicalProcess, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        tails.append(tail)
        return restrict(process, tail, row, temperature)

    monkeypatch.setattr(CanonicalProcess, "restrict", note)
    return tails


def test_what_is_remembered_is_what_would_be_found(tiny: Tiny, tails: list[Tail]) -> None:
    process = CanonicalProcess(finder(tiny.tokenizer), FRAMING)
    other_ends = process.framed(replace(FRAMING, ends=()))
    memory, engine = NodeMemory(), tiny.engine(7)
    spared = 0
    # The vocabulary has no token for the byte 1: texts with and without it are the same path.
    for prefix in (b"aa (", b"aa (a", b"aa (aa", b"aa (a", b"bb", b"a  ", b"a \x01 ", b"a  "):
        for each, temperature in ((process, 1.0), (process, 0.5), (other_ends, 1.0)):
            before = len(tails)
            known = weigh_covers(engine, each, prefix, temperature, memory)
            between = len(tails)
            fresh = weigh_covers(engine, each, prefix, temperature)
            spared += len(tails) - between - (between - before)
            assert known.unasked == fresh.unasked
            for left, right in zip(known.contexts, fresh.contexts, strict=True):
                assert left.path == right.path
                assert np.array_equal(left.log_weights, right.log_weights)
                assert np.array_equal(left.log_q1, right.log_q1)
    assert spared > 0
    before = len(tails)
    weigh_covers(engine, process, b"bb", 1.0, memory)
    assert len(tails) == before


def test_the_node_that_was_not_asked_for_longest_is_forgotten(tiny: Tiny, tails: list[Tail]) -> None:
    process, engine = CanonicalProcess(finder(tiny.tokenizer), FRAMING), tiny.engine(7)
    weigh_covers(engine, process, b"bb", 1.0)
    nodes = len(tails)
    memory = NodeMemory(nodes)
    asks = []
    for prefix in (b"bb", b"bb", b"aa (", b"bb"):
        before = len(tails)
        weigh_covers(engine, process, prefix, 1.0, memory)
        asks.append(len(tails) - before)
    assert asks[0] == nodes
    assert asks[1] == 0
    assert asks[3] > 0


def test_the_model_is_asked_for_what_is_not_remembered(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    process, engine, memory = CanonicalProcess(finder(tiny.tokenizer), FRAMING), tiny.engine(7), NodeMemory()
    asked: list[int] = []
    evaluate = engine.evaluate

    def count(tree: TokenTree, nodes: Sequence[int]) -> Logits:
        asked.append(len(nodes))
        return evaluate(tree, nodes)

    monkeypatch.setattr(engine, "evaluate", count)
    weigh_covers(engine, process, b"aa (a", 1.0, memory)
    (whole,) = asked
    weigh_covers(engine, process, b"aa (a", 1.0, memory)
    assert asked == [whole]
    weigh_covers(engine, process, b"aa (a", 0.5, memory)
    assert asked == [whole, whole], "at another temperature nothing is known"
    engine.forget()
    weigh_covers(engine, process, b"aa (a", 1.0, memory)
    assert asked == [whole, whole, whole], "who empties the cache wants to know what that costs"
