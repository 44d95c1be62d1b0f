"""The exact path on the real model."""

from collections.abc import Sequence

import numpy as np
import pytest

from byte_lsp.bytes.baselines import BareProcess, weigh_plain
from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.covers import CoverSet, next_byte, weigh_covers
from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.bytes.sampler import Sampler, Sampling
from byte_lsp.engines.llama_cpp import LlamaCppEngine
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.tokens.contexts import ContextFinder, finder
from byte_lsp.tokens.tokenizer import load_tokenizer

STACK = (
    b"class Stack:\n    def __init__(self):\n        self.items = []\n\n"
    b"    def push(self, item):\n        self.ite"
)
NOISE = 0.05  # in probability: quantized weights, other batch shapes


@pytest.fixture(scope="module")
def smollm2(smollm2_path) -> tuple[ContextFinder, Framing]:
    tokenizer = load_tokenizer(smollm2_path)
    return finder(tokenizer), frame(tokenizer.vocabulary, "<|endoftext|>")


@pytest.fixture
def process(smollm2: tuple[ContextFinder, Framing]) -> CanonicalProcess:
    return CanonicalProcess(*smollm2)


def first_bytes(sampler: Sampler, covers: CoverSet, count: int) -> bytes:
    text = b""
    for step in sampler.steps(covers, Sampling(0)):
        text += step.data
        if len(text) >= count or step.ended:
            break
    return text[:count]


def test_inside_a_word_the_word_is_completed(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess, smollm2: tuple[ContextFinder, Framing]
) -> None:
    exact = weigh_covers(smollm2_engine, process, STACK)
    assert first_bytes(Sampler(smollm2_engine, process), exact, 2) == b"ms"
    bare = BareProcess(*smollm2)
    plain = weigh_plain(smollm2_engine, bare, STACK)
    assert first_bytes(Sampler(smollm2_engine, bare), plain, 2) != b"ms"


@pytest.mark.parametrize(
    "prefix",
    [
        b"",
        b"x = 1\n\n\n",
        b"def f():\n    ",
        STACK,
        "# Grüß".encode()[:-1],
        'print("😀'.encode()[:-2],
        b"a\xff",
    ],
    ids=["nothing", "blank lines", "indentation", "inside a word", "inside é", "inside an emoji", "invalid"],
)
def test_next_byte_is_a_distribution_wherever_the_cursor_stands(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess, prefix: bytes
) -> None:
    row = next_byte(process, weigh_covers(smollm2_engine, process, prefix))
    assert np.exp(row).sum() == pytest.approx(1.0)


def test_inside_a_character_only_its_continuations_are_likely(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    row = next_byte(process, weigh_covers(smollm2_engine, process, "# Größe, Gr".encode() + b"\xc3"))
    assert np.exp(row[0x80:0xC0]).sum() > 0.99


def test_one_byte_after_another_gives_what_one_token_gives(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    """P(ms | x) by two next-byte questions, and summed over covers that begin with ``ms``."""
    covers = weigh_covers(smollm2_engine, process, STACK)
    pieces = process.finder.tokenizer.pieces
    total = begun = 0.0
    for context in covers.contexts:
        for token, mass in zip(context.tokens.tolist(), np.exp(context.log_q1).tolist(), strict=True):
            total += mass
            begun += mass * pieces[token][len(context.residual) :].startswith(b"ms")
    first = next_byte(process, covers)[ord("m")]
    second = next_byte(process, weigh_covers(smollm2_engine, process, STACK + b"m"))[ord("s")]
    assert np.exp(first + second) == pytest.approx(begun / total, abs=NOISE)


def test_covers_are_one_batch_beside_the_prefix(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess
) -> None:
    covers = weigh_covers(smollm2_engine, process, STACK)
    again = weigh_covers(smollm2_engine, process, STACK)
    assert covers.batch_tokens == again.batch_tokens == again.tokens_evaluated
    assert again.batch_tokens <= 22


class Remembering:
    """Gives the same rows for the same tree, so that noise does not blur what is compared."""

    def __init__(self, engine: LlamaCppEngine) -> None:
        self._engine = engine
        self._known: dict[TokenTree, Logits] = {}
        self.tokens_evaluated = 0

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        if tree not in self._known:
            self._known[tree] = self._engine.evaluate(tree, nodes)
        return self._known[tree].copy()


@pytest.mark.parametrize("prefix", [STACK, b"import os\n\n\n", "# Größe".encode()[:-2]])
def test_tokens_not_asked_about_change_the_next_byte_little(
    smollm2_engine: LlamaCppEngine, process: CanonicalProcess, prefix: bytes
) -> None:
    engine = Remembering(smollm2_engine)
    asking_all = CanonicalProcess(process.finder, process.framing, 0.0, smollm2_engine.vocabulary_size)
    covers = weigh_covers(engine, process, prefix)
    quick = np.exp(next_byte(process, covers))
    exact = np.exp(next_byte(asking_all, weigh_covers(engine, asking_all, prefix)))
    assert np.abs(quick - exact).sum() / 2 <= min(covers.unasked, 0.02)
