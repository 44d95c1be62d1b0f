"""How good what was put into holes is, a model, an arm and a hole at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import takewhile

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.infill_ask import Answer, EvalArm, Suggestion
from byte_lsp.evaluation.infill_run import Answers
from byte_lsp.evaluation.infill_tasks import Kind, Task
from byte_lsp.evaluation.progress import Track
from byte_lsp.evaluation.sandbox import Program, Verdict, judge_all

_NOTHING = Suggestion(b"", 0, "", None)


@dataclass(frozen=True, slots=True)
class Score:
    """The first suggestion of one model in one arm and one hole, judged.

    ``middle`` is what the hole then holds. ``is_exact``: it is what was there (in a line, but for blanks at
    its end); ``is_first_line``: as far as the first line that is not blank; ``is_any_exact``: one of all the
    candidates is. ``similarity`` is 1 less the edit distance as a share of the longer text's characters.
    ``saved_characters`` are those that suggestion and truth begin with alike: nobody has to type them.
    ``is_empty``: nothing was suggested. ``passed`` is None where there are no tests, ``failure`` why they
    failed.
    """

    task: str
    dataset: str
    cluster: str
    kind: Kind
    model: str
    arm: EvalArm
    middle: bytes
    is_exact: bool
    is_first_line: bool
    is_any_exact: bool
    similarity: float
    saved_characters: int
    truth_characters: int
    is_empty: bool
    confidence: float | None
    candidates: int
    stop_reason: str
    elapsed_ms: float
    tokens_evaluated: int
    passed: bool | None = None
    failure: str = ""


def require_rapidfuzz() -> None:
    """Errors: ``EvaluationError`` where edit distances cannot be computed."""
    if find_spec("rapidfuzz") is None:
        raise EvaluationError("edit similarity needs rapidfuzz; run: pip install 'byte-lsp[eval]'")


def score_all(tasks: Mapping[str, Task], answers: Iterable[Answers]) -> list[Score]:
    """All answers judged by their text; ``tasks`` are those observed, by their full names."""
    return [
        _score(tasks[observation.task], each.model, arm, answer)
        for each in answers
        for observation in each.observations
        for arm, answer in observation.answers.items()
    ]


def run_tests(
    scores: Sequence[Score], tasks: Mapping[str, Task], answers: Iterable[Answers], track: Track
) -> list[Score]:
    """The scores, with the verdicts of the tests where there are tests.

    Errors: ``EvaluationError`` where programs cannot be limited.
    """
    firsts = {
        (each.model, observation.task, arm): _first(answer)
        for each in answers
        for observation in each.observations
        for arm, answer in observation.answers.items()
    }
    programs = {
        place: assemble(tasks[score.task], firsts[place])
        for score in scores
        for place in [_place(score)]
        if tasks[score.task].tests is not None
    }
    if not programs:
        return list(scores)
    different = list(dict.fromkeys(programs.values()))
    verdicts = dict(zip(different, judge_all(different, track("tests", len(different))), strict=True))
    found = {place: verdicts[program] for place, program in programs.items()}
    return [_with_verdict(score, found.get(_place(score))) for score in scores]


def assemble(task: Task, suggestion: Suggestion) -> Program:
    """The program with the hole filled in, and its tests."""
    assert task.tests is not None
    filled = task.prefix + suggestion.text + task.suffix[suggestion.replaced_bytes :]
    code = f"{filled.decode('utf-8', 'surrogateescape')}\n{task.tests.code}\n"
    return Program(code, task.tests.entry_point)


def middle_of(suggestion: Suggestion, suffix: bytes) -> bytes:
    """What a suggestion puts before the suffix: what it replaces stands at its end again."""
    return suggestion.text.removesuffix(suffix[: suggestion.replaced_bytes])


def _place(score: Score) -> tuple[str, str, EvalArm]:
    return score.model, score.task, score.arm


def _score(task: Task, model: str, arm: EvalArm, answer: Answer) -> Score:
    first = _first(answer)
    middle = middle_of(first, task.suffix)
    text, truth = middle.decode("utf-8", "replace"), task.truth.decode("utf-8", "replace")
    return Score(
        task=task.full_name,
        dataset=task.dataset,
        cluster=task.cluster,
        kind=task.kind,
        model=model,
        arm=arm,
        middle=middle,
        is_exact=_is_exact(task, first),
        is_first_line=_first_line(middle) == _first_line(task.truth),
        is_any_exact=any(_is_exact(task, each) for each in answer.suggestions),
        similarity=_compare(text, truth),
        saved_characters=_count_alike(text, truth),
        truth_characters=len(truth),
        is_empty=not first.text.strip(),
        confidence=first.confidence,
        candidates=len(answer.suggestions),
        stop_reason=first.stop_reason,
        elapsed_ms=answer.elapsed_ms,
        tokens_evaluated=answer.tokens_evaluated,
    )


def _with_verdict(score: Score, verdict: Verdict | None) -> Score:
    return score if verdict is None else replace(score, passed=verdict.passed, failure=verdict.reason)


def _first(answer: Answer) -> Suggestion:
    return answer.suggestions[0] if answer.suggestions else _NOTHING


def _is_exact(task: Task, suggestion: Suggestion) -> bool:
    middle = middle_of(suggestion, task.suffix)
    return middle.rstrip() == task.truth.rstrip() if task.kind == "line" else middle == task.truth


def _compare(text: str, truth: str) -> float:
    from rapidfuzz.distance import Levenshtein  # noqa: PLC0415 - an optional extra

    return float(Levenshtein.normalized_similarity(text, truth))


def _count_alike(text: str, truth: str) -> int:
    """How many characters both begin with."""
    pairs = zip(text, truth, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _first_line(text: bytes) -> bytes:
    """``text`` up to the end of its first line that is not blank, without blanks at the end."""
    blank = len(text) - len(text.lstrip())
    end = text.find(b"\n", blank)
    return text[: end if end >= 0 else None].rstrip()
