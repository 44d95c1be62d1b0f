"""Asking the real model, and going on with a run that was stopped."""

import json
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_ask import ARMS, Answer, Observation, Recipe, Suggestion, pose
from byte_lsp.evaluation.infill_run import OBSERVATIONS, Journal, Run, run_tasks
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import ModelFile

HEAD = b"class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
TAIL = b"\n\n    def pop(self):\n        return self.items.pop()\n"
PUSH = b"        self.items.append(item)"
FILE = ModelFile("small", "small.gguf", 5, 100)
RECIPE = Recipe(("plain", "exact"), draws=3, seed=7)


def task(name: str = "push", **changes: object) -> Task:
    given = {"kind": "line", "prefix": HEAD, "suffix": TAIL, "truth": PUSH} | changes
    return Task("stack", name, "stack.py", "python", **given)  # type: ignore[arg-type]


def observation(of: Task, text: bytes = b"x") -> Observation:
    answer = Answer((Suggestion(text, 0, "max_lines", 0.5, -1.0, -2.0),), 12.5, 3)
    return Observation(of.full_name, of.digest, 1.0, 2, {"plain": answer, "exact": answer})


def test_all_arms_are_asked_the_same() -> None:
    plain, healing, exact, fit = (pose(task(), arm, RECIPE) for arm in ARMS)
    assert (plain.arm, healing.arm, exact.arm, fit.arm) == ("plain", "healing", "exact", "exact")
    assert (exact.draws, fit.draws, fit.alternatives) == (1, 3, 3)
    for problem in (plain, healing, exact, fit):
        assert (problem.prefix, problem.suffix, problem.seed) == (HEAD, TAIL, 7)
        assert (problem.max_lines, problem.temperature, problem.raw) == (1, 0.0, False)
    assert pose(task(kind="span"), "exact", RECIPE).max_lines == 0


def test_a_journal_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / OBSERVATIONS
    kept = observation(task(), "é\n".encode() + b"\xff")
    Journal(path, "small", RECIPE).add(FILE, kept)
    again = Journal(path, "small", RECIPE)
    assert again.header is not None
    assert again.header.file == FILE
    assert again.find(task()) == kept
    assert again.find(task(suffix=b"other")) is None


def test_a_line_that_was_not_finished_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / OBSERVATIONS
    journal = Journal(path, "small", RECIPE)
    journal.add(FILE, observation(task("one")))
    journal.add(FILE, observation(task("two")))
    path.write_bytes(path.read_bytes()[:-9])
    torn = Journal(path, "small", RECIPE)
    assert torn.find(task("one")) is not None
    assert torn.find(task("two")) is None
    torn.add(FILE, observation(task("two")))
    assert Journal(path, "small", RECIPE).find(task("two")) is not None


@pytest.mark.parametrize(
    ("model", "recipe", "file"),
    [
        ("large", RECIPE, FILE),
        ("small", Recipe(("plain",), 3, 7), FILE),
        ("small", RECIPE, ModelFile("small", "small.gguf", 6, 100)),
    ],
)
def test_answers_of_another_run_are_not_mixed_in(
    tmp_path: Path, model: str, recipe: Recipe, file: ModelFile
) -> None:
    path = tmp_path / OBSERVATIONS
    Journal(path, "small", RECIPE).add(FILE, observation(task()))
    before = path.read_bytes()
    with pytest.raises(EvaluationError, match="name another --out"):
        Journal(path, model, recipe).add(file, observation(task("two")))
    assert path.read_bytes() == before


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / OBSERVATIONS).write_bytes(b'{"format": 1}\n')
    with pytest.raises(EvaluationError, match="cannot be gone on with"):
        Journal(tmp_path / OBSERVATIONS, "small", RECIPE)


def test_no_task_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no hole"):
        run_tasks("small", [], RECIPE, None, print)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    pop = HEAD + PUSH + TAIL[: TAIL.index(b"        return")]
    return [task(), task("pop", prefix=pop, suffix=b"\n", truth=b"        return self.items.pop()")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def run(smollm2_path: Path, tasks: list[Task], folder: Path) -> Run:
    return run_tasks(str(smollm2_path), tasks, Recipe(draws=2), folder, lambda _: None)


def test_exact_fills_in_a_line_that_plain_cannot_begin(run: Run, tasks: list[Task]) -> None:
    """The prefix ends in a line end, which this vocabulary merges with the indentation after it."""
    answers = run.observations[0].answers
    assert tuple(answers) == ARMS
    assert answers["exact"].suggestions[0].text == PUSH
    assert answers["plain"].suggestions[0].text != PUSH
    assert PUSH in [each.text for each in answers["fit"].suggestions]
    assert all(answer.elapsed_ms > 0 and answer.tokens_evaluated > 0 for answer in answers.values())


def test_a_second_run_asks_only_what_is_new(
    run: Run, tasks: list[Task], folder: Path, smollm2_path: Path
) -> None:
    behind: list[int] = []
    lines = (folder / OBSERVATIONS).read_bytes().splitlines()
    assert len(lines) == 1 + len(tasks)
    more = [task("new", prefix=HEAD + PUSH[:16], truth=PUSH[16:]), *tasks]
    again = run_tasks(str(smollm2_path), more, Recipe(draws=2), folder, behind.append)
    assert behind == [2, 3]
    assert again.observations[1:] == run.observations
    assert (folder / OBSERVATIONS).read_bytes().splitlines()[: len(lines)] == lines
    assert json.loads(lines[0])["file"]["vocabulary_size"] == again.file.vocabulary_size


def test_processes_give_the_same_texts(run: Run, tasks: list[Task], smollm2_path: Path) -> None:
    shared = run_tasks(str(smollm2_path), tasks, Recipe(draws=2), None, lambda _: None, jobs=2)
    for one, other in zip(run.observations, shared.observations, strict=True):
        assert one.task == other.task
        assert one.answers["exact"].suggestions[0].text == other.answers["exact"].suggestions[0].text
