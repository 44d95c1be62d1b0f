"""What all holes together say of models and arms, and of one beside another at the same holes."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_rate, bootstrap_ratio
from byte_lsp.evaluation.infill_ask import ARMS, EvalArm
from byte_lsp.evaluation.infill_run import Answers
from byte_lsp.evaluation.infill_scores import Score, run_tests, score_all
from byte_lsp.evaluation.infill_tasks import Kind, Task
from byte_lsp.evaluation.progress import Track

PAIRS: tuple[tuple[EvalArm, EvalArm], ...] = (
    ("exact", "plain"),
    ("exact", "healing"),
    ("plain+fit", "plain"),
    ("healing+fit", "healing"),
    ("exact+fit", "exact"),
)
"""Arms of one model, compared."""

RIVALS: tuple[tuple[EvalArm, EvalArm], ...] = (
    *((arm, arm) for arm in ARMS),
    ("plain", "plain+fit"),
    ("healing", "healing+fit"),
    ("exact", "exact+fit"),
)
"""Arms of any other model, and those of the first that they are compared with."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A share: the sum of ``amount`` over scores by the sum of ``size``; ``about`` is for the reader."""

    name: str
    about: str
    amount: Callable[[Score], float]
    size: Callable[[Score], float] = lambda _: 1.0


METRICS = (
    Metric("exact match", "the hole holds what was there", lambda score: score.is_exact),
    Metric("pass@1", "the program passes its tests", lambda score: bool(score.passed)),
    Metric("first line", "right up to the end of the first line", lambda score: score.is_first_line),
    Metric("similarity", "1 less the edit distance as a share", lambda score: score.similarity),
    Metric(
        "saved",
        "share of the truth's characters that nobody has to type",
        lambda score: score.saved_characters,
        lambda score: score.truth_characters,
    ),
)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to fill in holes: a model and an arm."""

    model: str
    arm: EvalArm


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One model in one arm. ``rates`` are by metric, those that there are; ``right`` counts exact matches.

    ``abstained`` is the share of holes with nothing to show: no text, or a confidence under the threshold;
    ``shown_first_line`` the share of first lines right among the others, None if there are none.
    ``any_exact`` is the share of holes where one of all candidates was right: no ranking of them does better.
    """

    way: Way
    right: int
    rates: dict[str, Interval]
    abstained: Interval
    shown_first_line: Interval | None
    any_exact: Interval
    candidates: float
    median_ms: Interval
    p95_ms: float
    tokens_evaluated: float


@dataclass(frozen=True, slots=True)
class PairSummary:
    """``leads`` are ``way`` less ``other`` by metric, ``ratios`` how many times as much, both paired.

    ``gained`` and ``lost`` are holes that one alone matched. A ratio to nothing is infinite, or NaN.
    """

    way: Way
    other: Way
    gained: int
    lost: int
    leads: dict[str, Interval]
    ratios: dict[str, Interval]

    @property
    def is_of_one_model(self) -> bool:
        return self.way.model == self.other.model

    @property
    def telling_arm(self) -> EvalArm:
        """The arm that tells this pair from the others: the one that is not in most of them."""
        is_baseline = self.is_of_one_model and self.way.arm == "exact"
        return self.other.arm if is_baseline or not self.is_of_one_model else self.way.arm


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """The holes of one dataset. ``clusters`` are the problems or files that intervals are drawn from.

    ``left_out`` holes are those whose text a vocabulary cannot spell.
    """

    dataset: str
    kind: Kind
    holes: int
    clusters: int
    left_out: int
    metrics: tuple[str, ...]
    arms: list[ArmSummary]
    pairs: list[PairSummary]

    @property
    def models(self) -> list[str]:
        """What the models are called, in the order they were asked for."""
        return list(dict.fromkeys(arm.way.model for arm in self.arms))

    def name(self, way: Way) -> str:
        """What tables call a way: by its arm where there is one model."""
        return way.arm if len(self.models) == 1 else f"{way.model} {way.arm}"


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that ``byte-lsp eval infill`` finds."""

    datasets: list[DatasetSummary]
    scores: list[Score]


def judge_run(
    answers: Sequence[Answers],
    tasks: Sequence[Task],
    thresholds: Mapping[str, float],
    seed: int,
    track: Track,
    *,
    tests: bool,
) -> Found:
    """Score all answers in the holes that every model can spell, run their tests if asked to, and sum up.

    Errors: ``EvaluationError`` if there is no such hole, or programs cannot be limited.
    """
    by_name = {task.full_name: task for task in tasks}
    unspellable = {
        observation.task for each in answers for observation in each.observations if not observation.answers
    }
    scores = [score for score in score_all(by_name, answers) if score.task not in unspellable]
    if not scores:
        raise EvaluationError(
            "the models' vocabularies can spell none of the texts; give other files, or another --model"
        )
    if tests:
        scores = run_tests(scores, by_name, answers, track)
    left_out = Counter(by_name[name].dataset for name in unspellable)
    return Found(summarize(scores, left_out, thresholds, seed), scores)


def summarize(
    scores: Sequence[Score], left_out: Mapping[str, int], thresholds: Mapping[str, float], seed: int
) -> list[DatasetSummary]:
    """Every dataset in the order of the scores, with intervals by cluster.

    ``left_out`` counts holes by dataset. What is less confident than its model's threshold (0 if there is
    none) counts as not shown.
    """
    datasets = dict.fromkeys(score.dataset for score in scores)
    return [
        _summarize_dataset(
            [score for score in scores if score.dataset == dataset],
            left_out.get(dataset, 0),
            thresholds,
            seed,
        )
        for dataset in datasets
    ]


def _summarize_dataset(
    scores: Sequence[Score], left_out: int, thresholds: Mapping[str, float], seed: int
) -> DatasetSummary:
    by_way = _group(scores)
    some = next(iter(by_way.values()))
    metrics = [each for each in METRICS if each.name != "pass@1" or some[0].passed is not None]
    return DatasetSummary(
        dataset=some[0].dataset,
        kind=some[0].kind,
        holes=len(some),
        clusters=len({score.cluster for score in some}),
        left_out=left_out,
        metrics=tuple(metric.name for metric in metrics),
        arms=[
            _summarize_arm(way, found, metrics, thresholds.get(way.model, 0.0), seed)
            for way, found in by_way.items()
        ],
        pairs=[
            _compare(way, by_way[way], other, by_way[other], metrics, seed)
            for way, other in _pair_up(list(by_way))
        ],
    )


def _group(scores: Sequence[Score]) -> dict[Way, list[Score]]:
    """Scores by model, as they come, and in each by arm."""
    models = dict.fromkeys(score.model for score in scores)
    by_way: dict[Way, list[Score]] = {Way(model, arm): [] for model in models for arm in ARMS}
    for score in scores:
        by_way[Way(score.model, score.arm)].append(score)
    return {way: found for way, found in by_way.items() if found}


def _pair_up(ways: Sequence[Way]) -> Iterator[tuple[Way, Way]]:
    """Arms of one model, then other models' arms with those of the first."""
    first, *others = dict.fromkeys(way.model for way in ways)
    pairs = [(Way(model, arm), Way(model, other)) for model in (first, *others) for arm, other in PAIRS]
    pairs += [(Way(model, arm), Way(first, other)) for model in others for arm, other in RIVALS]
    return (pair for pair in pairs if pair[0] in ways and pair[1] in ways)


def _summarize_arm(
    way: Way, scores: Sequence[Score], metrics: Sequence[Metric], threshold: float, seed: int
) -> ArmSummary:
    clusters = [score.cluster for score in scores]
    shown = [score for score in scores if _is_shown(score, threshold)]

    def share(is_so: Callable[[Score], bool], among: Sequence[Score] = scores) -> Interval:
        where = [score.cluster for score in among]
        return bootstrap_rate(where, [is_so(score) for score in among], np.ones(len(among)), seed=seed)

    times = [score.elapsed_ms for score in scores]
    return ArmSummary(
        way=way,
        right=sum(score.is_exact for score in scores),
        rates={metric.name: _rate(metric, scores, seed) for metric in metrics},
        abstained=share(lambda score: not _is_shown(score, threshold)),
        shown_first_line=share(lambda score: score.is_first_line, shown) if shown else None,
        any_exact=share(lambda score: score.is_any_exact),
        candidates=float(np.mean([score.candidates for score in scores])),
        median_ms=bootstrap_median(times, clusters, seed=seed),
        p95_ms=float(np.quantile(times, 0.95)),
        tokens_evaluated=float(np.mean([score.tokens_evaluated for score in scores])),
    )


def _is_shown(score: Score, threshold: float) -> bool:
    return not score.is_empty and (score.confidence is None or score.confidence >= threshold)


def _rate(metric: Metric, scores: Sequence[Score], seed: int) -> Interval:
    clusters = [score.cluster for score in scores]
    return bootstrap_rate(
        clusters, list(map(metric.amount, scores)), list(map(metric.size, scores)), seed=seed
    )


def _compare(
    way: Way,
    scores: Sequence[Score],
    other: Way,
    others: Sequence[Score],
    metrics: Sequence[Metric],
    seed: int,
) -> PairSummary:
    """Both are in the same holes, in the same order."""
    pairs = list(zip(scores, others, strict=True))
    assert all(score.task == rival.task for score, rival in pairs)
    clusters = [score.cluster for score in scores]
    leads, ratios = {}, {}
    for metric in metrics:
        own, theirs = list(map(metric.amount, scores)), list(map(metric.amount, others))
        differences = np.subtract(own, theirs, dtype=float)
        leads[metric.name] = bootstrap_rate(clusters, differences, list(map(metric.size, scores)), seed=seed)
        ratios[metric.name] = bootstrap_ratio(clusters, own, theirs, seed=seed)
    return PairSummary(
        way,
        other,
        gained=sum(score.is_exact and not rival.is_exact for score, rival in pairs),
        lost=sum(rival.is_exact and not score.is_exact for score, rival in pairs),
        leads=leads,
        ratios=ratios,
    )
