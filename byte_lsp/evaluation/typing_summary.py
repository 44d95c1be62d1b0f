"""The figures of ``byte-lsp bench typing``, from what was written and asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_ratio
from byte_lsp.evaluation.typing_bench import ARMS, COMPARED, Written
from byte_lsp.evaluation.typing_raw import RawPair
from byte_lsp.evaluation.typing_replay import Asked

UNREUSED = "no-reuse"
"""The arm that reads every prompt anew."""


@dataclass(frozen=True, slots=True)
class Times:
    """Quantiles of the time to a suggestion, from sending a request to its answer, in milliseconds."""

    requests: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    mean_ms: float

    @classmethod
    def of(cls, waited_ms: Iterable[float]) -> "Times | None":
        """Of requests that were answered; None if there is none."""
        waited = list(waited_ms)
        if not waited:
            return None
        p50, p95, p99 = np.quantile(waited, [0.5, 0.95, 0.99]).tolist()
        return cls(len(waited), p50, p95, p99, float(np.mean(waited)))


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``whole``; the ratio is None of nothing."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Figures:
    """One arm's. Per keystroke means per request: every key and accepted suggestion sends one. Requests that
    come of a jump alone count for nothing: they cost nothing.

    ``warm_prompt_tokens`` leaves out the first request of each file, which finds nothing in the cache.
    ``without_model`` are requests answered although the model was not asked: all, those while the key was
    the next character of what was shown (``along``), all others (``otherwise``). ``unwritten`` characters
    came with accepted suggestions. ``held_back`` requests had an answer that was too unlikely to be shown.
    """

    arm: str
    keystrokes: int
    requests: int
    overtaken: int
    failures: int
    all_requests: Times | None
    asked_model: Times | None
    tokens: float
    prompt_tokens: float
    warm_prompt_tokens: float
    without_model: Share
    along: Share
    otherwise: Share
    unwritten: Share
    shown: Share
    held_back: Share
    drafts_accepted: Share
    cpu_s_per_1000: float


@dataclass(frozen=True, slots=True)
class Faster:
    """How many times as long requests of ``other`` take as those of ``arm``: mean over mean in each file.

    Each file's first request is left out: it is cold in both. ``total`` is over all other requests, ``asked``
    over those for which the arm asked its model, None if there is none. Intervals are by file.
    """

    arm: str
    other: str
    requests: int
    other_requests: int
    total: Interval
    asked: Interval | None


@dataclass(frozen=True, slots=True)
class BesideRaw:
    """The server's time over raw llama.cpp's: median of the pairs' ratios, and of the sums, by file."""

    pairs: int
    tokens: float
    ratio: Interval
    total: Interval


@dataclass(frozen=True, slots=True)
class TypingSummary:
    """Figures by arm and what compares them; None where an arm is missing."""

    figures: list[Figures]
    faster: list[Faster]
    beside_raw: BesideRaw | None


def summarize(written: Sequence[Written], raw: Sequence[RawPair], seed: int) -> TypingSummary:
    """All figures."""
    arms = list(dict.fromkeys(each.arm for each in written))
    by_arm = {arm: [each for each in written if each.arm == arm] for arm in arms}
    figures = [_figures(arm, by_arm[arm]) for arm in arms]
    faster = []
    if UNREUSED in by_arm:
        others = (arm for arm in arms if arm != UNREUSED and ARMS[arm].reaction == "ignore")
        found = (_compare(arm, by_arm[arm], UNREUSED, by_arm[UNREUSED], seed) for arm in others)
        faster = [each for each in found if each]
    return TypingSummary(figures, faster, _beside_raw(raw, seed))


def _figures(arm: str, written: Sequence[Written]) -> Figures:
    asked = [each for one in written for each in one.replay.asked if not each.is_move]
    answered = [each for each in asked if each.waited_ms is not None]
    waited = [each.waited_ms for each in asked if each.waited_ms is not None]
    asked_model = [each.waited_ms for each in asked if each.waited_ms is not None and each.counts.asked]
    later = [each for one in written for each in one.replay.asked[1:] if not each.is_move]
    requests = len(asked)

    def total(name: str) -> int:
        return sum(getattr(one.replay.counts, name) for one in written)

    def without_model(among: Callable[[Asked], bool]) -> Share:
        chosen = [each for each in asked if among(each)]
        return Share(sum(each.without_model for each in chosen), len(chosen))

    return Figures(
        arm=arm,
        keystrokes=sum(one.replay.pressed for one in written),
        requests=requests,
        overtaken=requests - len(waited),
        failures=sum(len(one.replay.failures) for one in written),
        all_requests=Times.of(waited),
        asked_model=Times.of(asked_model),
        tokens=total("tokens_evaluated") / requests,
        prompt_tokens=total("prompt_tokens_evaluated") / requests,
        warm_prompt_tokens=sum(each.counts.prompt_tokens_evaluated for each in later) / max(1, len(later)),
        without_model=without_model(lambda each: True),
        along=without_model(lambda each: each.along),
        otherwise=without_model(lambda each: not each.along),
        unwritten=Share(
            sum(one.replay.accepted for one in written), sum(one.replay.written for one in written)
        ),
        shown=Share(sum(each.shown > 0 for each in answered), len(answered)),
        held_back=Share(total("held_back"), len(answered)),
        drafts_accepted=Share(total("drafts_accepted"), total("drafted")),
        cpu_s_per_1000=1e3 * sum(one.cpu_s for one in written) / requests,
    )


def _compare(
    arm: str, written: Sequence[Written], other: str, others: Sequence[Written], seed: int
) -> Faster | None:
    theirs = _warm_ms(others, lambda each: True)
    ours = _warm_ms(written, lambda each: True)
    asked = _warm_ms(written, lambda each: each.counts.asked > 0)
    total = _mean_over_mean(theirs, ours, seed)
    if total is None:
        return None
    requests, other_requests = (sum(map(len, times.values())) for times in (ours, theirs))
    return Faster(arm, other, requests, other_requests, total, _mean_over_mean(theirs, asked, seed))


def _warm_ms(written: Sequence[Written], among: Callable[[Asked], bool]) -> dict[str, list[float]]:
    """Times of each file's answered requests but its first, in milliseconds; no file without any."""
    waited = {}
    for one in written:
        chosen = filter(among, one.replay.asked[1:])
        waited[one.file] = [each.waited_ms for each in chosen if each.waited_ms is not None]
    return {file: times for file, times in waited.items() if times}


def _mean_over_mean(
    longer: Mapping[str, Sequence[float]], shorter: Mapping[str, Sequence[float]], seed: int
) -> Interval | None:
    files = [file for file in longer if file in shorter]
    if not files:
        return None
    means = ([float(np.mean(times[file])) for file in files] for times in (longer, shorter))
    return bootstrap_ratio(files, *means, seed=seed)


def _beside_raw(raw: Sequence[RawPair], seed: int) -> BesideRaw | None:
    if not raw:
        return None
    files = [pair.file for pair in raw]
    return BesideRaw(
        pairs=len(raw),
        tokens=float(np.mean([pair.tokens for pair in raw])),
        ratio=bootstrap_median([pair.ratio for pair in raw], files, seed=seed),
        total=bootstrap_ratio(files, [p.server_ms for p in raw], [p.raw_ms for p in raw], seed=seed),
    )


@dataclass(frozen=True, slots=True)
class Promise:
    """What byte-lsp promises about typing, what was found, and whether that keeps it; None: not measured."""

    name: str
    limit: str
    found: str
    kept: bool | None


def check_promises(summary: TypingSummary) -> list[Promise]:
    """The promises that these figures bear on."""
    full = next((each for each in summary.figures if each.arm == COMPARED), None)
    faster = next((each for each in summary.faster if each.arm == COMPARED), None)
    raw = summary.beside_raw
    share = full.without_model.ratio if full else None
    return [
        _promise(share, ">= 60 %", "requests answered without the model", lambda x: x >= 0.6, "{:.1%}"),
        _promise(
            full.warm_prompt_tokens if full and full.asked_model else None,
            "<= 8",
            "prompt tokens per keystroke, warm cache",
            lambda x: x <= 8,
            "{:.2f}",
        ),
        _promise(
            raw.ratio.estimate if raw else None,
            "<= 1.15",
            "time to a suggestion over raw llama.cpp, same tokens, same cache",
            lambda x: x <= 1.15,
            "{:.3f}",
        ),
        _promise(
            faster.total.estimate if faster else None,
            ">= 3",
            "times faster than with reuse off",
            lambda x: x >= 3,
            "{:.1f}",
        ),
    ]


def _promise(
    value: float | None, limit: str, name: str, keeps: Callable[[float], bool], form: str
) -> Promise:
    if value is None:
        return Promise(name, limit, "-", None)
    return Promise(name, limit, form.format(value), keeps(value))
