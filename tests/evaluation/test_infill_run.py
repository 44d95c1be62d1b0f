"""Asking the real model, and going on with a run that was stopped."""

from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Contender, Identity, Known, identify
from byte_lsp.evaluation.infill_ask import (
    ARMS,
    USUAL_ARMS,
    Answer,
    EvalArm,
    Observation,
    Recipe,
    Suggestion,
    is_fitted,
    pose,
)
from byte_lsp.evaluation.infill_run import (
    OBSERVATIONS,
    AnswerJournal,
    Answers,
    open_journal,
    read_journal,
    run_tasks,
)
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import ModelFile

HEAD = b"class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
TAIL = b"\n\n    def pop(self):\n        return self.items.pop()\n"
PUSH = b"        self.items.append(item)"
FILE = ModelFile("small", "small.gguf", 5, 100)
SMALL = Known(Contender("small"), FILE, Identity("small.gguf", "aa", "prefix"))
RECIPE = Recipe(draws=3, seed=7)
BOTH: tuple[EvalArm, ...] = ("plain", "exact")


def task(name: str = "push", **changes: object) -> Task:
    given = {"kind": "line", "prefix": HEAD, "suffix": TAIL, "truth": PUSH} | changes
    return Task("stack", name, "stack.py", "python", **given)  # type: ignore[arg-type]


def observation(of: Task, text: bytes = b"x") -> Observation:
    answer = Answer((Suggestion(text, 0, "max_lines", 0.5, -1.0, -2.0),), 12.5, 3)
    return Observation(of.full_name, of.digest, {"plain": answer, "exact": answer})


def test_all_arms_are_asked_the_same() -> None:
    problems = {arm: pose(task(), arm, RECIPE) for arm in ARMS}
    assert [problem.arm for problem in problems.values()] == 2 * ["plain", "healing", "exact"]
    for arm, problem in problems.items():
        assert (problem.draws, problem.alternatives) == ((3, 3) if is_fitted(arm) else (1, 1))
        assert (problem.prefix, problem.suffix, problem.seed) == (HEAD, TAIL, 7)
        assert (problem.max_lines, problem.temperature, problem.raw) == (1, 0.0, False)
    assert pose(task(kind="span"), "exact", RECIPE).max_lines == 0


def open_answers(folder: Path, known: Known = SMALL, recipe: Recipe = RECIPE) -> AnswerJournal:
    return AnswerJournal(open_journal(folder), known, recipe)


def test_a_journal_gives_back_what_was_added(tmp_path: Path) -> None:
    kept = observation(task(), "é\n".encode() + b"\xff")
    open_answers(tmp_path).add(kept, BOTH)
    again = open_answers(tmp_path)
    assert again.find(task(), BOTH) == kept
    assert again.missing(task(), BOTH) == ()
    assert again.missing(task(suffix=b"other"), BOTH) == BOTH


def test_arms_that_were_not_asked_are_missing(tmp_path: Path) -> None:
    open_answers(tmp_path).add(observation(task()), BOTH)
    assert open_answers(tmp_path).missing(task(), ARMS) == tuple(arm for arm in ARMS if arm not in BOTH)


def test_a_hole_that_no_tokens_spell_is_not_asked_again(tmp_path: Path) -> None:
    open_answers(tmp_path).add(Observation(task().full_name, task().digest, {}), BOTH)
    again = open_answers(tmp_path)
    assert again.missing(task(), BOTH) == ()
    assert again.find(task(), BOTH).answers == {}


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(replace(SMALL, identity=replace(SMALL.identity, sha256="bb")), id="another file"),
        pytest.param(replace(SMALL, identity=replace(SMALL.identity, asked="spm")), id="asked otherwise"),
    ],
)
def test_answers_of_another_model_are_kept_apart(tmp_path: Path, known: Known) -> None:
    open_answers(tmp_path).add(observation(task(), b"one"), BOTH)
    other = open_answers(tmp_path, known)
    assert other.missing(task(), BOTH) == BOTH
    other.add(observation(task(), b"two"), BOTH)
    assert open_answers(tmp_path).find(task(), BOTH) == observation(task(), b"one")
    assert open_answers(tmp_path, known).find(task(), BOTH) == observation(task(), b"two")


def test_a_file_under_another_name_is_the_same_model(tmp_path: Path) -> None:
    open_answers(tmp_path).add(observation(task()), BOTH)
    renamed = replace(SMALL, contender=Contender("/elsewhere/copy.gguf"))
    assert open_answers(tmp_path, renamed).missing(task(), BOTH) == ()


def test_draws_matter_where_there_are_draws(tmp_path: Path) -> None:
    answer = observation(task()).answers["exact"]
    fitted = Observation(task().full_name, task().digest, {"exact": answer, "exact+fit": answer})
    open_answers(tmp_path).add(fitted, ("exact", "exact+fit"))
    more = open_answers(tmp_path, recipe=replace(RECIPE, draws=4))
    assert more.missing(task(), ("exact", "exact+fit")) == ("exact+fit",)


def test_a_journal_of_an_older_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / OBSERVATIONS).write_bytes(b'{"format": 1, "model": "small"}\n')
    with pytest.raises(EvaluationError, match="cannot be gone on with"):
        open_journal(tmp_path)


def test_no_task_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no hole"):
        run_tasks([], [], RECIPE, None, print)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    pop = HEAD + PUSH + TAIL[: TAIL.index(b"        return")]
    return [task(), task("pop", prefix=pop, suffix=b"\n", truth=b"        return self.items.pop()")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def base(smollm2_path: Path) -> Known:
    return identify(Contender(str(smollm2_path)))


@pytest.fixture(scope="module")
def run(base: Known, tasks: list[Task], folder: Path) -> Answers:
    (answers,) = run_tasks([(base, USUAL_ARMS)], tasks, Recipe(draws=2), folder, lambda _: None)
    return answers


def test_exact_fills_in_a_line_that_plain_cannot_begin(run: Answers) -> None:
    """The prefix ends in a line end, which this vocabulary merges with the indentation after it."""
    answers = run.observations[0].answers
    assert tuple(answers) == USUAL_ARMS
    assert answers["exact"].suggestions[0].text == PUSH
    assert answers["plain"].suggestions[0].text != PUSH
    assert PUSH in [each.text for each in answers["exact+fit"].suggestions]
    assert all(answer.elapsed_ms > 0 and answer.tokens_evaluated > 0 for answer in answers.values())


def test_a_second_run_asks_only_what_is_new(
    run: Answers, tasks: list[Task], folder: Path, base: Known
) -> None:
    behind: list[int] = []
    lines = (folder / OBSERVATIONS).read_bytes().splitlines()
    assert len(lines) == len(USUAL_ARMS) * len(tasks)
    more = [task("new", prefix=HEAD + PUSH[:16], truth=PUSH[16:]), *tasks]
    (again,) = run_tasks([(base, ("exact",))], more, Recipe(draws=2), folder, behind.append)
    assert behind == [2, 3]
    assert [each.answers["exact"] for each in again.observations[1:]] == [
        each.answers["exact"] for each in run.observations
    ]
    assert (folder / OBSERVATIONS).read_bytes().splitlines()[: len(lines)] == lines
    assert len(read_journal(folder / OBSERVATIONS)) == len(lines) + 1
    assert again.file == run.file


def test_one_file_asked_in_two_ways_is_two_models(
    run: Answers, tasks: list[Task], folder: Path, base: Known
) -> None:
    """Untrained sentinels change what it says; the journal has the plain way's answers already."""
    filling = identify(Contender("smollm2-135m", infill="smollm2-fim"))
    asked = [(base, ("exact",)), (filling, BOTH)]
    first, second = run_tasks(asked, tasks[:1], Recipe(draws=2), folder, lambda _: None)
    assert first.observations[0].answers["exact"] == run.observations[0].answers["exact"]
    assert first.model != second.model
    heard, alone = (each.observations[0].answers["exact"].suggestions[0] for each in (second, first))
    assert (heard.text, heard.logprob) != (alone.text, alone.logprob)


def test_processes_give_the_same_texts(run: Answers, tasks: list[Task], base: Known) -> None:
    (shared,) = run_tasks([(base, ("exact",))], tasks, Recipe(draws=2), None, lambda _: None, jobs=2)
    for one, other in zip(run.observations, shared.observations, strict=True):
        assert one.task == other.task
        assert one.answers["exact"].suggestions[0].text == other.answers["exact"].suggestions[0].text
