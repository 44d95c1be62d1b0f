"""What a byte costs on the byte-by-byte path, beside going token by token, on the very same bytes.

The token-by-token time is that of a whole exact request, covers included, divided by the bytes it made. The
byte model then walks over these bytes: ``next_byte`` and ``advance`` for each.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.request_cost import Request, ask

EPSILONS = (1e-2, 1e-3, 0.0)


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk over ``text_bytes`` bytes. ``left_out`` is the largest bound that a state reported."""

    eps: float
    seconds: float
    text_bytes: int
    tokens_evaluated: int
    left_out: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Byte by byte at one ``eps`` beside token by token: medians, and the median paired ratio of times."""

    eps: float
    byte_ms: float
    token_path_byte_ms: float
    evaluated_per_token: float
    left_out: float
    ratio: Interval


@dataclass(frozen=True, slots=True)
class Round:
    """One prefix: the exact request, and a walk for each ``eps``."""

    request: Request
    walks: list[Walk]


@dataclass(frozen=True, slots=True)
class Summary:
    """The comparison at every ``eps``, the coarsest first, and what it was made from."""

    comparisons: list[Comparison]
    rounds: list[Round]


def walk(model: LocalModel, prefix: bytes, text: bytes, eps: float, *, warm: bool = True) -> Walk:
    """Ask for the next byte and advance, for every byte of ``text``."""
    model.forget()
    if warm:
        model.weigh(prefix[:-1], "exact")
    evaluated = model.engine.tokens_evaluated
    left_out = 0.0
    started = time.perf_counter()
    state = TokenByteModel(model.engine, model.canonical, eps).state(prefix)
    for byte in text:
        state.next_byte()
        left_out = max(left_out, state.left_out)
        state = state.advance(byte)
    seconds = time.perf_counter() - started
    return Walk(eps, seconds, len(text), model.engine.tokens_evaluated - evaluated, left_out)


def measure(model: LocalModel, prefixes: Sequence[bytes], tokens: int, seed: int, on_done: OnDone) -> Summary:
    """A request and all walks at every prefix, in an order that rotates; silent requests are left out.

    Errors: ``EvaluationError`` if all are silent.
    """
    rounds = []
    for done, prefix in enumerate(prefixes, 1):
        request = ask(model, "exact", prefix, tokens)
        turn = done % len(EPSILONS)
        order = (*EPSILONS[turn:], *EPSILONS[:turn])
        if request.text:
            walks = [walk(model, prefix, request.text, eps) for eps in order]
            rounds.append(Round(request, sorted(walks, key=lambda each: -each.eps)))
        on_done(done)
    if not rounds:
        raise EvaluationError("the model ends every text at once; ask for more --cursors")
    return Summary([_summarize_one(rounds, at, seed) for at in range(len(EPSILONS))], rounds)


def _summarize_one(rounds: Sequence[Round], at: int, seed: int) -> Comparison:
    pairs = [(each.walks[at], each.request) for each in rounds]
    return Comparison(
        eps=pairs[0][0].eps,
        byte_ms=statistics.median(walk.seconds / walk.text_bytes * 1e3 for walk, _ in pairs),
        token_path_byte_ms=statistics.median(request.s_per_byte * 1e3 for _, request in pairs),
        evaluated_per_token=statistics.median(
            walk.tokens_evaluated / request.tokens for walk, request in pairs
        ),
        left_out=max(walk.left_out for walk, _ in pairs),
        ratio=bootstrap_median([walk.seconds / request.total_s for walk, request in pairs], seed=seed),
    )
