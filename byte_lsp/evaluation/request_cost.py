"""What a request costs: raw llama.cpp decoding, plain tokenization, token healing and exact covers.

All greedy, on the same text, for the same number of tokens, in one process, with one loaded model. *Warm* is
the state while somebody types: the same contender was asked one byte earlier. *Cold* is an empty cache.
"""

import statistics
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import attrgetter
from typing import Literal, get_args

from byte_lsp.bytes.sampler import Sampling
from byte_lsp.engines.llama_cpp import raw_decode
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.infill.problem import Arm

Contender = Literal["raw", "plain", "healing", "exact"]
CONTENDERS: tuple[Contender, ...] = get_args(Contender)
_VALUES = {"request": "total_s", "later token": "s_per_later_token"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: seconds until the first token's bytes and for all others, and the engine's share of both.

    For ``raw`` that is all. ``tokens_evaluated`` counts the prompt's new tokens too.
    """

    contender: Contender
    first_s: float
    rest_s: float
    engine_first_s: float
    engine_rest_s: float
    tokens: int
    text: bytes
    tokens_evaluated: int

    @property
    def total_s(self) -> float:
        return self.first_s + self.rest_s

    @property
    def engine_s(self) -> float:
        return self.engine_first_s + self.engine_rest_s

    @property
    def s_per_byte(self) -> float:
        return self.total_s / max(1, len(self.text))

    @property
    def s_per_later_token(self) -> float:
        """Seconds a token after the first, which takes the covers or the prompt."""
        return self.rest_s / max(1, self.tokens - 1)


Round = dict[Contender, Request]
"""Every contender's request at one prefix."""


@dataclass(frozen=True, slots=True)
class Medians:
    """The medians of one contender's requests. Times are in milliseconds."""

    contender: Contender
    request_ms: float
    first_ms: float
    later_token_ms: float
    byte_ms: float
    tokens_evaluated: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over prefixes of a paired ratio."""

    name: str
    ratio: Interval


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians by contender, the paired ratios that say what exactness costs, and what they were made from.

    ``left_out`` prefixes are missing because a contender's text ended early.
    """

    tokens: int
    left_out: int
    medians: list[Medians]
    ratios: list[Ratio]
    rounds: list[Round]


def ask(model: LocalModel, contender: Contender, prefix: bytes, tokens: int, *, warm: bool = True) -> Request:
    """One greedy request for so many tokens; fewer come if the text ends."""
    data, times, engine_times = [], [], []
    with closing(_begin(model, contender, prefix, warm)) as pieces:
        evaluated, in_engine = model.engine.tokens_evaluated, model.engine.seconds
        started = time.perf_counter()
        for piece in islice(pieces, tokens):
            data.append(piece)
            times.append(time.perf_counter())
            engine_times.append(model.engine.seconds)
    first_s, rest_s = times[0] - started, times[-1] - times[0]
    is_raw = contender == "raw"
    return Request(
        contender,
        first_s=first_s,
        rest_s=rest_s,
        engine_first_s=first_s if is_raw else engine_times[0] - in_engine,
        engine_rest_s=rest_s if is_raw else engine_times[-1] - engine_times[0],
        tokens=len(times),
        text=b"".join(data),
        tokens_evaluated=model.engine.tokens_evaluated - evaluated,
    )


def measure(model: LocalModel, prefixes: Sequence[bytes], tokens: int, seed: int, on_done: OnDone) -> Summary:
    """Every contender at every prefix, one after the other, in an order that rotates.

    Errors: ``EvaluationError`` if no prefix is left over.
    """
    rounds = []
    for done, prefix in enumerate(prefixes, 1):
        turn = done % len(CONTENDERS)
        order = (*CONTENDERS[turn:], *CONTENDERS[:turn])
        asked = {contender: ask(model, contender, prefix, tokens) for contender in order}
        if all(request.tokens == tokens for request in asked.values()):
            rounds.append(asked)
        on_done(done)
    if not rounds:
        raise EvaluationError(
            f"at none of {len(prefixes)} cursors did all texts last for {tokens} tokens; "
            "ask for fewer --tokens or more --cursors"
        )
    return _summarize(rounds, tokens, len(prefixes) - len(rounds), seed)


def _summarize(rounds: list[Round], tokens: int, left_out: int, seed: int) -> Summary:
    def ratio(what: str, first: Contender, second: Contender) -> Ratio:
        value = attrgetter(_VALUES[what])
        ratios = [value(asked[first]) / value(asked[second]) for asked in rounds]
        return Ratio(f"{what}, {first} / {second}", bootstrap_median(ratios, seed=seed))

    ratios = [
        ratio("request", "exact", "plain"),
        ratio("request", "exact", "healing"),
        ratio("request", "exact", "raw"),
        ratio("later token", "exact", "raw"),
        ratio("later token", "plain", "raw"),
    ]
    medians = [_medians([asked[contender] for asked in rounds]) for contender in CONTENDERS]
    return Summary(tokens, left_out, medians, ratios, rounds)


def _begin(
    model: LocalModel, contender: Contender, prefix: bytes, warm: bool
) -> Generator[bytes, None, None]:
    """The request's pieces, to be drawn; what a former keystroke would have left in the cache is there."""
    model.forget()
    if contender == "raw":
        path, typed = model.path_of(prefix), model.path_of(prefix[:-1]) if warm else ()
        kept = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(path[:-1], typed, strict=False)))
        return _spell(model, raw_decode(model.engine.inner, path[:kept], path[kept:]))
    if warm:
        model.weigh(prefix[:-1], contender)
    return _draw(model, contender, prefix)


def _spell(model: LocalModel, tokens: Generator[int, None, None]) -> Generator[bytes, None, None]:
    with closing(tokens):
        for token in tokens:
            yield model.tokenizer.pieces[token]


def _draw(model: LocalModel, arm: Arm, prefix: bytes) -> Generator[bytes, None, None]:
    covers = model.weigh(prefix, arm)
    for step in model.sampler(arm).steps(covers, Sampling(temperature=0)):
        yield step.data


def _medians(requests: Sequence[Request]) -> Medians:
    median = statistics.median
    return Medians(
        contender=requests[0].contender,
        request_ms=median([request.total_s * 1e3 for request in requests]),
        first_ms=median([request.first_s * 1e3 for request in requests]),
        later_token_ms=median([request.s_per_later_token * 1e3 for request in requests]),
        byte_ms=median([request.s_per_byte * 1e3 for request in requests]),
        tokens_evaluated=median([request.tokens_evaluated for request in requests]),
    )
