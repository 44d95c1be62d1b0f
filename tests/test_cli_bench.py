"""``byte-lsp bench`` as a process."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.adapters.files import write_model
from tests.cli_process import error_line, run_cli


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["bench"], 2, "required: SUITE"),
        (["bench", "shell"], 2, "invalid choice: 'shell'"),
        (["bench", "core", "--parts", "colours"], 2, "invalid choice: 'colours'"),
        (["bench", "adapter", "--adapter", "/no/such.gguf"], 1, "no such model file"),
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


@pytest.mark.usefixtures("default_path")
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


@pytest.mark.usefixtures("smollm2_path")
def test_an_adapter_is_measured_applied_and_merged(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    a, b = (0.3 * random.standard_normal(shape).astype(np.float32) for shape in ((4, 576), (1536, 4)))
    weight = "blk.3.ffn_up.weight"
    texts = {"general__architecture": "llama", "general__type": "adapter", "adapter__type": "lora"}
    adapter = write_model(tmp_path / "adapter.gguf", {f"{weight}.lora_a": a, f"{weight}.lora_b": b}, **texts)
    options = ("--adapter", str(adapter), "--family", "smollm2-fim", "--types", "q8_0", "q4_0")
    sizes = ("--cursors", "2", "--tokens", "2", "--context", "64")
    process = run_cli("bench", "adapter", *options, *sizes, "--out", str(tmp_path))
    assert process.returncode == 0, process.stderr
    assert "decode ms/token" in process.stdout.decode()
    found = json.loads((tmp_path / "adapter.json").read_text(encoding="utf-8"))
    costs = {cost["contender"]: cost for cost in found["results"]["costs"]}
    assert list(costs)[:2] == ["base", "base, adapter applied"]
    divergences = {name: cost["divergence"]["estimate"] for name, cost in costs.items()}
    assert divergences["base, adapter applied"] == 0
    assert divergences["base"] > 5 * divergences["merged, q8_0"] > 0
    assert costs["merged, q8_0"]["size_bytes"] > costs["merged, q4_0"]["size_bytes"]
    assert costs["base"]["decode_ratio"]["estimate"] == 1
    assert (tmp_path / "adapter.png").is_file()
