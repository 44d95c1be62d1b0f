"""What is right, what is saved, and how arms are compared, on made-up answers."""

import json
import math
import re
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import infill_report
from byte_lsp.evaluation.infill_ask import Answer, EvalArm, Observation, Suggestion
from byte_lsp.evaluation.infill_page import write_page
from byte_lsp.evaluation.infill_plots import draw_infill
from byte_lsp.evaluation.infill_run import Answers
from byte_lsp.evaluation.infill_scores import Score, assemble, middle_of, score_all
from byte_lsp.evaluation.infill_summary import Found, judge_run, summarize
from byte_lsp.evaluation.infill_tasks import Kind, Suite, Task
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.report import Report, publish

FILE = ModelFile("small", "small.gguf", 5, 100)
TESTS = Suite("double", "def check(candidate):\n    assert candidate(2) == 4\n")


def task(name: str = "HumanEval/1", kind: Kind = "line", truth: bytes = b"    return 2 * n") -> Task:
    return Task("doubles", name, name, "python", kind, b"def double(n):\n", b"\n", truth, tests=TESTS)


def answer(
    *texts: bytes, confidence: float | None = None, replaced_bytes: int = 0, ms: float = 10.0
) -> Answer:
    found = tuple(Suggestion(text, replaced_bytes, "max_lines", confidence) for text in texts)
    return Answer(found, ms, 5)


def observe(of: Task, **answers: Answer) -> Observation:
    return Observation(of.full_name, of.digest, answers)  # type: ignore[arg-type]


def score_one(of: Task, given: Answer) -> Score:
    (score,) = score_all({of.full_name: of}, [Answers(FILE, [observe(of, exact=given)])])
    return score


def track(title: str, total: int) -> "type[int]":
    return int


@pytest.mark.parametrize(
    ("kind", "truth", "text", "is_exact", "is_first_line"),
    [
        ("line", b"    return 1", b"    return 1  ", True, True),
        ("line", b"    return 1", b"return 1", False, False),
        ("line", b"    return 1", b"\n    return 1", False, False),
        ("span", b"a\nb", b"a\nb", True, True),
        ("span", b"a\nb", b"a\nb ", False, True),
        ("span", b"a\nb", b"a\nc", False, True),
        ("span", b"\n  a\nb", b"\n  a\nc", False, True),
        ("span", b"\n  a\nb", b"\n  b\nc", False, False),
        ("block", b"a\nb", b"", False, False),
    ],
)
def test_right_is_what_was_there(
    kind: Kind, truth: bytes, text: bytes, is_exact: bool, is_first_line: bool
) -> None:
    score = score_one(task(kind=kind, truth=truth), answer(text))
    assert (score.is_exact, score.is_first_line) == (is_exact, is_first_line)


def test_saved_characters_are_those_before_the_first_difference() -> None:
    score = score_one(task(truth="é = 10".encode()), answer("é = 20".encode()))
    assert (score.saved_characters, score.truth_characters) == (4, 6)
    assert score.similarity == pytest.approx(1 - 1 / 6)


def test_what_is_replaced_counts_as_suffix() -> None:
    closing = Suggestion(b"a, b)", 1, "bracket", None)
    assert middle_of(closing, b") + 1\n") == b"a, b"
    of = Task("d", "n", "c", "python", "span", b"f(", b")\n", b"a, b", tests=TESTS)
    score = score_one(of, answer(b"a, b)", replaced_bytes=1))
    assert score.is_exact
    assert assemble(of, closing).code.startswith("f(a, b)\n\ndef check")


def test_nothing_is_empty_and_wrong() -> None:
    score = score_one(task(), answer())
    assert (score.is_empty, score.is_exact, score.similarity, score.middle) == (True, False, 0.0, b"")


def test_the_second_candidate_counts_for_any_only() -> None:
    score = score_one(task(), answer(b"    return n", b"    return 2 * n"))
    assert (score.is_exact, score.is_any_exact, score.candidates) == (False, True, 2)


@pytest.fixture
def tasks() -> list[Task]:
    """Four problems of two holes each."""
    return [task(f"HumanEval/{number}/L{line}") for number in range(4) for line in range(2)]


def judge(tasks: list[Task], *, tests: bool = False, threshold: float = 0.0) -> Found:
    """Plain is never right, healing in every second hole, exact in every one; fit says the same otherwise."""
    right, other, wrong = b"    return 2 * n", b"    return n + n", b"    </script><b>return n"
    observations = [
        observe(
            each,
            plain=answer(wrong, ms=5),
            healing=answer(wrong if at % 2 else right, confidence=0.2 if at % 2 else 0.9),
            exact=answer(right),
            **{"exact+fit": answer(other, right, ms=40)},
        )
        for at, each in enumerate(tasks)
    ]
    return judge_run([Answers(FILE, observations)], tasks, {"small": threshold}, 0, track, tests=tests)


def test_programs_are_run_with_what_was_suggested(tasks: list[Task]) -> None:
    found = judge(tasks, tests=True)
    passed = {score.arm: score.passed for score in found.scores if score.task == tasks[1].full_name}
    assert passed == {"plain": False, "healing": False, "exact": True, "exact+fit": True}
    (dataset,) = found.datasets
    assert [arm.rates["pass@1"].estimate for arm in dataset.arms] == [0.0, 0.5, 1.0, 1.0]
    assert next(score for score in found.scores if score.arm == "plain").failure.startswith("SyntaxError")


def test_without_tests_there_is_no_pass_rate(tasks: list[Task]) -> None:
    (dataset,) = judge(tasks).datasets
    assert "pass@1" not in dataset.metrics
    assert all(set(arm.rates) == set(dataset.metrics) for arm in dataset.arms)


def test_arms_are_summed_up_and_compared_in_pairs(tasks: list[Task]) -> None:
    (dataset,) = judge(tasks).datasets
    assert (dataset.holes, dataset.clusters) == (8, 8)
    assert [arm.right for arm in dataset.arms] == [0, 4, 8, 0]
    assert [arm.any_exact.estimate for arm in dataset.arms] == [0.0, 0.5, 1.0, 1.0]
    assert [arm.median_ms.estimate for arm in dataset.arms] == [5, 10, 10, 40]
    leads = {(pair.way.arm, pair.other.arm): pair for pair in dataset.pairs}
    assert dataset.models == ["small"]
    assert leads["exact", "plain"].leads["exact match"].estimate == 1.0
    healing = leads["exact", "healing"]
    assert (healing.gained, healing.lost, healing.leads["exact match"].estimate) == (4, 0, 0.5)
    assert healing.leads["exact match"].excludes_zero
    assert healing.ratios["exact match"].estimate == 2.0
    assert math.isinf(leads["exact", "plain"].ratios["exact match"].estimate)
    assert leads["exact+fit", "exact"].lost == 8
    assert leads["exact+fit", "exact"].leads["exact match"].estimate == -1.0


def test_what_is_less_sure_than_the_threshold_is_not_shown(tasks: list[Task]) -> None:
    (all_shown,) = judge(tasks).datasets
    (dataset,) = judge(tasks, threshold=0.5).datasets
    assert all_shown.arms[1].abstained.estimate == 0
    assert all_shown.arms[1].shown_first_line.estimate == 0.5
    assert dataset.arms[1].abstained.estimate == 0.5
    assert dataset.arms[1].shown_first_line.estimate == 1.0
    assert dataset.arms[2].abstained.estimate == 0, "no confidence is not a low one"


def test_holes_of_one_problem_are_one_cluster() -> None:
    """One hole right and one wrong in every problem: each has a share of one half."""
    scores = [
        score_one(Task("d", f"{number}/{line}", f"{number}", "python", "line", b"", b"", b"x"), answer(text))
        for number in range(6)
        for line, text in enumerate((b"x", b"y"))
    ]
    (dataset,) = summarize(scores, {"d": 3}, {}, seed=0)
    rate = dataset.arms[0].rates["exact match"]
    assert (dataset.holes, dataset.clusters, dataset.left_out) == (12, 6, 3)
    assert (rate.low, rate.estimate, rate.high) == (0.5, 0.5, 0.5)


def test_holes_that_nobody_was_asked_in_are_counted_or_refused(tasks: list[Task]) -> None:
    nobody = observe(tasks[0])
    asked = observe(tasks[1], exact=answer(b"x"))
    (dataset,) = judge_run([Answers(FILE, [nobody, asked])], tasks, {}, 0, track, tests=False).datasets
    assert (dataset.holes, dataset.left_out) == (1, 1)
    with pytest.raises(EvaluationError, match="spell none of the texts"):
        judge_run([Answers(FILE, [nobody])], tasks, {}, 0, track, tests=False)


LARGE = ModelFile("large", "large.gguf", 9, 100)


def judge_two(tasks: list[Task]) -> Found:
    """Small is right in two of every four holes, and fitted in three; large in all but the last two."""
    right, wrong = b"    return 2 * n", b"    return n"
    small = [
        observe(
            each,
            exact=answer(right if at % 4 < 2 else wrong),
            **{"exact+fit": answer(right if at % 4 < 3 else wrong)},
        )
        for at, each in enumerate(tasks)
    ]
    large = [observe(each, exact=answer(right if at < 6 else wrong)) for at, each in enumerate(tasks)]
    return judge_run([Answers(FILE, small), Answers(LARGE, large)], tasks, {}, 0, track, tests=False)


def test_other_models_are_compared_with_the_first(tasks: list[Task]) -> None:
    (dataset,) = judge_two(tasks).datasets
    assert dataset.models == ["small", "large"]
    assert [(arm.way.model, arm.way.arm, arm.right) for arm in dataset.arms] == [
        ("small", "exact", 4),
        ("small", "exact+fit", 6),
        ("large", "exact", 6),
    ]
    fit, alike, over_fit = dataset.pairs
    assert [dataset.name(pair.way) for pair in dataset.pairs] == [
        "small exact+fit",
        "large exact",
        "large exact",
    ]
    assert [dataset.name(pair.other) for pair in dataset.pairs] == ["small exact"] * 2 + ["small exact+fit"]
    assert fit.is_of_one_model
    assert not alike.is_of_one_model
    assert (alike.gained, alike.lost) == (2, 0)
    assert alike.leads["exact match"].estimate == 0.25
    ratio = alike.ratios["exact match"]
    assert ratio.estimate == 1.5
    assert 1.0 <= ratio.low < 1.5 < ratio.high
    assert over_fit.ratios["exact match"].estimate == 1.0
    assert (over_fit.gained, over_fit.lost) == (1, 1)


def test_a_hole_that_one_model_cannot_spell_counts_for_none(tasks: list[Task]) -> None:
    small = [observe(each, exact=answer(b"x")) for each in tasks]
    large = [observe(tasks[0]), *(observe(each, exact=answer(b"x")) for each in tasks[1:])]
    runs = [Answers(FILE, small), Answers(LARGE, large)]
    (dataset,) = judge_run(runs, tasks, {}, 0, track, tests=False).datasets
    assert (dataset.holes, dataset.left_out) == (7, 1)


def test_tables_and_page_of_two_models(
    tasks: list[Task], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = judge_two(tasks)
    by_name = {each.full_name: each for each in tasks}

    def draw(folder: Path) -> list[Path]:
        return [
            *write_page(found.datasets, found.scores, by_name, [FILE, LARGE], folder),
            *draw_infill(found.datasets, folder),
        ]

    tables = infill_report.tabulate(found.datasets)
    publish(Report("infill", [FILE, LARGE], {}, found, tables, draw), tmp_path, as_json=False)
    shown = capsys.readouterr().out
    for words in (
        "paired leads, large beside small",
        "exact / exact+fit",
        "paired leads, small",
        "1.50 [",
        "2 / 0",
    ):
        assert words in shown
    page = (tmp_path / "infill.html").read_text(encoding="utf-8")
    assert 'data-tag="small-exact+fit-wrong"' in page
    assert "small (small.gguf, 100 pieces), large (large.gguf, 100 pieces)" in page
    assert page.count("small-exact-wrong small-exact+fit-wrong large-exact-wrong") == 0, "they agree there"
    assert page.count("small-exact-wrong small-exact+fit-right large-exact-right") == 1


def test_tables_json_and_plot(tasks: list[Task], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = judge(tasks)
    tables = infill_report.tabulate(found.datasets)
    report = Report("infill", [FILE], {}, found, tables, lambda folder: draw_infill(found.datasets, folder))
    publish(report, tmp_path, as_json=False)
    shown = capsys.readouterr().out
    for words in ("8 holes in 8", "50.0 % [", "exact over healing", "+50.0 % [", "4 / 0", "0 / 8", "2.00 ["):
        assert words in shown
    assert (tmp_path / "infill.png").read_bytes().startswith(b"\x89PNG")
    results = json.loads((tmp_path / "infill.json").read_text(encoding="utf-8"))["results"]
    assert len(results["scores"]) == 32
    assert results["datasets"][0]["pairs"][1]["gained"] == 4


@pytest.fixture
def page(tasks: list[Task], tmp_path: Path) -> str:
    found = judge(tasks)
    (path,) = write_page(
        found.datasets, found.scores, {each.full_name: each for each in tasks}, [FILE], tmp_path
    )
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(page: str) -> None:
    assert not re.search(r"https?:|src=|@import|<link|url\(", page)
    assert page.count("<svg") == 4 + 4 + 1, "a panel for every metric, twice, and the times"


def test_the_page_shows_holes_and_escapes_what_models_write(page: str) -> None:
    assert page.count('<article class="hole"') == 8
    assert page.count("</script>") == 1
    assert "&lt;/script&gt;&lt;b&gt;return n" in page
    assert page.count('data-tags="plain-wrong healing-right exact-right exact+fit-wrong"') == 4
    assert '<span class="right">    return 2 * n</span><span class="wrong"></span>' in page


def test_a_page_of_agreement_says_so(tmp_path: Path) -> None:
    of = task()
    arms: dict[EvalArm, Answer] = {"exact": answer(b"x")}
    scores = score_all({of.full_name: of}, [Answers(FILE, [observe(of, **arms)])])
    (path,) = write_page(summarize(scores, {}, {}, 0), scores, {of.full_name: of}, [FILE], tmp_path)
    assert "in every hole all arms are right, or all are wrong" in path.read_text(encoding="utf-8")
