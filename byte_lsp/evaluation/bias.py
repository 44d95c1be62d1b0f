"""What the wrong tokens cost: plain tokenization, token healing and exact covers at the same cursors.

Two questions at every cursor. Greedy decoding: is the rest of the line right, all of it? Scoring: how many
nats does the true rest of the line take, by the byte model with the arm's contexts only? A continuation
whose crossing token no context of the arm allows is unreachable: it takes infinitely many. Those are
counted, and nats are compared over the others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_rate
from byte_lsp.evaluation.cursors import ARMS
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.windows import Cursor, token_boundaries
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import Arm, InfillProblem

SCORED_BYTES = 48
PLACES = ("inside a token", "on a boundary")


@dataclass(frozen=True, slots=True)
class Observation:
    """One cursor. ``nats[arm]`` are those of the first ``scored_bytes`` of the rest of the line."""

    window: int
    file: str
    offset: int
    language: str
    place: str
    scored_bytes: int
    is_right: dict[Arm, bool]
    nats: dict[Arm, float]

    def is_reachable(self, arm: Arm) -> bool:
        """Whether any context of the arm allows the true continuation."""
        return math.isfinite(self.nats[arm])


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm at the cursors of one place.

    ``right`` is a share, ``right_lead`` exact's share less the arm's. ``unreachable`` is the share of true
    continuations that the arm cannot produce; ``nats_per_byte``, ``exact_nats_per_byte`` and
    ``nats_lead`` (the arm's less exact's) are over the others, None if there are none.
    """

    arm: Arm
    right_cursors: int
    right: Interval
    right_lead: Interval
    unreachable: float
    nats_per_byte: Interval | None
    exact_nats_per_byte: Interval | None
    nats_lead: Interval | None


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """All arms at the cursors of one place. ``windows`` are the clusters that intervals are drawn from."""

    place: str
    cursors: int
    windows: int
    arms: list[ArmSummary]


def observe(model: LocalModel, cursors: Sequence[Cursor], eps: float, on_done: OnDone) -> list[Observation]:
    """Ask every arm at every cursor; ``on_done`` is told how many cursors are behind.

    Windows that the vocabulary cannot spell are left out.
    """
    observations: list[Observation] = []
    infiller = model.infiller()
    window, boundaries, scorer = -1, None, TokenByteModel(model.engine, model.canonical, eps)
    for done, cursor in enumerate(cursors, 1):
        if cursor.window != window:
            window, boundaries = cursor.window, token_boundaries(model.tokenizer, cursor.text)
            scorer = TokenByteModel(model.engine, model.canonical, eps)  # it remembers what it was asked
        if boundaries is not None:
            place = PLACES[cursor.offset in boundaries]
            observations.append(_observe_one(infiller, scorer, cursor, place))
        on_done(done)
    return observations


def summarize(observations: Sequence[Observation], seed: int) -> list[PlaceSummary]:
    """Each place that has cursors, with paired intervals by window."""
    summaries = []
    for place in PLACES:
        there = [each for each in observations if each.place == place]
        if there:
            windows = len({each.window for each in there})
            arms = [_summarize_arm(there, arm, seed) for arm in ARMS]
            summaries.append(PlaceSummary(place, len(there), windows, arms))
    return summaries


def _observe_one(infiller: Infiller, scorer: TokenByteModel, cursor: Cursor, place: str) -> Observation:
    prefix, rest = cursor.prefix, cursor.rest
    scored = rest[:SCORED_BYTES]
    return Observation(
        window=cursor.window,
        file=str(cursor.file),
        offset=cursor.start + cursor.offset,
        language=cursor.language,
        place=place,
        scored_bytes=len(scored),
        is_right={arm: _complete(infiller, prefix, len(rest), arm) == rest for arm in ARMS},
        nats={arm: -scorer.logprob(scored, prefix, arm) for arm in ARMS},
    )


def _complete(infiller: Infiller, prefix: bytes, rest_bytes: int, arm: Arm) -> bytes:
    """The greedy rest of the line, given up one byte after the true one's end."""
    problem = InfillProblem(prefix, arm=arm, max_bytes=rest_bytes + 1, max_lines=1)
    return infiller.infill(problem).candidates[0].text


def _summarize_arm(observations: Sequence[Observation], arm: Arm, seed: int) -> ArmSummary:
    windows = [each.window for each in observations]
    ones = np.ones(len(observations))
    right = np.array([each.is_right[arm] for each in observations], dtype=float)
    exact_right = np.array([each.is_right["exact"] for each in observations], dtype=float)
    reachable = [each for each in observations if each.is_reachable(arm) and each.is_reachable("exact")]
    clusters = [each.window for each in reachable]
    sizes = [each.scored_bytes for each in reachable]
    nats = np.array([each.nats[arm] for each in reachable])
    exact_nats = np.array([each.nats["exact"] for each in reachable])

    def per_byte(amounts: np.ndarray) -> Interval | None:
        return bootstrap_rate(clusters, amounts, sizes, seed=seed) if reachable else None

    return ArmSummary(
        arm=arm,
        right_cursors=int(right.sum()),
        right=bootstrap_rate(windows, right, ones, seed=seed),
        right_lead=bootstrap_rate(windows, exact_right - right, ones, seed=seed),
        unreachable=sum(not each.is_reachable(arm) for each in observations) / len(observations),
        nats_per_byte=per_byte(nats),
        exact_nats_per_byte=per_byte(exact_nats),
        nats_lead=per_byte(nats - exact_nats),
    )
