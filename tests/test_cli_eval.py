"""``byte-lsp eval`` as a process."""

import json
from pathlib import Path

import pytest

from tests.cli_process import error_line, run_cli

LINE = b"for number in range(10):\n    print(number, number * number)\n"


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["eval"], 2, "required: SUITE"),
        (["eval", "beauty", "."], 2, "invalid choice: 'beauty'"),
        (["eval", "bias"], 2, "required: FOLDER"),
        (["eval", "bias", "/no/such/folder"], 1, "is not a folder"),
        (["eval", "infill"], 1, "there is nothing to fill in"),
        (["eval", "infill", "--dataset", "/no/such/file"], 1, "HumanEval-Infilling"),
        (["eval", "infill", ".", "--arms", "best"], 2, "invalid choice: 'best'"),
        (["eval", "infill", ".", "--kinds", "word"], 2, "invalid choice: 'word'"),
        (["eval", "infill", ".", "--like", "smollm2-135m"], 1, "give them behind its --model"),
        (["eval", "infill", "--dataset", "/no/such/file", "--model", "no-such-model"], 1, "HumanEval"),
        (["eval", "middles"], 1, "there is no middle to read"),
        (["eval", "middles", "/no/such/folder"], 1, "is not a folder"),
        (["eval", "middles", ".", "--middles", "0"], 2, "not a whole number from 1 on"),
        (["eval", "middles", ".", "--arms", "exact"], 2, "unrecognized arguments"),
        (["eval", "ensemble", "."], 2, "required: --models"),
        (["eval", "ensemble", ".", "--models", "one"], 1, "two members or more"),
        (["eval", "ensemble", ".", "--models", "one", "two", "--weights", "1"], 1, "2 models and 1 weights"),
        (["eval", "ensemble", ".", "--models", "one", "two", "--weights", "1", "-1"], 1, "--weights: "),
        (["eval", "ensemble", ".", "--models", "one", "two", "--rule", "vote"], 2, "invalid choice: 'vote'"),
    ],
)
def test_what_cannot_be_measured_is_one_line(arguments: list[str], code: int, reason: str) -> None:
    process = run_cli(*arguments)
    assert (process.returncode, process.stdout) == (code, b"")
    assert reason in error_line(process)


@pytest.mark.parametrize(
    "suite", [("bias",), ("infill",), ("middles",), ("ensemble", "--models", "one", "two")]
)
def test_a_folder_that_cannot_be_written_is_refused_first(suite: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    process = run_cli("eval", suite[0], "/no/such/folder", *suite[1:], "--out", str(tmp_path / "file"))
    assert process.returncode == 1
    assert "name another --out" in error_line(process)


def test_a_folder_without_source_files_is_refused(tmp_path: Path) -> None:
    process = run_cli("eval", "bias", str(tmp_path))
    assert process.returncode == 1
    assert "has no source file in it" in error_line(process)


def test_more_cursors_than_there_are_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_bytes(LINE * 3)
    process = run_cli("eval", "bias", str(tmp_path), "--cursors", "1000")
    assert process.returncode == 1
    assert "give more folders or ask for fewer" in error_line(process)


@pytest.mark.usefixtures("default_path")
def test_bias_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_bytes(LINE * 4)
    out = tmp_path / "out"
    process = run_cli("eval", "bias", str(tmp_path), "--cursors", "3", "--json", "--out", str(out))
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert found["settings"]["cursors"] == 3
    observations = found["results"]["observations"]
    assert len(observations) == 3
    assert all(each["nats"]["exact"] > 0 for each in observations)
    assert sum(place["cursors"] for place in found["results"]["places"]) == 3
    assert (out / "bias.png").is_file()
    assert json.loads((out / "bias.json").read_text(encoding="utf-8")) == found


@pytest.mark.usefixtures("smollm2_path")
def test_an_ensemble_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_bytes(LINE * 4)
    models = ("--models", "smollm2-135m", "smollm2-135m")
    process = run_cli("eval", "ensemble", str(tmp_path), *models, "--weights", "3", "1", "--cursors", "2")
    assert process.returncode == 0, process.stderr
    shown = process.stdout.decode()
    for words in ("Nats per byte", "all", "Python", "ensemble / sum of members", "49,152"):
        assert words in shown


@pytest.mark.usefixtures("smollm2_path")
@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (["--model", "no-such-model"], 'no model is called "no-such-model"'),
        (["--model", "run.gguf", "--infill", "smollm2-fim"], "give --like NAME"),
        (["--model", "smollm2-135m", "--infill", "no-such-family"], 'called "no-such-family"'),
        (["--model", "smollm2-135m", "--model", "smollm2-135m"], "both be called 'smollm2-135m'"),
    ],
)
def test_models_that_cannot_be_asked_are_refused(model: list[str], reason: str, tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_bytes(LINE * 4)
    process = run_cli("eval", "middles", str(tmp_path), "--middles", "1", *model)
    assert process.returncode == 1
    assert reason in error_line(process)


@pytest.mark.usefixtures("smollm2_path")
def test_middles_by_two_models(tmp_path: Path) -> None:
    """The same weights, with sentinels that they were never taught: the second is compared with the first."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "loop.py").write_bytes(LINE * 4)
    models = ("--model", "smollm2-135m", "--model", "smollm2-135m", "--infill", "smollm2-fim")
    asked = ("eval", "middles", str(source), "--middles", "3", *models, "--json", "--out", str(out))
    process = run_cli(*asked)
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    summary = found["results"]["summary"]
    assert summary["models"] == ["smollm2-135m", "smollm2-135m as smollm2-fim"]
    everything = summary["groups"][0]
    base, filling = everything["fits"]
    assert everything["middles"] == 3
    assert 0 < base["middle"]["estimate"] < base["with_end"]["estimate"]
    assert filling["middle_ratio"]["estimate"] > 0
    assert filling["onward_ratio"]["estimate"] == pytest.approx(1, abs=0.05), "it is the same model there"
    assert {each["model"] for each in summary["ends"]} == set(summary["models"])
    assert (out / "middles.png").is_file()
    again = run_cli(*asked)
    assert json.loads(again.stdout)["results"] == found["results"], "nothing was asked again"


@pytest.mark.usefixtures("default_path")
def test_infill_in_a_folder_and_a_dataset(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "loop.py").write_bytes(LINE * 4)
    task = {
        "task_id": "SingleLineInfilling/HumanEval/0/L0",
        "entry_point": "double",
        "prompt": "def double(number):\n    # Returns 2 * number.\n",
        "suffix": "    return result\n",
        "canonical_solution": "    result = 2 * number\n",
        "test": "def check(candidate):\n    assert candidate(2) == 4\n",
    }
    dataset = tmp_path / "one.jsonl"
    dataset.write_text(json.dumps(task) + "\n", encoding="utf-8")
    out = tmp_path / "out"
    asked = ("eval", "infill", str(source), "--dataset", str(dataset), "--kinds", "line", "--holes", "2")
    process = run_cli(*asked, "--arms", "exact", "plain", "--json", "--out", str(out))
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    one, lines = found["results"]["datasets"]
    assert (one["dataset"], one["holes"], lines["dataset"], lines["holes"]) == ("one", 1, "files, lines", 2)
    assert [arm["way"]["arm"] for arm in one["arms"]] == ["plain", "exact"]
    assert [score["passed"] is None for score in found["results"]["scores"]] == [False] * 2 + [True] * 4
    assert (out / "infill.png").is_file()
    assert "files, lines" in (out / "infill.html").read_text(encoding="utf-8")
    again = run_cli(*asked, "--arms", "plain", "exact", "--json", "--out", str(out))
    assert json.loads(again.stdout)["results"] == found["results"], "nothing was asked again"
