"""What every arm puts into a hole.

All arms are asked with the same settings, one after another, behind an untimed question that brings the
prefix into the model's cache: their times are those of somebody who is typing. ``fit`` is exact with several
draws, those first that the suffix fits best (``infill.suffix_fit``).
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.windows import token_boundaries
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import Candidate, InfillProblem

EvalArm = Literal["plain", "healing", "exact", "fit"]

ARMS: tuple[EvalArm, ...] = get_args(EvalArm)
LINE_BYTES = 256
MOST_BYTES = 512


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the answers. ``draws`` are the candidates that ``fit`` makes."""

    arms: tuple[EvalArm, ...] = ARMS
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What one arm suggested, the best first, and what that took with the prefix in the cache."""

    suggestions: tuple[Suggestion, ...]
    elapsed_ms: float
    tokens_evaluated: int


@dataclass(frozen=True, slots=True)
class Observation:
    """All arms' answers in one hole; none where the vocabulary has no tokens for the text.

    ``prefill_ms`` and ``prefill_tokens`` are what the prefix took that was not in the cache.
    """

    task: str
    digest: str
    prefill_ms: float
    prefill_tokens: int
    answers: dict[EvalArm, Answer]


def observe(model: LocalModel, tasks: Iterable[Task], recipe: Recipe) -> Iterator[Observation]:
    """Ask every arm in every hole."""
    infiller = model.infiller()
    for task in tasks:
        yield _observe_one(model, infiller, task, recipe)


def pose(task: Task, arm: EvalArm, recipe: Recipe) -> InfillProblem:
    """The problem that an arm is asked: greedy; only ``fit`` makes more than one candidate."""
    is_line = task.kind == "line"
    draws = recipe.draws if arm == "fit" else 1
    return InfillProblem(
        task.prefix,
        task.suffix,
        language=task.language,
        alternatives=draws,
        max_bytes=LINE_BYTES if is_line else MOST_BYTES,
        max_lines=1 if is_line else 0,
        seed=recipe.seed,
        arm="exact" if arm == "fit" else arm,
        suffix_goes_on=task.suffix_goes_on,
        draws=draws,
        suffix_fit=arm == "fit",
        with_logprobs=True,
    )


def _observe_one(model: LocalModel, infiller: Infiller, task: Task, recipe: Recipe) -> Observation:
    if token_boundaries(model.tokenizer, task.prefix + task.truth + task.suffix) is None:
        return Observation(task.full_name, task.digest, 0.0, 0, {})
    warming = InfillProblem(task.prefix, task.suffix, max_bytes=1, raw=True)
    prefill = _ask(model, infiller, warming)
    answers = {arm: _ask(model, infiller, pose(task, arm, recipe)) for arm in recipe.arms}
    return Observation(task.full_name, task.digest, prefill.elapsed_ms, prefill.tokens_evaluated, answers)


def _ask(model: LocalModel, infiller: Infiller, problem: InfillProblem) -> Answer:
    before, started = model.engine.tokens_evaluated, time.perf_counter()
    found = infiller.infill(problem)
    elapsed_ms = (time.perf_counter() - started) * 1e3
    suggestions = tuple(map(_suggestion, found.candidates))
    return Answer(suggestions, elapsed_ms, model.engine.tokens_evaluated - before)


def _suggestion(candidate: Candidate) -> Suggestion:
    return Suggestion(
        candidate.text,
        candidate.replaced_bytes,
        candidate.stop_reason,
        candidate.confidence,
        candidate.logprob,
        candidate.suffix_logprob,
    )
