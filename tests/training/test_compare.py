"""The table of several runs."""

import json
from pathlib import Path

import pytest

from byte_lsp.errors import TrainingError
from byte_lsp.training.compare import main, tabulate


def figures(ratio: float, nats_per_end: float) -> dict[str, dict[str, float]]:
    groups = ("all", "single lines", "kind:end")
    return {group: {"ratio": ratio, "nats_per_end": nats_per_end} for group in groups}


def write_run(folder: Path, ratio: float, **settings: object) -> Path:
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"seed": 0, "rank": 32, "rows": [128], **settings}))
    entries = [
        {"step": 0, "validation": figures(9.0, 9.0)},
        {"step": 1, "loss": 2.0, "tokens": 4096, "seconds": 60.0},
        {"step": 2, "loss": 1.0, "tokens": 4096, "seconds": 8.0},
        {"step": 2, "validation": figures(ratio, 1.25)},
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return folder


def test_what_differs_and_what_came_of_it(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "a", 0.9), write_run(tmp_path / "b", 0.8, rank=16, rows=[128, 256])]
    header, _, *rows = tabulate(runs).splitlines()
    measured = "tokens | tokens a second | single lines | all middles | left to right | nats an end"
    assert header == f"| run | rank | rows | {measured} |"
    assert rows == [
        "| a | 32 | 128 | 8,192 | 512 | 0.900 | 0.900 | 0.900 | 1.250 |",
        "| b | 16 | 128, 256 | 8,192 | 512 | 0.800 | 0.800 | 0.800 | 1.250 |",
    ]


def test_what_only_a_later_run_has_is_shown(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "a", 0.9), write_run(tmp_path / "b", 0.8, loss="another")]
    for some in (runs, runs[::-1]):
        header, _, *rows = tabulate(some).splitlines()
        assert header.startswith("| run | loss | tokens |")
        assert {row.split(" | ")[1] for row in rows} == {"None", "another"}


def test_folders_that_are_no_runs_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none")]) == 1
    assert "none/settings.json" in capsys.readouterr().err.replace("\\", "/")
    run = write_run(tmp_path / "new", 1.0)
    (run / "log.jsonl").write_text("")
    with pytest.raises(TrainingError, match="no step or no validation"):
        tabulate([run])
