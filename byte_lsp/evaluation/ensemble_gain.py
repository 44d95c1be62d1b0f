"""What an ensemble of models with different vocabularies gains over each member, and what it costs.

The true rest of the line is scored at the same cursors by every member alone and by the ensemble, byte by
byte. Every scorer is new for every window, so none is answered from what another asked; the order changes
from cursor to cursor, and each begins with its engine's cache as it is after the prefix.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.ensemble import EnsembleModel
from byte_lsp.bytes.model import ByteSource, TokenByteModel, sum_logprobs
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_rate
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.windows import Cursor
from byte_lsp.weights import Rule

SCORED_BYTES = 48
ALL = "all"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How members combine: a weight each, and the rule."""

    weights: tuple[float, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Score:
    """One cursor: nats and seconds of each member in order, then of the ensemble."""

    window: int
    file: str
    offset: int
    language: str
    scored_bytes: int
    nats: tuple[float, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Gain:
    """Nats per byte at the cursors of one language, or of all.

    ``leads[i]`` is member ``i``'s nats per byte less the ensemble's: above zero, the ensemble is better.
    """

    language: str
    cursors: int
    scored_bytes: int
    members: list[Interval]
    ensemble: Interval
    leads: list[Interval]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds per scored byte, and the median paired ratio of the ensemble to the members' sum."""

    members_ms_per_byte: list[float]
    ensemble_ms_per_byte: float
    ratio: Interval


def score(
    models: Sequence[LocalModel],
    recipe: Recipe,
    cursors: Sequence[Cursor],
    eps: float,
    on_done: OnDone,
) -> list[Score]:
    """Score the rest of the line at every cursor; ``on_done`` is told how many cursors are behind."""
    scores = []
    for done, cursor in enumerate(cursors, 1):
        scorers = _scorers(models, recipe, eps)
        order = [(done + at) % len(scorers) for at in range(len(scorers))]
        timed = {at: _score_one(models, scorers[at], cursor) for at in order}
        scores.append(
            Score(
                window=cursor.window,
                file=str(cursor.file),
                offset=cursor.start + cursor.offset,
                language=cursor.language,
                scored_bytes=len(cursor.rest[:SCORED_BYTES]),
                nats=tuple(timed[at][0] for at in range(len(scorers))),
                seconds=tuple(timed[at][1] for at in range(len(scorers))),
            )
        )
        on_done(done)
    return scores


def summarize_gain(scores: Sequence[Score], seed: int) -> list[Gain]:
    """All cursors first, then each language by name."""
    languages = sorted({each.language for each in scores})
    return [
        _summarize_one(language, [each for each in scores if language in (ALL, each.language)], seed)
        for language in (ALL, *languages)
    ]


def summarize_cost(scores: Sequence[Score], seed: int) -> Cost:
    """What the ensemble costs beside its members alone."""
    seconds = np.array([each.seconds for each in scores])
    total_bytes = sum(each.scored_bytes for each in scores)
    *members, ensemble = (seconds.sum(axis=0) / total_bytes * 1e3).tolist()
    ratios = seconds[:, -1] / seconds[:, :-1].sum(axis=1)
    return Cost(members, ensemble, bootstrap_median(ratios, seed=seed))


def _scorers(models: Sequence[LocalModel], recipe: Recipe, eps: float) -> list[ByteSource]:
    def members() -> list[TokenByteModel]:
        return [TokenByteModel(model.engine, model.canonical, eps) for model in models]

    together = EnsembleModel(list(zip(members(), recipe.weights, strict=True)), rule=recipe.rule)
    return [*members(), together]


def _score_one(models: Sequence[LocalModel], scorer: ByteSource, cursor: Cursor) -> tuple[float, float]:
    prefix = cursor.prefix
    for model in models:
        model.weigh(prefix, "exact")
    started = time.perf_counter()
    nats = -sum_logprobs(scorer, cursor.rest[:SCORED_BYTES], prefix)
    return nats, time.perf_counter() - started


def _summarize_one(language: str, scores: Sequence[Score], seed: int) -> Gain:
    windows = [each.window for each in scores]
    sizes = [each.scored_bytes for each in scores]
    *members, ensemble = np.array([each.nats for each in scores]).T

    def per_byte(nats: np.ndarray) -> Interval:
        return bootstrap_rate(windows, nats, sizes, seed=seed)

    return Gain(
        language=language,
        cursors=len(scores),
        scored_bytes=sum(sizes),
        members=[per_byte(nats) for nats in members],
        ensemble=per_byte(ensemble),
        leads=[per_byte(nats - ensemble) for nats in members],
    )
