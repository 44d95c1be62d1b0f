"""The byte-by-byte path on table models: equal to enumeration, whatever the road there."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import weigh_covers
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.nodes import Nodes, Pending
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.engines.protocol import Engine, Logits, TokenTree
from byte_lsp.errors import Cancelled

from .test_exact import every_tiny, prefixes
from .tiny import END, FRAMING, BruteForce, MaskedEngine, Tiny, tinies


def bytes_after(tiny: Tiny, prefix: bytes) -> Iterator[int]:
    return iter(sorted(set(b"".join(tiny.alphabet))))


@every_tiny
def test_every_road_to_a_prefix_gives_the_distribution_of_enumeration(tiny: Tiny) -> None:
    """Begun there, and begun at the first byte and advanced to there."""
    model = TokenByteModel(tiny.engine(4), tiny.process())
    fresh = TokenByteModel(tiny.engine(4), tiny.process())
    brute = BruteForce(tiny, tiny.engine(4))
    for prefix in prefixes(tiny, most=40):
        expected = brute.next_byte(prefix)
        state = fresh.state(b"")
        for byte in prefix:
            state = state.advance(byte)
        assert state.left_out == 0
        for row in (state.next_byte(), model.next_byte(prefix)):
            assert np.exp(row).sum() == pytest.approx(1.0, abs=1e-9)
            possible = expected > 0
            assert np.isneginf(row[~possible]).all()
            assert np.abs(row[possible] - np.log(expected[possible])).max() < 1e-9, prefix


@every_tiny
def test_logprob_is_the_mass_of_the_text(tiny: Tiny) -> None:
    model = TokenByteModel(tiny.engine(6), tiny.process())
    brute = BruteForce(tiny, tiny.engine(6))
    for prefix in prefixes(tiny, most=15):
        mass = brute.text_mass(prefix)
        assert model.logprob(prefix) == pytest.approx(math.log(mass), abs=1e-9)
        for at in range(len(prefix)):
            rest = model.logprob(prefix[at:], prefix[:at])
            assert model.logprob(prefix[:at]) + rest == pytest.approx(math.log(mass), abs=1e-9)


@every_tiny
@pytest.mark.parametrize(("eps", "unasked_mass"), [(0.4, 0.0), (0.02, 0.3), (0.0, 0.3), (0.9, 0.9)])
def test_what_is_left_out_is_bounded_and_saves_work(tiny: Tiny, eps: float, unasked_mass: float) -> None:
    """Along many texts, contexts left out, tokens not asked about, and both."""
    exact_engine, lazy_engine = tiny.engine(8), tiny.engine(8)
    exact = TokenByteModel(exact_engine, tiny.process())
    process = CanonicalProcess(tiny.process().finder, FRAMING, unasked_mass, 100)
    lazy = TokenByteModel(lazy_engine, process, eps=eps)
    longest = [text for text in tiny.texts() if len(text) == 4]
    most_left_out = 0.0
    for prefix in longest[:: len(longest) // 40]:
        careful, quick = exact.state(b""), lazy.state(b"")
        for byte in prefix:
            assert np.exp(quick.next_byte()).sum() == pytest.approx(1.0)
            error = np.abs(np.exp(careful.next_byte()) - np.exp(quick.next_byte())).sum() / 2
            assert error <= quick.left_out + 1e-12
            most_left_out = max(most_left_out, quick.left_out)
            careful, quick = careful.advance(byte), quick.advance(byte)
    assert most_left_out > 0
    if eps:
        assert lazy_engine.tokens_evaluated < exact_engine.tokens_evaluated


@every_tiny
def test_a_failure_leaves_a_state_as_it_was(tiny: Tiny) -> None:
    calm = TokenByteModel(tiny.engine(8), tiny.process())
    engine = tiny.engine(8)
    model = TokenByteModel(engine, tiny.process())
    for prefix in prefixes(tiny, most=20)[1:]:
        expected, state = calm.state(prefix[:-1]), model.state(prefix[:-1])
        engine.interrupt(True)
        with contextlib.suppress(Cancelled):
            state.advance(prefix[-1]).next_byte()
        engine.interrupt(False)
        assert np.array_equal(state.advance(prefix[-1]).next_byte(), expected.advance(prefix[-1]).next_byte())


@every_tiny
def test_the_constant_in_a_row_of_logits_is_no_matter(tiny: Tiny) -> None:
    model, shifted = (TokenByteModel(engine, tiny.process()) for engine in (tiny.engine(8), Shifted(tiny, 8)))
    for prefix in prefixes(tiny, most=20):
        found, expected = np.exp(shifted.next_byte(prefix)), np.exp(model.next_byte(prefix))
        assert found == pytest.approx(expected, abs=1e-9)
        drawn = [greedy_logprobs(each.engine, tiny, prefix) for each in (model, shifted)]
        assert drawn[0] == pytest.approx(drawn[1], abs=1e-9)


def greedy_logprobs(engine: Engine, tiny: Tiny, prefix: bytes) -> list[float]:
    covers = weigh_covers(engine, tiny.process(), prefix)
    steps = Sampler(engine, tiny.process()).steps(covers, Sampling(temperature=0))
    return [step.logprob() for step in islice(steps, 4)]


class Shifted(MaskedEngine):
    """The same model with another constant in every row."""

    def __init__(self, tiny: Tiny, seed: int) -> None:
        super().__init__(len(tiny.tokenizer.pieces), [END, *tiny.text_tokens], seed)

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        rows = super().evaluate(tree, nodes)
        return rows + 40 * np.sin(np.arange(len(rows)) + len(tree.trunk))[:, None]


@every_tiny
def test_restricted_contexts_are_what_they_say(tiny: Tiny) -> None:
    """Plain and healing from the covers of enumeration that their contexts have."""
    model = TokenByteModel(tiny.engine(9), tiny.process())
    brute = BruteForce(tiny, tiny.engine(9))
    for prefix in prefixes(tiny, most=25)[1:]:
        whole = tuple(tiny.tokenizer.encode(prefix))
        covers = brute.covers(prefix)
        for arm, contexts in (("plain", [whole]), ("healing", [whole, whole[:-1]])):
            masses = np.zeros(257)
            for tokens, mass in covers.items():
                if tokens[:-1] in contexts:
                    text = tiny.tokenizer.decode(tokens)
                    masses[text[len(prefix)] if tokens[-1] else 256] += mass
            found = np.exp(model.next_byte(prefix, arm))
            assert np.abs(found - masses / masses.sum()).max() < 1e-9


@every_tiny
def test_a_text_without_probability_says_so(tiny: Tiny) -> None:
    model = TokenByteModel(tiny.engine(2), tiny.process())
    state = model.state(b"").advance(ord("z"))
    assert not state.is_possible
    assert np.isneginf(state.next_byte()).all()
    assert model.logprob(b"az") == -math.inf


def test_a_value_once_given_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = next(t for t in (every_tiny.args[1]) if t.name == "gpt-2")
    engine = tiny.engine(3)
    model = TokenByteModel(engine, tiny.process())
    first = model.next_byte(b"a ")
    before = engine.tokens_evaluated
    assert model.next_byte(b"a ") is first
    assert engine.tokens_evaluated == before


def test_heavier_by_and_by() -> None:
    """A context too light at first is evaluated once the others have died, and nothing is left out then."""
    tiny = next(t for t in (every_tiny.args[1]) if t.name == "llama-bpe")
    lazy = TokenByteModel(tiny.engine(8), tiny.process(), eps=0.2)
    bounds = []
    state = lazy.state(b"")
    for byte in b"a \n a(a ":
        state.next_byte()
        bounds.append(state.left_out)
        state = state.advance(byte)
    assert any(later < earlier for earlier, later in pairwise(bounds))


def test_rows_that_are_wanted_stay_however_many_they_are() -> None:
    """Among many contexts in one step some were guessed before, and are the oldest rows there are."""
    tiny = tinies()[0]
    nodes = Nodes(tiny.engine(3), tiny.process())
    text_tokens = tiny.text_tokens
    guessed = [(END, first, second) for first in text_tokens for second in text_tokens][:20]
    nodes.evaluate([(END,)], guessed)
    wanted = [*guessed, *((*path, token) for path in guessed for token in text_tokens)]
    nodes.evaluate(wanted, [])
    (root,) = nodes.begin(tiny.process().finder.frontier(b""))
    for path in wanted:
        above = replace(root.node, path=path[:-1])
        assert nodes.see(Pending(above, path[-1], root.node.tail, 1.0, b"")).path == path
