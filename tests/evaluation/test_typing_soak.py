"""A short soak with the real model, and what its verdict hangs on."""

from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.typing_soak import Sample, SoakOptions, SoakResults, judge, run_soak
from byte_lsp.evaluation.typing_watch import Usage
from tests.evaluation.typing_texts import PYTHON

CALM = Usage(processes=2, server_rss_bytes=100, worker_rss_bytes=400, threads=9, handles=30)


def ignore(done: int) -> None:
    """Nobody watches."""


def soaked(*usages: Usage) -> SoakResults:
    samples = [Sample(float(at), at, usage) for at, usage in enumerate(usages)]
    return SoakResults(keystrokes=100, checks=3, samples=samples, exit_code=0)


def broken(found: SoakResults) -> list[str]:
    return [each.name for each in judge(found, SoakOptions("", keystrokes=100)) if not each.kept]


async def test_a_few_hundred_keystrokes_in_four_files(smollm2_path: Path, tmp_path: Path) -> None:
    files = []
    for name in ("stack.py", "umlaut.py"):
        files.append(tmp_path / name)
        files[-1].write_text(PYTHON.replace("A stack", "ein Stück 😀"), encoding="utf-8", newline="")
    options = SoakOptions(str(smollm2_path), files, keystrokes=400, files=4, minutes=0.3, check=50)
    found = await run_soak(options, ignore)
    assert (found.errors, found.wrong, found.left, found.exit_code) == ([], [], [], 0)
    assert found.keystrokes >= 400
    assert found.checks >= 400 // 80 + 4
    assert found.counts.requests >= found.requests > 0
    assert found.counts.worker_died == 0
    assert all(sample.usage.processes == 2 for sample in found.samples)
    assert all(sample.usage.worker_rss_bytes > 0 and sample.usage.handles > 0 for sample in found.samples)


def test_what_stays_as_it_was_holds() -> None:
    assert broken(soaked(*[CALM] * 20)) == []


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("server_rss_bytes", 106, "memory growth, server"),
        ("worker_rss_bytes", 421, "memory growth, worker"),
        ("handles", 31, "more file handles"),
        ("threads", 10, "more threads"),
        ("processes", 3, "more processes"),
    ],
)
def test_what_grows_after_warm_up_does_not(name: str, value: int, verdict: str) -> None:
    grown = replace(CALM, **{name: value})
    assert broken(soaked(*[CALM] * 10, *[grown] * 10)) == [verdict]
    assert broken(soaked(*[replace(CALM, **{name: 1})] * 2, *[CALM] * 18)) == [], "warm-up does not count"


def test_errors_wrong_documents_and_what_is_left_do_not_hold() -> None:
    found = soaked(*[CALM] * 20)
    found.errors, found.wrong, found.left, found.exit_code = ["bad"], ["uri"], [1], 9
    assert broken(found) == ["errors", "wrong documents", "processes left behind", "exit code"]


def test_too_short_a_soak_says_so() -> None:
    with pytest.raises(EvaluationError, match="more --keystrokes"):
        judge(soaked(CALM), SoakOptions(""))
