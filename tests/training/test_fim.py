"""The training command on the real base: few steps, small rows."""

import json
import multiprocessing
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from byte_lsp.errors import TrainingError
from byte_lsp.models.check import sha256_of
from byte_lsp.training import fim
from byte_lsp.training.ahead import MOST_PROCESSES, AheadPacker, usual_processes
from byte_lsp.training.curves import draw_curves
from byte_lsp.training.export import Description, export
from byte_lsp.training.log import read_log
from byte_lsp.training.recipe import Recipe
from byte_lsp.training.run import Settings
from byte_lsp.training.workers import Workers

SMALL = [
    "--languages",
    "python",
    "--tokens-per-step",
    "512",
    "--micro-tokens",
    "256",
    "--rank",
    "4",
    "--eager",
]
SMALL += [
    "--warmup",
    "1",
    "--probes",
    "1",
    "--checkpoint-every",
    "1",
    "--validate-every",
    "100",
    "--decay",
    "0.5",
]
SMALL += ["--workers", "1", "--device", "cpu", "--rows", "256", "--rate", "4e-3"]


def train(data: Path, out: Path, steps: int, *more: str) -> int:
    return fim.main(["--data", str(data), "--out", str(out), "--steps", str(steps), *SMALL, *more])


def weights(run: Path) -> dict[str, torch.Tensor]:
    return dict(load_file(run / "adapter" / "adapter_model.safetensors"))


def validations(run: Path) -> list[dict[str, dict[str, float]]]:
    return [entry["validation"] for entry in read_log(run / "log.jsonl") if "validation" in entry]


def losses(run: Path) -> list[float]:
    return [entry["loss"] for entry in read_log(run / "log.jsonl") if "loss" in entry]


@pytest.fixture(scope="module")
def two_steps(data_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two steps by one process. Tests that go on with it do so in a copy."""
    run = tmp_path_factory.mktemp("two-steps") / "run"
    assert train(data_set, run, 2) == 0
    return run


@pytest.mark.timeout(900)
def test_a_run_learns_resumes_and_grows(
    data_set: Path, two_steps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert train(data_set, whole, 4) == 0
    assert "single lines" in capsys.readouterr().out
    shutil.copytree(two_steps, parts)
    assert train(data_set, parts, 4, "--packers", "1") == 0

    assert len(losses(whole)) == 4
    assert losses(parts) == losses(whole), "a run made longer takes the steps of one that was long at once"
    trained, resumed = weights(whole), weights(parts)
    assert len(trained) == 30 * 7 * 2
    assert all(torch.equal(trained[name], resumed[name]) for name in trained)
    assert all(bool(value.any()) for name, value in trained.items() if "lora_B" in name)
    log = read_log(whole / "log.jsonl")
    first, last = (entry["validation"]["all"] for entry in (log[1], log[-1]))
    assert last["nats_per_end"] < 0.9 * first["nats_per_end"], "four steps begin to teach where a middle ends"

    assert 0 < log[-1]["validation"]["excerpts"]["ratio"] != last["ratio"]

    draw_curves([whole, parts], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")

    assert train(data_set, whole, 4, "--seed", "1") == 1
    assert "begun with seed = 0, not 1" in capsys.readouterr().err


@pytest.mark.timeout(900)
def test_a_run_goes_on_from_an_adapter_that_was_exported(
    data_set: Path, two_steps: Path, smollm2_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter, run = tmp_path / "adapter.gguf", tmp_path / "run"
    description = Description("two steps", "1", "MIT", "smollm2-135m", sha256_of(smollm2_path))
    export(two_steps / "adapter", adapter, smollm2_path, description, "f32")
    assert train(data_set, run, 1, "--start-from", str(adapter), "--alpha", "4") == 0
    before, ended, begun = (*validations(two_steps), validations(run)[0])
    assert ended["all"]["nats_per_end"] < 0.95 * before["all"]["nats_per_end"]
    assert {name: each["nats_per_byte"] for name, each in begun.items()} == pytest.approx(
        {name: each["nats_per_byte"] for name, each in ended.items()}, rel=2e-3
    )

    capsys.readouterr()
    assert train(data_set, tmp_path / "other", 1, "--start-from", str(adapter), "--rank", "8") == 1
    assert "give the --rank it has" in capsys.readouterr().err
    assert train(data_set, run, 1, "--start-from", str(tmp_path / "none.gguf")) == 1
    assert "none.gguf: cannot be read" in capsys.readouterr().err


@pytest.mark.timeout(900)
def test_two_processes_learn_what_one_does(data_set: Path, two_steps: Path, tmp_path: Path) -> None:
    one, two = two_steps, tmp_path / "two"
    assert train(data_set, two, 2, "--workers", "2") == 0
    assert losses(one)[0] == losses(two)[0]
    assert losses(one)[1] == pytest.approx(losses(two)[1], rel=1e-3)
    alone, together = weights(one), weights(two)
    for name, value in alone.items():
        assert torch.allclose(value.float(), together[name].float(), rtol=0.02, atol=2e-3), name


@pytest.mark.timeout(900)
def test_a_process_that_ends_is_named(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Workers.work

    def shoot(workers: Workers, numbers: Sequence[int]) -> object:
        (helper,) = multiprocessing.active_children()
        helper.kill()
        helper.join()
        return work(workers, numbers)

    monkeypatch.setattr(Workers, "work", shoot)
    assert train(data_set, tmp_path / "run", 1, "--workers", "2") == 1
    assert "a process that trains beside this one ended (-9)" in capsys.readouterr().err
    assert multiprocessing.active_children() == []


def test_packs_made_ahead_are_the_same(data_set: Path, smollm2_path: Path) -> None:
    settings = Settings(
        **{field.name: 0 for field in fields(Settings)}
        | {"layout": "spm", "shares": {"python": 1.0}, "rows": [128], "tokens_per_step": 256}
    )
    recipe = Recipe(settings, data_set, "smollm2-135m", smollm2_path, "cpu", False, 256)
    packer = recipe.packer()
    begun: dict[int, bytes] = {}
    with AheadPacker(recipe, 1) as ahead:
        for number in (0, 1, 2, 7):
            expected, found = packer.pack(number, 256), ahead.pack(number, 256)
            assert (found.inputs == expected.inputs).all()
            assert (found.weights == expected.weights).all()
            assert found.begun == expected.begun
            begun |= expected.begun
        assert begun
        for process in multiprocessing.active_children():
            process.kill()
        with pytest.raises(TrainingError, match="a process that makes examples ended"):
            ahead.pack(100, 256)
    assert usual_processes(recipe) == 0 < usual_processes(replace(recipe, device="cuda")) <= MOST_PROCESSES


def test_packs_are_made_ahead_for_one_process(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(data_set, tmp_path / "run", 1, "--packers", "1", "--workers", "2") == 1
    assert "--packers is for one process" in capsys.readouterr().err


def test_a_run_needs_a_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train(tmp_path / "none", tmp_path / "run", 1) == 1
    assert "byte_lsp.training.data" in capsys.readouterr().err


def test_damaged_checkpoints_are_named(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "checkpoint.pt").write_bytes(b"nothing")
    assert train(data_set, run, 1) == 1
    assert "checkpoint.pt is damaged" in capsys.readouterr().err
    assert json.loads((run / "settings.json").read_text())["rank"] == 4
