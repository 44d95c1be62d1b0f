"""``byte-lsp bench typing`` as a process, and its figures on made-up requests."""

import json
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.typing_bench import Written
from byte_lsp.evaluation.typing_counts import Counts
from byte_lsp.evaluation.typing_files import read_files
from byte_lsp.evaluation.typing_raw import RawPair
from byte_lsp.evaluation.typing_replay import Asked, Replay
from byte_lsp.evaluation.typing_summary import check_promises, summarize
from tests.cli_process import error_line, run_cli
from tests.evaluation.typing_texts import PYTHON


def written(arm: str, file: str, *asked: Asked) -> Written:
    counts = sum((each.counts for each in asked), Counts())
    return Written(arm, file, "python", Replay(4, 40, len(asked), 0, 10, asked, counts), 2.0)


def asked(key: int, waited_ms: float | None, *, along: bool = False, **counts: int) -> Asked:
    return Asked(key, "key", along, waited_ms, 5 if along else 0, Counts(requests=1, **counts))


FULL = (
    asked(0, 900.0, asked=1, prompt_tokens_evaluated=300, tokens_evaluated=310),
    asked(1, 2.0, along=True, from_memory=1),
    asked(2, 100.0, asked=1, prompt_tokens_evaluated=4, tokens_evaluated=14),
    asked(3, None),
)
ANEW = (
    asked(0, 900.0, asked=1, prompt_tokens_evaluated=300, tokens_evaluated=310),
    asked(1, 1000.0, asked=1, prompt_tokens_evaluated=301, tokens_evaluated=311),
    asked(2, 1020.0, asked=1, prompt_tokens_evaluated=302, tokens_evaluated=312),
)


def test_figures_add_up() -> None:
    raw = [RawPair("a.py", 110.0, 100.0, 10, 2, 4), RawPair("b.py", 120.0, 100.0, 10, 2, 4)]
    runs = [
        *(written("full", file, *FULL) for file in ("a.py", "b.py")),
        *(written("no-reuse", file, *ANEW) for file in ("a.py", "b.py")),
    ]
    summary = summarize(runs, raw, 0)
    full, anew = summary.figures
    assert (full.requests, full.overtaken, full.keystrokes) == (8, 2, 8)
    assert full.all_requests is not None
    assert (full.all_requests.requests, full.all_requests.p50_ms) == (6, 100.0)
    assert full.asked_model is not None
    assert full.asked_model.requests == 4
    assert full.without_model.ratio == pytest.approx(2 / 8)
    assert (full.along.part, full.along.whole, full.otherwise.part, full.otherwise.whole) == (2, 2, 0, 6)
    assert full.prompt_tokens == pytest.approx(304 / 4)
    assert full.warm_prompt_tokens == pytest.approx(4 / 3)
    assert full.tokens == pytest.approx(324 / 4)
    assert full.unwritten.ratio == pytest.approx(0.25)
    assert full.cpu_s_per_1000 == pytest.approx(500.0)
    assert anew.without_model.part == 0
    (faster,) = summary.faster
    assert (faster.requests, faster.other_requests) == (4, 4), "the first is cold, the last had no answer"
    assert faster.total.estimate == pytest.approx(1010 / 51)
    assert faster.asked is not None
    assert faster.asked.estimate == pytest.approx(1010 / 100)
    assert summary.beside_raw is not None
    assert summary.beside_raw.ratio.estimate == pytest.approx(1.15)
    assert summary.beside_raw.total.estimate == pytest.approx(1.15)
    assert [each.kept for each in check_promises(summary)] == [False, True, True, True]


def test_what_was_not_measured_is_no_promise_kept() -> None:
    promises = check_promises(summarize([written("accept", "a.py", *FULL)], [], 0))
    assert [each.kept for each in promises] == [None] * 4
    overtaken = check_promises(summarize([written("full", "a.py", asked(0, None), asked(1, None))], [], 0))
    assert [each.kept for each in overtaken] == [False, None, None, None], "nothing was answered"


def test_files_are_found_on_every_machine() -> None:
    files = read_files(())
    assert 3 <= len(files) <= 5
    assert len({file.language for file in files}) == len(files)


def test_files_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# gr\xfc\xdfe\n" * 99)
    (tmp_path / "short.py").write_text("x = 1\n")
    for name, reason in (
        ("latin.py", "not UTF-8"),
        ("short.py", "less than 80"),
        ("none.py", "cannot be read"),
    ):
        with pytest.raises(EvaluationError, match=f"{name}.*{reason}"):
            read_files([tmp_path / name])


def test_what_cannot_be_measured_is_one_line(tmp_path: Path) -> None:
    process = run_cli("bench", "typing", str(tmp_path / "none.py"))
    assert (process.returncode, process.stdout) == (1, b"")
    assert "none.py cannot be read" in error_line(process)


@pytest.mark.timeout(600)
def test_a_small_run_prints_tables_and_leaves_json_and_a_plot(smollm2_path: Path, tmp_path: Path) -> None:
    file = tmp_path / "stack.py"
    file.write_text(PYTHON, encoding="utf-8")
    options = ("--keystrokes", "14", "--arms", "full", "no-memory", "no-reuse", "--stride", "6", "--raw", "1")
    process = run_cli(
        "bench",
        "typing",
        str(file),
        "--model",
        str(smollm2_path),
        *options,
        "--out",
        str(tmp_path),
        timeout=500,
    )
    assert process.returncode == 0, process.stderr
    shown = process.stdout.decode()
    for words in (
        "Time to a suggestion",
        "Work per keystroke",
        "typing along",
        "no-reuse / full",
        "Promised",
    ):
        assert words in shown
    found = json.loads((tmp_path / "typing.json").read_text(encoding="utf-8"))["results"]
    full, no_memory, no_reuse = found["summary"]["figures"]
    assert full["without_model"]["part"] > 0
    assert no_memory["without_model"]["part"] == no_reuse["without_model"]["part"] == 0
    assert no_reuse["warm_prompt_tokens"] > 5 * no_memory["warm_prompt_tokens"]
    assert no_reuse["requests"] < no_memory["requests"] == full["requests"]
    assert (tmp_path / "typing.png").is_file()
