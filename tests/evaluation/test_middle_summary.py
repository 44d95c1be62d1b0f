"""Ratios and ends on readings made up so that the results are known."""

import json
import math
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.middle_plots import draw_middles
from byte_lsp.evaluation.middle_read import Ending, Reading
from byte_lsp.evaluation.middle_report import tabulate
from byte_lsp.evaluation.middle_run import Readings
from byte_lsp.evaluation.middle_spans import Middle, MiddleKind
from byte_lsp.evaluation.middle_summary import Group, Summary, ends_near, summarize
from byte_lsp.evaluation.report import Report, publish

BASE, TUNED = ModelFile("base", "base.gguf", 5, 100), ModelFile("tuned", "tuned.gguf", 6, 100)


def middle(file: int, kind: MiddleKind = "line", source: str = "python", length: int = 10) -> Middle:
    return Middle(source, f"{file} {kind}", f"{file}.py", source, kind, b"a", b"\n" * 6, b"x" * length)


def reading(nats: float, end_nats: float = 1.0, onward: float = 8.0, ending: Ending | None = None) -> Reading:
    return Reading(nats, end_nats, onward, ending)


def ending(
    length: int,
    *,
    ended: bool = True,
    greedy: int | None = None,
    likely: int | None = None,
    likeliest: int = 0,
) -> Ending:
    return Ending(b"x" * length, ended, greedy, likely, likeliest)


def group(summary: Summary, name: str) -> Group:
    (found,) = [each for each in summary.groups if each.name == name]
    return found


@pytest.fixture
def summary() -> Summary:
    """Nats that differ from file to file, the second model's always four fifths of the first's."""
    middles = [middle(number) for number in range(9)]
    middles += [middle(number, "block", "go", 20) for number in range(10, 14)]
    nats = [float(3 + number) for number in range(len(middles))]
    base = [reading(amount, 30.0, onward=6.4) for amount in nats]
    tuned = [reading(0.8 * amount, 0.2 * amount, onward=6.528) for amount in nats]
    return summarize(middles, [Readings(BASE, [*base]), Readings(TUNED, [*tuned])], seed=0)


def test_nats_per_byte_are_sums_by_sums(summary: Summary) -> None:
    everything = group(summary, "all")
    assert (everything.middles, everything.clusters, everything.middle_bytes) == (13, 13, 90 + 80)
    base, tuned = everything.fits
    assert base.middle.estimate == pytest.approx(sum(range(3, 16)) / 170)
    assert tuned.middle.estimate == pytest.approx(0.8 * base.middle.estimate)
    assert base.middle.low < base.middle.estimate < base.middle.high


def test_ratios_are_paired(summary: Summary) -> None:
    """The amounts vary threefold and the ratio never does: unpaired intervals would not know that."""
    for each in summary.groups:
        base, tuned = each.fits
        assert (base.middle_ratio, base.with_end_ratio, base.onward_ratio) == (None, None, None)
        assert tuned.middle_ratio is not None
        assert tuned.with_end_ratio is not None
        assert tuned.onward_ratio is not None
        ratio = tuned.middle_ratio
        assert (ratio.low, ratio.estimate, ratio.high) == pytest.approx((0.8, 0.8, 0.8))
        assert tuned.with_end_ratio.estimate == pytest.approx(1.0), "the base pays nothing for ends"
        assert tuned.onward_ratio.estimate == pytest.approx(1.02)


def test_groups_are_languages_and_kinds(summary: Summary) -> None:
    axes = [(each.axis, each.name, each.middles) for each in summary.groups]
    assert axes == [
        ("all", "all", 13),
        ("source", "python", 9),
        ("source", "go", 4),
        ("kind", "line", 9),
        ("kind", "block", 4),
    ]
    assert summary.ends == []


def test_near_is_two_bytes_at_most() -> None:
    assert [ends_near(ending(length), 10) for length in (7, 8, 10, 12, 13)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert not ends_near(ending(10, ended=False), 10)


def test_ends_are_counted() -> None:
    middles = [middle(number, "inside" if number == 3 else "line") for number in range(4)]
    found = [
        ending(10, greedy=3, likely=12, likeliest=12),
        ending(42, ended=False, likely=7, likeliest=10),
        ending(13, greedy=9, likely=None, likeliest=3),
        ending(8, likely=8, likeliest=8),
    ]
    readings = [reading(1.0, ending=each) for each in found]
    summary = summarize(middles, [Readings(BASE, [*readings])], seed=0)
    everything, python, whole, inside = summary.ends
    assert (everything.name, python.name, python.middles) == ("all", "python", 4)
    assert [(each.axis, each.name, each.middles) for each in (whole, inside)] == [
        ("kind", "line", 3),
        ("kind", "inside", 1),
    ]
    assert whole.greedy_near.estimate == pytest.approx(1 / 3)
    assert inside.greedy_near.estimate == 0.0
    assert everything.written_near.estimate == 0.5
    assert everything.written_ended.estimate == 0.75
    assert everything.greedy_near.estimate == 0.25
    assert everything.likely_near.estimate == 0.5
    assert everything.likeliest_near.estimate == 0.75


def test_what_one_model_cannot_read_counts_for_none() -> None:
    middles = [middle(number) for number in range(4)]
    base = [reading(1.0), None, reading(1.0), reading(math.inf)]
    tuned = [None, reading(9.0), reading(0.5), reading(9.0)]
    summary = summarize(middles, [Readings(BASE, base), Readings(TUNED, tuned)], seed=0)
    ratio = group(summary, "all").fits[1].middle_ratio
    assert ratio is not None
    assert (summary.left_out, ratio.estimate) == (3, 0.5)
    with pytest.raises(EvaluationError, match="spell none of the texts"):
        summarize(middles[:2], [Readings(BASE, base[:2]), Readings(TUNED, tuned[:2])], seed=0)


def test_tables_json_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    middles = [middle(number) for number in range(4)]
    one = [reading(4.0, ending=ending(10, likely=10, likeliest=10)) for _ in middles]
    other = [reading(3.0, ending=ending(30, ended=False)) for _ in middles]
    summary = summarize(middles, [Readings(BASE, [*one]), Readings(TUNED, [*other])], seed=0)
    report = Report(
        "middles", [BASE, TUNED], {}, summary, tabulate(summary), lambda to: draw_middles(summary, to)
    )
    publish(report, tmp_path, as_json=False)
    shown = capsys.readouterr().out
    for words in ("python: tuned", "0.750 [0.750, 0.750]", "written, near", "100.0 % [100.0, 100.0]"):
        assert words in shown
    assert (tmp_path / "middles.png").read_bytes().startswith(b"\x89PNG")
    results = json.loads((tmp_path / "middles.json").read_text(encoding="utf-8"))["results"]
    assert results["groups"][0]["fits"][1]["middle_ratio"]["estimate"] == 0.75
