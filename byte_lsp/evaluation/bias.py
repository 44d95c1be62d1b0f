"""What the wrong tokens cost: plain tokenization, token healing and exact covers at the same cursors.

Two questions at every cursor. Greedy decoding: is the rest of the line right, all of it? Scoring: how many
nats does the true rest of the line take, by the byte model with the arm's contexts only? A continuation
whose crossing token no context of the arm allows is unreachable: it takes infinitely many. Those are
counted, and nats are compared over the others. A byte that only contexts lighter than ``eps`` allow is
reachable: where ``eps`` leaves a continuation no probability, it is scored again with all contexts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_rate
from byte_lsp.evaluation.cursors import ARMS
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.windows import Cursor, Unspellable, token_boundaries
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import Arm, InfillProblem

SCORED_BYTES = 48
PLACES = ("inside a token", "on a boundary")


@dataclass(frozen=True, slots=True)
class Observation:
    """One cursor. ``nats[arm]`` are those of the first ``scored_bytes`` of the rest of the line.

    ``rescored`` are the arms that were scored with all contexts, because ``eps`` left nothing.
    """

    window: int
    file: str
    offset: int
    language: str
    place: str
    scored_bytes: int
    is_right: dict[Arm, bool]
    nats: dict[Arm, float]
    rescored: tuple[Arm, ...] = ()

    def is_reachable(self, arm: Arm) -> bool:
        """Whether any context of the arm allows the true continuation."""
        return math.isfinite(self.nats[arm])


@dataclass(frozen=True, slots=True)
class Observations:
    """All cursors that were asked at, and those that were not."""

    observed: list[Observation]
    unspellable: Unspellable


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm at the cursors of one place.

    ``right`` is a share, ``right_lead`` exact's share less the arm's. ``unreachable`` is the share of true
    continuations that the arm cannot produce; ``nats_per_byte``, ``exact_nats_per_byte`` and
    ``nats_lead`` (the arm's less exact's) are over the ``compared_cursors``, which the arm reaches and exact
    too, None if there are none.
    """

    arm: Arm
    right_cursors: int
    right: Interval
    right_lead: Interval
    unreachable: float
    compared_cursors: int
    rescored_cursors: int
    nats_per_byte: Interval | None
    exact_nats_per_byte: Interval | None
    nats_lead: Interval | None


@dataclass(frozen=True, slots=True)
class PlaceSummary:
    """All arms at the cursors of one place. ``files`` are the clusters that intervals are drawn from.

    At ``exact_unreachable`` cursors no context at all allows the true rest: they are in no arm's nats.
    """

    place: str
    cursors: int
    windows: int
    files: int
    exact_unreachable: int
    arms: list[ArmSummary]


def observe(model: LocalModel, cursors: Sequence[Cursor], eps: float, on_done: OnDone) -> Observations:
    """Ask every arm at every cursor; ``on_done`` is told how many cursors are behind.

    Windows that the vocabulary cannot spell are left out.
    """
    observed: list[Observation] = []
    unspellable: list[int] = []
    infiller = model.infiller()
    window, boundaries, scorers = -1, None, _Scorers.of(model, eps)
    for done, cursor in enumerate(cursors, 1):
        if cursor.window != window:
            window, boundaries = cursor.window, token_boundaries(model.tokenizer, cursor.text)
            scorers = _Scorers.of(model, eps)  # they remember what they were asked
        if boundaries is None:
            unspellable.append(window)
        else:
            place = PLACES[cursor.offset in boundaries]
            observed.append(_observe_one(infiller, scorers, cursor, place))
        on_done(done)
    return Observations(observed, Unspellable(len(set(unspellable)), len(unspellable)))


def summarize(observed: Sequence[Observation], seed: int) -> list[PlaceSummary]:
    """Each place that has cursors, with paired intervals by file.

    Errors: ``EvaluationError`` if there is no cursor.
    """
    if not observed:
        raise EvaluationError(
            "the model's vocabulary can spell none of the texts; give folders with other files, or another "
            "--model"
        )
    return [
        _summarize_place(place, there, seed)
        for place in PLACES
        if (there := [each for each in observed if each.place == place])
    ]


@dataclass(frozen=True, slots=True)
class _Scorers:
    """The byte model at the ``eps`` asked for, and with all contexts."""

    coarse: TokenByteModel
    fine: TokenByteModel

    @classmethod
    def of(cls, model: LocalModel, eps: float) -> "_Scorers":
        return cls(*(TokenByteModel(model.engine, model.canonical, each) for each in (eps, 0.0)))

    def nats(self, text: bytes, prefix: bytes, arm: Arm) -> tuple[float, bool]:
        """Infinitely many only if no context allows the text; and whether all contexts were asked."""
        nats = -self.coarse.logprob(text, prefix, arm)
        if math.isfinite(nats) or not self.coarse.eps:
            return nats, False
        return -self.fine.logprob(text, prefix, arm), True


def _observe_one(infiller: Infiller, scorers: _Scorers, cursor: Cursor, place: str) -> Observation:
    prefix, rest = cursor.prefix, cursor.rest
    scored = rest[:SCORED_BYTES]
    found = {arm: scorers.nats(scored, prefix, arm) for arm in ARMS}
    return Observation(
        window=cursor.window,
        file=str(cursor.file),
        offset=cursor.start + cursor.offset,
        language=cursor.language,
        place=place,
        scored_bytes=len(scored),
        is_right={arm: _complete(infiller, prefix, len(rest), arm) == rest for arm in ARMS},
        nats={arm: nats for arm, (nats, _) in found.items()},
        rescored=tuple(arm for arm, (_, rescored) in found.items() if rescored),
    )


def _complete(infiller: Infiller, prefix: bytes, rest_bytes: int, arm: Arm) -> bytes:
    """The greedy rest of the line, given up one byte after the true one's end."""
    problem = InfillProblem(prefix, arm=arm, max_bytes=rest_bytes + 1, max_lines=1)
    return infiller.infill(problem).candidates[0].text


def _summarize_place(place: str, observations: Sequence[Observation], seed: int) -> PlaceSummary:
    return PlaceSummary(
        place=place,
        cursors=len(observations),
        windows=len({each.window for each in observations}),
        files=len({each.file for each in observations}),
        exact_unreachable=sum(not each.is_reachable("exact") for each in observations),
        arms=[_summarize_arm(observations, arm, seed) for arm in ARMS],
    )


def _summarize_arm(observations: Sequence[Observation], arm: Arm, seed: int) -> ArmSummary:
    files = [each.file for each in observations]
    ones = np.ones(len(observations))
    right = np.array([each.is_right[arm] for each in observations], dtype=float)
    exact_right = np.array([each.is_right["exact"] for each in observations], dtype=float)
    reachable = [each for each in observations if each.is_reachable(arm) and each.is_reachable("exact")]
    clusters = [each.file for each in reachable]
    sizes = [each.scored_bytes for each in reachable]
    nats = np.array([each.nats[arm] for each in reachable])
    exact_nats = np.array([each.nats["exact"] for each in reachable])

    def per_byte(amounts: np.ndarray) -> Interval | None:
        return bootstrap_rate(clusters, amounts, sizes, seed=seed) if reachable else None

    return ArmSummary(
        arm=arm,
        right_cursors=int(right.sum()),
        right=bootstrap_rate(files, right, ones, seed=seed),
        right_lead=bootstrap_rate(files, exact_right - right, ones, seed=seed),
        unreachable=sum(not each.is_reachable(arm) for each in observations) / len(observations),
        compared_cursors=len(reachable),
        rescored_cursors=sum(arm in each.rescored for each in observations),
        nats_per_byte=per_byte(nats),
        exact_nats_per_byte=per_byte(exact_nats),
        nats_lead=per_byte(nats - exact_nats),
    )
