"""What all holes together say of the arms, and of one arm beside another at the same holes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_rate
from byte_lsp.evaluation.infill_ask import ARMS, EvalArm
from byte_lsp.evaluation.infill_run import Run
from byte_lsp.evaluation.infill_scores import Score, run_tests, score_all
from byte_lsp.evaluation.infill_tasks import Kind, Task
from byte_lsp.evaluation.progress import Track

PAIRS: tuple[tuple[EvalArm, EvalArm], ...] = (("exact", "plain"), ("exact", "healing"), ("fit", "exact"))


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
class ArmSummary:
    """One arm. ``rates`` are by metric, those that there are; ``right`` is how many matched exactly.

    ``abstained`` is the share of holes with nothing to show: no text, or a confidence under the threshold;
    ``shown_first_line`` the share of first lines right among the others, None if there are none.
    ``any_exact`` is the share of holes where one of all candidates was right: no ranking of them does better.
    """

    arm: EvalArm
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
    """``arm`` less ``other`` by metric, paired. ``gained`` and ``lost`` are holes that one alone matched."""

    arm: EvalArm
    other: EvalArm
    gained: int
    lost: int
    leads: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """The holes of one dataset. ``clusters`` are the problems or files that intervals are drawn from.

    ``left_out`` holes are those whose text the vocabulary cannot spell.
    """

    dataset: str
    kind: Kind
    holes: int
    clusters: int
    left_out: int
    metrics: tuple[str, ...]
    arms: list[ArmSummary]
    pairs: list[PairSummary]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that ``byte-lsp eval infill`` finds."""

    datasets: list[DatasetSummary]
    scores: list[Score]


def judge_run(
    run: Run, tasks: Sequence[Task], threshold: float, seed: int, track: Track, *, tests: bool
) -> Found:
    """Score all answers, run their tests if asked to, and sum up.

    Errors: ``EvaluationError`` if the vocabulary can spell none of the holes, or programs cannot be limited.
    """
    by_name = {task.full_name: task for task in tasks}
    scores = score_all(by_name, run.observations)
    if not scores:
        raise EvaluationError(
            "the model's vocabulary can spell none of the texts; give other files, or another --model"
        )
    if tests:
        scores = run_tests(scores, by_name, run.observations, track)
    left_out = Counter(by_name[each.task].dataset for each in run.observations if not each.answers)
    return Found(summarize(scores, left_out, threshold, seed), scores)


def summarize(
    scores: Sequence[Score], left_out: Mapping[str, int], threshold: float, seed: int
) -> list[DatasetSummary]:
    """Every dataset in the order of the scores, with intervals by cluster.

    ``left_out`` counts holes by dataset. What is less confident than ``threshold`` counts as not shown.
    """
    datasets = dict.fromkeys(score.dataset for score in scores)
    return [
        _summarize_dataset(
            [score for score in scores if score.dataset == dataset], left_out.get(dataset, 0), threshold, seed
        )
        for dataset in datasets
    ]


def _summarize_dataset(scores: Sequence[Score], left_out: int, threshold: float, seed: int) -> DatasetSummary:
    by_arm = {arm: found for arm in ARMS if (found := [score for score in scores if score.arm == arm])}
    some = next(iter(by_arm.values()))
    metrics = [each for each in METRICS if each.name != "pass@1" or some[0].passed is not None]
    return DatasetSummary(
        dataset=some[0].dataset,
        kind=some[0].kind,
        holes=len(some),
        clusters=len({score.cluster for score in some}),
        left_out=left_out,
        metrics=tuple(metric.name for metric in metrics),
        arms=[_summarize_arm(arm, found, metrics, threshold, seed) for arm, found in by_arm.items()],
        pairs=[
            _compare(by_arm[arm], by_arm[other], metrics, seed)
            for arm, other in PAIRS
            if arm in by_arm and other in by_arm
        ],
    )


def _summarize_arm(
    arm: EvalArm, scores: Sequence[Score], metrics: Sequence[Metric], threshold: float, seed: int
) -> ArmSummary:
    clusters = [score.cluster for score in scores]
    shown = [score for score in scores if _is_shown(score, threshold)]

    def share(is_so: Callable[[Score], bool], among: Sequence[Score] = scores) -> Interval:
        where = [score.cluster for score in among]
        return bootstrap_rate(where, [is_so(score) for score in among], np.ones(len(among)), seed=seed)

    times = [score.elapsed_ms for score in scores]
    return ArmSummary(
        arm=arm,
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
    scores: Sequence[Score], others: Sequence[Score], metrics: Sequence[Metric], seed: int
) -> PairSummary:
    """Both are in the same holes, in the same order."""
    pairs = list(zip(scores, others, strict=True))
    assert all(score.task == other.task for score, other in pairs)
    clusters = [score.cluster for score in scores]
    leads = {}
    for metric in metrics:
        differences = [metric.amount(score) - metric.amount(other) for score, other in pairs]
        leads[metric.name] = bootstrap_rate(clusters, differences, list(map(metric.size, scores)), seed=seed)
    return PairSummary(
        scores[0].arm,
        others[0].arm,
        gained=sum(score.is_exact and not other.is_exact for score, other in pairs),
        lost=sum(other.is_exact and not score.is_exact for score, other in pairs),
        leads=leads,
    )
