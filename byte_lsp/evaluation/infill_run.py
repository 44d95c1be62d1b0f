"""All holes, all models, all arms: what was answered is kept in a file, and a later run goes on from there.

The file is ``infill-observations.jsonl``: a line for every model, arm and hole, with the hash of the model's
file and what else decides the answer. A run that asks for more arms, models or holes asks only for those.
"""

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Contender, Identity, Known
from byte_lsp.evaluation.infill_ask import Answer, EvalArm, Observation, Recipe, is_fitted, observe
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.jobs import ask_all
from byte_lsp.evaluation.journal import Journal, read_records
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.progress import OnDone

OBSERVATIONS = "infill-observations.jsonl"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in a comparison, and the arms that it is asked in."""

    contender: Contender
    arms: tuple[EvalArm, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One arm's answer in one hole; None where the vocabulary has no tokens for the text.

    ``model`` is what the model was called, ``recipe`` as far as it matters to the arm.
    """

    model: str
    identity: Identity
    recipe: Recipe
    arm: EvalArm
    task: str
    digest: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Answers:
    """One model's answers, a hole each, in the tasks' order."""

    file: ModelFile
    observations: list[Observation]

    @property
    def model(self) -> str:
        """What the model is called."""
        return self.file.name


class AnswerJournal:
    """The answers so far of one model file, asked in one way."""

    def __init__(self, journal: Journal[Record], known: Known, recipe: Recipe) -> None:
        self._journal, self._known, self._recipe = journal, known, recipe

    def missing(self, task: Task, arms: Collection[EvalArm]) -> tuple[EvalArm, ...]:
        """The arms that were not asked in a task's hole."""
        return tuple(arm for arm in arms if self._find(task, arm) is None)

    def find(self, task: Task, arms: Collection[EvalArm]) -> Observation:
        """What the arms answered in a task's hole; there are no answers where no tokens spell the text."""
        found = {arm: record.answer for arm in arms if (record := self._find(task, arm))}
        answers = {arm: answer for arm, answer in found.items() if answer is not None}
        return Observation(task.full_name, task.digest, answers)

    def add(self, observation: Observation, arms: Collection[EvalArm]) -> None:
        """Keep what the arms answered."""
        for arm in arms:
            answer = observation.answers.get(arm)
            self._journal.add(self._record(observation.task, observation.digest, arm, answer))

    def _find(self, task: Task, arm: EvalArm) -> Record | None:
        return self._journal.find(_key(self._record(task.full_name, task.digest, arm, None)))

    def _record(self, task: str, digest: str, arm: EvalArm, answer: Answer | None) -> Record:
        recipe = self._recipe if is_fitted(arm) else Recipe(draws=1, seed=self._recipe.seed)
        return Record(self._known.label, self._known.identity, recipe, arm, task, digest, answer)


def open_journal(folder: Path | None) -> Journal[Record]:
    """The journal in a folder, or one in memory. Errors: ``EvaluationError`` if it cannot be read."""
    return Journal(None if folder is None else folder / OBSERVATIONS, Record, _key)


def read_journal(path: Path) -> list[Record]:
    """All answers in a journal, whatever was asked. Errors: ``EvaluationError`` if it cannot be read."""
    return list(read_records(path, Record))


def run_tasks(
    asked: Sequence[tuple[Known, Sequence[EvalArm]]],
    tasks: Sequence[Task],
    recipe: Recipe,
    folder: Path | None,
    on_done: OnDone,
    *,
    jobs: int = 1,
) -> list[Answers]:
    """Ask what the journal in ``folder`` does not have; ``on_done`` is told how many holes are behind.

    Models are asked one after another, each in its arms in every hole. Errors: ``EvaluationError`` if there
    is no task or the journal cannot be read, and those of ``open_contender``.
    """
    if not tasks:
        raise EvaluationError("there is no hole to fill in; give more files or ask for more")
    journal = open_journal(folder)
    ask = partial(observe, recipe=recipe)
    answered = []
    done = 0
    for known, arms_wanted in asked:
        own = AnswerJournal(journal, known, recipe)
        left = [(task, arms) for task in tasks if (arms := own.missing(task, arms_wanted))]
        arms_left = {(task.full_name, task.digest): arms for task, arms in left}
        done += len(tasks) - len(left)
        on_done(done)
        for observation in ask_all(known.contender, _share_out(left), ask, jobs):
            own.add(observation, arms_left[observation.task, observation.digest])
            done += 1
            on_done(done)
        answered.append(Answers(known.file, [own.find(task, arms_wanted) for task in tasks]))
    return answered


_Asked = tuple[Task, tuple[EvalArm, ...]]


def _share_out(asked: Sequence[_Asked]) -> list[list[_Asked]]:
    """Holes of one cluster stay together, since they share most of their prefix."""
    return [list(share) for _, share in groupby(asked, lambda each: (each[0].dataset, each[0].cluster))]


def _key(record: Record) -> Hashable:
    """Models of one content are one model, whatever they are called and wherever they lie."""
    identity = record.identity
    return identity.sha256, identity.asked, record.recipe, record.arm, record.task, record.digest
