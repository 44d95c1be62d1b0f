"""Identities on SmolLM2 in the reference configuration: F32 weights, F32 KV cache, no flash attention.

There the same tokens in different batches differ by some 1e-5 nats at most (design, section 2), so what holds
on table models to 1e-9 must hold here to 1e-5.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import weigh_covers
from byte_lsp.bytes.framing import frame
from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.bytes.state import ByteState, Nodes
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.engines.protocol import TRUNK_END, Logits, TokenTree
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import load_tokenizer

TOLERANCE_NATS = 1e-5
TEXT = b"def f(x):\n\n    return self.items"
DRAWS = 20_000


@pytest.fixture(scope="module")
def engine(smollm2_f32_path: Path) -> Iterator[LlamaCppEngine]:
    config = EngineConfig(smollm2_f32_path, context_tokens=128, safe_path=True, cache_type="f32")
    engine = LlamaCppEngine(config)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def process(smollm2_f32_path: Path) -> CanonicalProcess:
    """All but a billionth of the mass is asked about at every node."""
    tokenizer = load_tokenizer(smollm2_f32_path)
    framing = frame(tokenizer.vocabulary, "<|endoftext|>")
    return CanonicalProcess(finder(tokenizer), framing, 1e-9, len(tokenizer.pieces))


def fresh_state(engine: LlamaCppEngine, process: CanonicalProcess, text: bytes) -> ByteState:
    """The state at the end of a text, from its covers and not from an earlier state."""
    return ByteState.begin(Nodes(engine, process), process.finder.frontier(text), 0.0)


def log_mass(engine: LlamaCppEngine, process: CanonicalProcess, text: bytes) -> float:
    """``log P(text)`` by its definition: the sum over the covers of ``Q`` of the whole token sequence."""
    covers = weigh_covers(engine, process, text)
    paths = {context.path: context for context in covers.contexts}
    return float(
        np.logaddexp.reduce(
            [
                path_logprob(engine, process, path) + cover_mass(engine, process, path, context)
                for path, context in paths.items()
            ]
        )
    )


def path_logprob(engine: LlamaCppEngine, process: CanonicalProcess, path: tuple[int, ...]) -> float:
    """``log Q`` of a token sequence, one token after another."""
    total = 0.0
    tail = process.finder.canon.tail(b"", ())
    for at in range(len(process.framing.head), len(path)):
        restricted = process.restrict(tail, engine.evaluate(TokenTree(path[:at]), [TRUNK_END])[0])
        total += float(restricted.row[path[at]]) - restricted.log_mass
        tail = tail.push(path[at])
    return total


def cover_mass(engine: LlamaCppEngine, process: CanonicalProcess, path, context) -> float:
    """Log-probability that the token after a context runs past the text."""
    restricted = process.restrict(context.tail, engine.evaluate(TokenTree(path), [TRUNK_END])[0])
    return float(np.logaddexp.reduce(restricted.row[context.tokens].astype(np.float64))) - restricted.log_mass


def test_byte_by_byte_is_the_sum_over_covers(engine: LlamaCppEngine, process: CanonicalProcess) -> None:
    """The chain rule, at every prefix of a text, against the definition of P."""
    total = 0.0
    worst = 0.0
    for at, byte in enumerate(TEXT):
        total += float(fresh_state(engine, process, TEXT[:at]).next_byte()[byte])
        if at % 3 == 0 or at == len(TEXT) - 1:
            mass = log_mass(engine, process, TEXT[: at + 1])
            worst = max(worst, abs(total - mass) / (at + 1))
    assert worst < TOLERANCE_NATS


@pytest.mark.parametrize("prefix", [TEXT[:20], TEXT[:10], b"x = [1, 2"])
def test_the_mass_of_a_text_is_spread_over_its_next_bytes(
    engine: LlamaCppEngine, process: CanonicalProcess, prefix: bytes
) -> None:
    """P(xb) / P(x) by the definition of P, for the likely bytes; what is left is the rest of the row."""
    row = fresh_state(engine, process, prefix).next_byte()
    mass = log_mass(engine, process, prefix)
    likely = np.argsort(-row[:256])[:6].tolist()
    for byte in likely:
        longer = log_mass(engine, process, prefix + bytes([byte]))
        assert longer - mass == pytest.approx(row[byte], abs=2 * TOLERANCE_NATS * (len(prefix) + 1)), byte


def test_advancing_is_beginning_anew(engine: LlamaCppEngine, process: CanonicalProcess) -> None:
    state = fresh_state(engine, process, TEXT[:4])
    for at in range(4, len(TEXT)):
        anew = fresh_state(engine, process, TEXT[:at]).next_byte()
        likely = anew > math.log(1e-4)
        assert np.abs(state.next_byte()[likely] - anew[likely]).max() < 4 * TOLERANCE_NATS, TEXT[:at]
        state = state.advance(TEXT[at])


class Remembering:
    """Gives each row once computed again: 20,000 draws ask for the same few."""

    def __init__(self, engine: LlamaCppEngine) -> None:
        self._engine = engine
        self._known: dict[tuple[TokenTree, tuple[int, ...]], Logits] = {}
        self.context_tokens = engine.context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._engine.tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        key = tree, tuple(nodes)
        if key not in self._known:
            self._known[key] = self._engine.evaluate(tree, nodes)
        return self._known[key]


@pytest.mark.parametrize("prefix", [b"import os\nimport s", b"# The qu"])
def test_draws_follow_the_exact_probabilities(
    engine: LlamaCppEngine, process: CanonicalProcess, prefix: bytes
) -> None:
    """Two bytes drawn on the cheap path, against ``next_byte`` twice."""
    remembering = Remembering(engine)
    covers = weigh_covers(remembering, process, prefix)
    sampler = Sampler(remembering, process)
    counts = Counter(draw_two(sampler, covers, seed) for seed in range(DRAWS))
    model = TokenByteModel(engine, process)
    first = np.exp(model.next_byte(prefix))
    expected: dict[bytes, float] = {}
    for byte in np.flatnonzero(first[:256] * DRAWS > 40).tolist():
        second = np.exp(model.next_byte(prefix + bytes([byte])))
        for after in np.flatnonzero(first[byte] * second[:256] * DRAWS > 10).tolist():
            expected[bytes([byte, after])] = float(first[byte] * second[after])
    seen = [counts[text] for text in expected]
    shares = list(expected.values())
    seen.append(DRAWS - sum(seen))
    shares.append(1 - sum(shares))
    assert len(shares) > 10
    assert chisquare(seen, np.array(shares) * DRAWS).pvalue > 1e-3


def draw_two(sampler: Sampler, covers, seed: int) -> bytes:
    text = b""
    for step in sampler.steps(covers, Sampling(1.0, 1.0, seed)):
        text += step.data
        if step.ended or len(text) >= 2:
            break
    return text[:2]
