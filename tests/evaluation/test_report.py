"""Tables, JSON and plots, from made-up results."""

import json
import math
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import bias_report, ensemble_report
from byte_lsp.evaluation.bias import Observation, summarize
from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.ensemble_gain import Score, summarize_cost, summarize_gain
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.report import Report, Table, publish, show_interval

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
        Observation(window, "a.py", 0, "Python", place, 10, right, nats)
        for window in range(3)
        for place in ("inside a token", "on a boundary")
    ]


def test_bias_in_a_table_and_a_plot(tmp_path: Path) -> None:
    from byte_lsp.evaluation.bias_plots import draw_bias

    places = summarize(observations(), seed=0)
    inside, _ = bias_report.tabulate(places)
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


def test_an_ensemble_in_tables_and_a_plot(tmp_path: Path) -> None:
    from byte_lsp.evaluation.ensemble_plots import draw_ensemble

    scores = [
        Score(window, "a", 0, language, 10, (10.0, 8.0, 7.0), (1.0, 2.0, 3.3))
        for window, language in enumerate(("C", "Lua", "Lua"))
    ]
    gains, cost = summarize_gain(scores, seed=0), summarize_cost(scores, seed=0)
    models = ["one", "/some/where/two.gguf"]
    nats, times = ensemble_report.tabulate(models, gains, cost)
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
