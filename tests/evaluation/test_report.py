"""Tables, JSON and plots, from made-up results."""

import json
import math
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import bias_report, ensemble_report
from byte_lsp.evaluation.bias import Observation, summarize
from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.ensemble_gain import Score, Scores, summarize_cost, summarize_gain
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.report import Report, Table, publish, show_interval
from byte_lsp.evaluation.windows import Unspellable

PNG = b"\x89PNG\r\n"


def report(draw=lambda folder: []) -> Report:
    table = Table("Times", ("", "ms"), [("exact", "1.5")], ["a note"])
    results = {
        "low": -math.inf,
        "text": b"\xff",
        "where": Path("a") / "b",
        "interval": Interval(1.0, 0.5, math.nan),
    }
    return Report(
        "made-up", [ModelFile("small", "small.gguf", 5_000_000, 100)], {"seed": 0}, results, [table], draw
    )


def test_a_table_is_printed_with_its_notes_and_the_machine(capsys: pytest.CaptureFixture[str]) -> None:
    publish(report(), None, as_json=False)
    shown = capsys.readouterr().out
    for words in ("Times", "exact", "1.5", "a note", "cores", "small.gguf, 5 MB, 100 pieces"):
        assert words in shown


def test_json_is_plain_and_says_where_it_was_measured(capsys: pytest.CaptureFixture[str]) -> None:
    publish(report(), None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["results"] == {
        "low": None,
        "text": "\\xff",
        "where": str(Path("a") / "b"),
        "interval": {"estimate": 1.0, "low": 0.5, "high": None},
    }
    assert found["machine"]["cores"] >= 1
    assert "llama-cpp-python" in found["versions"]


def test_files_are_written_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = []
    publish(report(lambda folder: drawn.append(folder) or [folder / "a.png"]), tmp_path / "out", as_json=True)
    assert json.loads((tmp_path / "out" / "made-up.json").read_text(encoding="utf-8"))["settings"] == {
        "seed": 0
    }
    assert drawn == [tmp_path / "out"]
    assert "a.png" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(EvaluationError, match="another --out"):
        publish(report(), tmp_path / "file", as_json=True)


@pytest.mark.parametrize(
    ("interval", "options", "shown"),
    [
        (None, {}, "-"),
        (Interval(1.0, 0.5, 1.25), {}, "1.000 [0.500, 1.250]"),
        (Interval(0.1, -0.05, 0.2), {"digits": 1, "percent": True, "sign": True}, "+10.0 % [-5.0, +20.0]"),
        (Interval(1.0, math.nan, math.nan), {"digits": 1}, "1.0 [?]"),
    ],
)
def test_intervals_are_shown(interval: Interval | None, options: dict, shown: str) -> None:
    assert show_interval(interval, **options) == shown


def observations() -> list[Observation]:
    right = {"plain": False, "healing": False, "exact": True}
    nats = {"plain": math.inf, "healing": 4.0, "exact": 3.0}
    return [
        Observation(window, f"{window}.py", 0, "Python", place, 10, right, nats)
        for window in range(3)
        for place in ("inside a token", "on a boundary")
    ]


def test_bias_in_a_table_and_a_plot(tmp_path: Path) -> None:
    from byte_lsp.evaluation.bias_plots import draw_bias

    places = summarize(observations(), seed=0)
    inside, _ = bias_report.tabulate(places, Unspellable(0, 0))
    assert inside.rows[0][:5] == (
        "plain",
        "0",
        "0.0 % [0.0, 0.0]",
        "+100.0 % [+100.0, +100.0]",
        "100.0 %",
    )
    assert inside.rows[2][5] == "0.300 [0.300, 0.300]"
    (path,) = draw_bias(places, tmp_path)
    assert path.read_bytes().startswith(PNG)


def test_notes_say_what_was_left_out_or_scored_otherwise() -> None:
    nats = {"plain": 6.0, "healing": 6.0, "exact": math.inf}
    odd = Observation(
        9, "b.py", 0, "Python", "on a boundary", 10, dict.fromkeys(nats, False), nats, ("plain",)
    )
    *_, boundary = bias_report.tabulate(summarize([*observations(), odd], seed=0), Unspellable(2, 16))
    notes = " ".join(boundary.notes)
    assert "with all contexts, since eps left no probability: plain 1" in notes
    assert "1 cursors, unreachable for exact too" in notes
    assert "16 more cursors, in 2 windows, were left out" in notes


def made_up(file: str, language: str, nats: tuple[float, ...], rescored: tuple[bool, ...] = ()) -> Score:
    return Score(0, file, 0, language, 10, nats, (1.0, 2.0, 3.3), (5, 5, 10), rescored or (False,) * 3)


def test_an_ensembles_notes_say_what_was_left_out() -> None:
    scores = [
        made_up("a", "C", (10.0, 8.0, 7.0)),
        made_up("b", "C", (10.0, math.inf, 10.7), (False, True, False)),
        made_up("c", "C", (10.0, 8.0, 7.0), (True, False, False)),
    ]
    found = Scores(scores, Unspellable(1, 8))
    tables = ensemble_report.tabulate(
        ["one", "two"], summarize_gain(scores, 0), summarize_cost(scores, 0), found
    )
    nats, times = (" ".join(table.notes) for table in tables)
    assert "since eps left no probability: one 1, two 1" in nats
    assert "1 more cursors were left out: the true rest has no probability by two 1" in nats
    assert "8 more cursors, in 1 windows" in nats
    assert "2 more cursors were scored and not timed" in times
    assert "warm" in times


def test_where_one_file_says_nothing_of_the_spread_plots_are_drawn(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    from byte_lsp.evaluation.bias_plots import draw_bias
    from byte_lsp.evaluation.ensemble_plots import _draw_times, draw_ensemble

    scores = [made_up("a", "C", (10.0, 8.0, 7.0))]
    gains, cost = summarize_gain(scores, 0), summarize_cost(scores, 0)
    assert math.isnan(cost.ratio.low)
    axes = Figure().add_subplot()
    _draw_times(axes, ["one", "two"], cost)
    assert axes.get_title(loc="left") + axes.get_title() == "Cost: 1.10 [?] of the sum"
    (drawn,) = draw_ensemble(["one", "two"], gains, cost, tmp_path)
    assert drawn.read_bytes().startswith(PNG)
    (drawn,) = draw_bias(summarize(observations()[:1], seed=0), tmp_path)
    assert drawn.read_bytes().startswith(PNG)


def test_error_bars_are_never_negative() -> None:
    from byte_lsp.evaluation.plotting import spread

    assert spread(Interval(0.3, 0.1, 0.4)) == pytest.approx((0.2, 0.1))
    assert spread(Interval(0.3, 0.3 + 1e-16, 0.3)) == (0.0, 0.0)
    assert all(map(math.isnan, spread(Interval(0.3, math.nan, math.nan))))


def test_an_ensemble_in_tables_and_a_plot(tmp_path: Path) -> None:
    from byte_lsp.evaluation.ensemble_plots import draw_ensemble

    scores = [
        made_up(f"file {window}", language, (10.0, 8.0, 7.0))
        for window, language in enumerate(("C", "Lua", "Lua"))
    ]
    gains, cost = summarize_gain(scores, seed=0), summarize_cost(scores, seed=0)
    models = ["one", "/some/where/two.gguf"]
    nats, times = ensemble_report.tabulate(models, gains, cost, Scores(scores, Unspellable(0, 0)))
    assert nats.columns[2:4] == ("one", "two")
    assert nats.rows[2] == (
        "Lua",
        "2",
        "1.000",
        "0.800",
        "0.700",
        *["+0.300 [+0.300, +0.300]", "+0.100 [+0.100, +0.100]"],
    )
    assert times.rows[-1] == ("ensemble / sum of members", "1.100 [1.100, 1.100]")
    (path,) = draw_ensemble(models, gains, cost, tmp_path)
    assert path.read_bytes().startswith(PNG)
