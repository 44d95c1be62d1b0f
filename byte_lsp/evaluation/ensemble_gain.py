"""What an ensemble of models with different vocabularies gains over each member, and what it costs.

The true rest of the line is scored at the same cursors by every member alone and by the ensemble, byte by
byte; the ensemble makes its distributions of the members' own.

At every eighth cursor all are timed: each walks over the same bytes with members of its own, so that none is
answered from what another asked, from its engine's cache as it is after the prefix, in an order that
changes. What tokenizers remember in Python is shared and known from scoring: times are warm in that sense.

A byte that only contexts lighter than ``eps`` allow has no probability at that ``eps``; a scorer that comes
upon one is asked again with all contexts, and the cursor, where its timed walk ended early, is not timed.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.ensemble import EnsembleModel
from byte_lsp.bytes.model import ByteSource, TokenByteModel, sum_logprobs
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_rate
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.windows import Cursor, Unspellable, token_boundaries
from byte_lsp.weights import Rule

SCORED_BYTES = 48
TIMED_EVERY = 8
"""Cursors to one that is timed."""

ALL = "all"


@dataclass(frozen=True, slots=True)
class Recipe:
    """How members combine: a weight each, and the rule."""

    weights: tuple[float, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Score:
    """One cursor: what it took each member in order, and then the ensemble.

    ``nats`` are infinite where the true rest has no probability; ``rescored`` says who had to be asked with
    all contexts. ``seconds`` and ``tokens_evaluated``, of all engines, are those of the timed walks, if there
    were any.
    """

    window: int
    file: str
    offset: int
    language: str
    scored_bytes: int
    nats: tuple[float, ...]
    seconds: tuple[float, ...]
    tokens_evaluated: tuple[int, ...]
    rescored: tuple[bool, ...]

    @property
    def is_possible(self) -> bool:
        """Whether the true rest has a probability by every member and by the ensemble."""
        return all(map(math.isfinite, self.nats))

    @property
    def is_timed(self) -> bool:
        """Whether there were timed walks, and all went over the same bytes."""
        return bool(self.seconds) and self.is_possible and not any(self.rescored)


@dataclass(frozen=True, slots=True)
class Scores:
    """All cursors that were scored, and those that were not."""

    scores: list[Score]
    unspellable: Unspellable


@dataclass(frozen=True, slots=True)
class Gain:
    """Nats per byte at the cursors of one language, or of all.

    ``leads[i]`` is member ``i``'s nats per byte less the ensemble's: above zero, the ensemble is better.
    ``impossible`` more cursors are left out, at which the true rest has no probability by one of them.
    """

    language: str
    cursors: int
    impossible: int
    scored_bytes: int
    members: list[Interval]
    ensemble: Interval
    leads: list[Interval]


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds per scored byte, and the median paired ratio of the ensemble to the members' sum.

    ``untimed_cursors`` are left out: most are not timed, and at some a walk ended early.
    """

    cursors: int
    untimed_cursors: int
    members_ms_per_byte: list[float]
    ensemble_ms_per_byte: float
    ratio: Interval


@dataclass(frozen=True, slots=True)
class _Walk:
    """One walk over the rest of the line, byte by byte."""

    seconds: float
    tokens_evaluated: int


def score(
    models: Sequence[LocalModel],
    recipe: Recipe,
    cursors: Sequence[Cursor],
    eps: float,
    on_done: OnDone,
    timed_every: int = TIMED_EVERY,
) -> Scores:
    """Score the rest of the line at every cursor; ``on_done`` is told how many cursors are behind.

    One cursor in ``timed_every`` is timed.

    Windows that the vocabulary of any member cannot spell are left out.
    """
    scores: list[Score] = []
    unspellable: list[int] = []
    window, is_spellable = -1, False
    for done, cursor in enumerate(cursors, 1):
        if cursor.window != window:
            window = cursor.window
            is_spellable = all(token_boundaries(model.tokenizer, cursor.text) for model in models)
        if is_spellable:
            turn, not_timed = divmod(len(scores), timed_every)
            scores.append(_score_one(models, recipe, cursor, eps, None if not_timed else turn))
        else:
            unspellable.append(window)
        on_done(done)
    return Scores(scores, Unspellable(len(set(unspellable)), len(unspellable)))


def summarize_gain(scores: Sequence[Score], seed: int) -> list[Gain]:
    """All cursors first, then each language by name that has any; intervals are by file.

    Errors: ``EvaluationError`` if there is no cursor at which the true rest has a probability.
    """
    possible = [each for each in scores if each.is_possible]
    if not possible:
        raise EvaluationError(
            f"at none of {len(scores)} cursors does the true rest of the line have a probability by all "
            "models; give folders with other files, or other --models"
        )
    languages = sorted({each.language for each in possible})
    return [
        _summarize_one(language, [each for each in scores if language in (ALL, each.language)], seed)
        for language in (ALL, *languages)
    ]


def summarize_cost(scores: Sequence[Score], seed: int) -> Cost:
    """What the ensemble costs beside its members alone.

    Errors: ``EvaluationError`` if there is no cursor at which all walks went to the end.
    """
    timed = [each for each in scores if each.is_timed]
    if not timed:
        raise EvaluationError(
            f"at none of {len(scores)} cursors does --eps leave all models a probability; lower it"
        )
    seconds = np.array([each.seconds for each in timed])
    total_bytes = sum(each.scored_bytes for each in timed)
    *members, ensemble = (seconds.sum(axis=0) / total_bytes * 1e3).tolist()
    ratios = seconds[:, -1] / seconds[:, :-1].sum(axis=1)
    files = [each.file for each in timed]
    return Cost(
        cursors=len(timed),
        untimed_cursors=len(scores) - len(timed),
        members_ms_per_byte=members,
        ensemble_ms_per_byte=ensemble,
        ratio=bootstrap_median(ratios, files, seed=seed),
    )


def _members(models: Sequence[LocalModel], eps: float) -> list[TokenByteModel]:
    return [TokenByteModel(model.engine, model.canonical, eps) for model in models]


def _join(members: Sequence[ByteSource], recipe: Recipe) -> EnsembleModel:
    return EnsembleModel(list(zip(members, recipe.weights, strict=True)), rule=recipe.rule)


def _score_one(
    models: Sequence[LocalModel], recipe: Recipe, cursor: Cursor, eps: float, turn: int | None
) -> Score:
    text = cursor.rest[:SCORED_BYTES]
    nats = _score(models, recipe, cursor, eps)
    rescored = tuple(bool(eps) and math.isinf(each) for each in nats)
    if any(rescored):
        careful = _score(models, recipe, cursor, 0.0)
        nats = [careful[at] if rescored[at] else nats[at] for at in range(len(nats))]
    walks = [] if turn is None else _time(models, recipe, cursor, eps, turn)
    return Score(
        window=cursor.window,
        file=str(cursor.file),
        offset=cursor.start + cursor.offset,
        language=cursor.language,
        scored_bytes=len(text),
        nats=tuple(nats),
        seconds=tuple(walk.seconds for walk in walks),
        tokens_evaluated=tuple(walk.tokens_evaluated for walk in walks),
        rescored=rescored,
    )


def _score(models: Sequence[LocalModel], recipe: Recipe, cursor: Cursor, eps: float) -> list[float]:
    """Nats of the rest of the line by each member and by the ensemble of these very members."""
    members = _members(models, eps)
    scorers: list[ByteSource] = [*members, _join(members, recipe)]
    return [-sum_logprobs(scorer, cursor.rest[:SCORED_BYTES], cursor.prefix) for scorer in scorers]


def _time(
    models: Sequence[LocalModel], recipe: Recipe, cursor: Cursor, eps: float, turn: int
) -> list["_Walk"]:
    scorers: list[ByteSource] = [*_members(models, eps), _join(_members(models, eps), recipe)]
    order = [(turn + at) % len(scorers) for at in range(len(scorers))]
    by_scorer = {at: _walk(models, scorers[at], cursor) for at in order}
    return [by_scorer[at] for at in range(len(scorers))]


def _walk(models: Sequence[LocalModel], scorer: ByteSource, cursor: Cursor) -> _Walk:
    """Score a text with the engines' caches as they are after the prefix."""
    for model in models:
        model.forget_all_but(cursor.prefix)
    evaluated = sum(model.engine.tokens_evaluated for model in models)
    started = time.perf_counter()
    sum_logprobs(scorer, cursor.rest[:SCORED_BYTES], cursor.prefix)
    seconds = time.perf_counter() - started
    return _Walk(seconds, sum(model.engine.tokens_evaluated for model in models) - evaluated)


def _summarize_one(language: str, scores: Sequence[Score], seed: int) -> Gain:
    possible = [each for each in scores if each.is_possible]
    files = [each.file for each in possible]
    sizes = [each.scored_bytes for each in possible]
    *members, ensemble = np.array([each.nats for each in possible]).T

    def per_byte(nats: np.ndarray) -> Interval:
        return bootstrap_rate(files, nats, sizes, seed=seed)

    return Gain(
        language=language,
        cursors=len(possible),
        impossible=len(scores) - len(possible),
        scored_bytes=sum(sizes),
        members=[per_byte(nats) for nats in members],
        ensemble=per_byte(ensemble),
        leads=[per_byte(nats - ensemble) for nats in members],
    )
