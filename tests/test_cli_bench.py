"""``byte-lsp bench`` as a process."""

import json
from pathlib import Path

import pytest

from tests.cli_process import error_line, run_cli


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["bench"], 2, "required: SUITE"),
        (["bench", "shell"], 2, "invalid choice: 'shell'"),
        (["bench", "core", "--parts", "colours"], 2, "invalid choice: 'colours'"),
        (["bench", "core", "--cursors", "1"], 2, "'1' is not a whole number from 2 on"),
        (["bench", "core", "--folders", "/no/such/folder"], 1, "is not a folder"),
        (
            ["bench", "core", "--parts", "genlm", "--genlm-python", "/none"],
            1,
            "pip install 'byte-lsp[genlm]'",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line(arguments: list[str], code: int, reason: str) -> None:
    process = run_cli(*arguments)
    assert (process.returncode, process.stdout) == (code, b"")
    assert reason in error_line(process)


def test_a_folder_that_cannot_be_written_is_refused_first(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    process = run_cli("bench", "core", "--folders", "/no/such/folder", "--out", str(tmp_path / "file"))
    assert process.returncode == 1
    assert "name another --out" in error_line(process)


@pytest.mark.usefixtures("smollm2_path")
def test_a_small_run_prints_tables_and_leaves_json_and_plots(tmp_path: Path) -> None:
    options = ("--parts", "requests", "vocabulary", "--other", "none.gguf")
    sizes = ("--cursors", "2", "--tokens", "2", "--context", "64")
    process = run_cli("bench", "core", *options, *sizes, "--out", str(tmp_path))
    assert process.returncode == 0, process.stderr
    shown = process.stdout.decode()
    for words in (
        "One request of 2 tokens",
        "request, exact / plain",
        "vocabulary was left out",
        "cores",
        "49,152",
    ):
        assert words in shown
    found = json.loads((tmp_path / "core.json").read_text(encoding="utf-8"))
    assert found["settings"]["tokens"] == 2
    assert found["models"][0]["file"].endswith(".gguf")
    assert len(found["results"]["requests"]["medians"]) == 4
    assert found["results"]["genlm"] is None
    assert (tmp_path / "core-requests.png").is_file()
