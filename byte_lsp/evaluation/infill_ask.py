"""What every arm of a model puts into a hole.

All arms are asked with the same settings, one after another, behind an untimed question that brings the
prompt into the model's cache: their times are those of somebody who is typing. ``plain``, ``healing`` and
``exact`` are ways of turning the byte prefix into tokens, behind the same prompt. With ``+fit`` several texts
are drawn in that way, and those come first that the suffix fits best (``infill_fit``); what a model that sees
the suffix wrote is ranked behind a second prompt, and the time to read that counts.
"""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from byte_lsp.evaluation.infill_fit import rank_by_suffix
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.windows import token_boundaries
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem

EvalArm = Literal["plain", "healing", "exact", "plain+fit", "healing+fit", "exact+fit"]

ARMS: tuple[EvalArm, ...] = get_args(EvalArm)
USUAL_ARMS: tuple[EvalArm, ...] = ("plain", "healing", "exact", "exact+fit")
ALIASES: Mapping[str, EvalArm] = {"fit": "exact+fit"}
"""What a person may write for an arm, beside its name."""

LINE_BYTES = 256
MOST_BYTES = 512

_COVERS: Mapping[EvalArm, Arm] = {
    "plain": "plain",
    "healing": "healing",
    "exact": "exact",
    "plain+fit": "plain",
    "healing+fit": "healing",
    "exact+fit": "exact",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the answers. ``draws`` are the candidates that arms with ``+fit`` make."""

    draws: int = 6
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A candidate as it was suggested; see ``infill.problem.Candidate``."""

    text: bytes
    replaced_bytes: int
    stop_reason: str
    confidence: float | None
    logprob: float | None = None
    suffix_logprob: float | None = None
    onward_logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm suggested, the best first, and what that took with the prompt in the cache."""

    suggestions: tuple[Suggestion, ...]
    elapsed_ms: float
    tokens_evaluated: int


@dataclass(frozen=True, slots=True)
class Observation:
    """Some arms' answers in one hole; none where the vocabulary has no tokens for the text."""

    task: str
    digest: str
    answers: dict[EvalArm, Answer]


def is_fitted(arm: EvalArm) -> bool:
    """Whether the suffix chooses among several candidates."""
    return arm.endswith("+fit")


def observe(
    model: LocalModel, asked: Iterable[tuple[Task, Collection[EvalArm]]], recipe: Recipe
) -> Iterator[Observation]:
    """Ask some arms in every hole."""
    infiller = model.infiller()
    for task, arms in asked:
        yield _observe_one(model, infiller, task, arms, recipe)


def pose(task: Task, arm: EvalArm, recipe: Recipe) -> InfillProblem:
    """The problem that an arm is asked: greedy; only arms with ``+fit`` make more than one candidate."""
    is_line = task.kind == "line"
    draws = recipe.draws if is_fitted(arm) else 1
    return InfillProblem(
        task.prefix,
        task.suffix,
        language=task.language,
        alternatives=draws,
        max_bytes=LINE_BYTES if is_line else MOST_BYTES,
        max_lines=1 if is_line else 0,
        seed=recipe.seed,
        arm=_COVERS[arm],
        suffix_goes_on=task.suffix_goes_on,
        file_is_whole=True,
        draws=draws,
        suffix_fit=is_fitted(arm),
        with_logprobs=True,
    )


def _observe_one(
    model: LocalModel, infiller: Infiller, task: Task, arms: Collection[EvalArm], recipe: Recipe
) -> Observation:
    if token_boundaries(model.tokenizer, task.prefix + task.truth + task.suffix) is None:
        return Observation(task.full_name, task.digest, {})
    infiller.infill(replace(pose(task, "exact", recipe), max_bytes=1, raw=True))
    answers = {arm: _ask(model, infiller, pose(task, arm, recipe), arm) for arm in ARMS if arm in arms}
    return Observation(task.full_name, task.digest, answers)


def _ask(model: LocalModel, infiller: Infiller, problem: InfillProblem, arm: EvalArm) -> Answer:
    before, started = model.engine.tokens_evaluated, time.perf_counter()
    candidates = infiller.infill(problem).candidates
    if is_fitted(arm) and not infiller.is_judged(problem):
        candidates = rank_by_suffix(model, problem, candidates)
    elapsed_ms = (time.perf_counter() - started) * 1e3
    suggestions = tuple(map(_suggestion, candidates))
    return Answer(suggestions, elapsed_ms, model.engine.tokens_evaluated - before)


def _suggestion(candidate: Candidate) -> Suggestion:
    return Suggestion(
        candidate.text,
        candidate.replaced_bytes,
        candidate.stop_reason,
        candidate.confidence,
        candidate.logprob,
        candidate.suffix_logprob,
        candidate.onward_logprob,
    )
