"""The mean of adapters adds to the weights what they add on average."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from byte_lsp.adapters.container import TensorReader
from byte_lsp.adapters.lora import read_lora
from byte_lsp.errors import ModelFileError, TrainingError
from byte_lsp.training.average import Mean, average, main
from byte_lsp.training.export import Description, write

from .files import Values, write_model

ROWS, COLUMNS = 12, 64
NOBODY = Description("random", "1", "MIT", "model", "0")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    weights = {name: np.zeros((ROWS, COLUMNS), np.float32) for name in ("w", "v")}
    return write_model(tmp_path / "model.gguf", weights, general__architecture="llama")


def make(
    path: Path,
    seed: int,
    rank: int,
    alpha: float,
    names: tuple[str, ...] = ("w",),
    description: Description = NOBODY,
) -> Path:
    random = np.random.default_rng(seed)
    matrices: dict[str, Values] = {}
    for name in names:
        matrices[f"{name}.lora_a"] = random.standard_normal((rank, COLUMNS)).astype(np.float32)
        matrices[f"{name}.lora_b"] = random.standard_normal((ROWS, rank)).astype(np.float32)
    write(path, description, alpha, matrices, "f32")
    return path


def delta(path: Path, name: str = "w") -> NDArray[np.float64]:
    lora = read_lora(path)
    return lora.delta_of(name, TensorReader(lora.container)).astype(np.float64)


def added(mean: Mean, name: str = "w") -> NDArray[np.float64]:
    a, b = mean.matrices[f"{name}.lora_a"], mean.matrices[f"{name}.lora_b"]
    return (mean.alpha / len(a)) * (b.astype(np.float64) @ a)


def test_with_room_for_all_nothing_is_lost(model: Path, tmp_path: Path) -> None:
    """Of other ranks and scales, and of one that leaves a weight alone."""
    one = make(tmp_path / "one.gguf", 1, rank=2, alpha=3.0, names=("w", "v"))
    two = make(tmp_path / "two.gguf", 2, rank=4, alpha=2.0)
    mean = average([one, two], model, rank=8)
    assert mean.lost == pytest.approx(0.0, abs=1e-12)
    assert added(mean) == pytest.approx((delta(one) + delta(two)) / 2, abs=1e-5)
    assert added(mean, "v") == pytest.approx(delta(one, "v") / 2, abs=1e-5)


@pytest.mark.parametrize("rank", [6, 13, 70])
def test_a_rank_beyond_what_there_is_adds_nothing(model: Path, tmp_path: Path, rank: int) -> None:
    paths = [make(tmp_path / f"{seed}.gguf", seed, rank=9, alpha=9.0) for seed in range(2)]
    mean = average(paths, model, rank)
    whole = (delta(paths[0]) + delta(paths[1])) / 2
    assert mean.matrices["w.lora_a"].shape == (rank, COLUMNS)
    assert (added(mean) == pytest.approx(whole, abs=1e-4)) == (rank >= ROWS)


@pytest.mark.parametrize("key", ["base", "layout"])
def test_adapters_of_another_file_or_layout_have_no_mean(model: Path, tmp_path: Path, key: str) -> None:
    notes = {"infill.layout": "psm"} if key == "layout" else {}
    other = Description("random", "1", "MIT", "model", "0" if notes else "1", notes)
    paths = [make(tmp_path / "one.gguf", 1, rank=2, alpha=2.0)]
    paths.append(make(tmp_path / "two.gguf", 1, rank=2, alpha=2.0, description=other))
    for some in (paths, paths[::-1]):
        with pytest.raises(TrainingError, match=key):
            average(some, model, rank=4)


def test_what_a_rank_has_no_room_for_is_the_least(model: Path, tmp_path: Path) -> None:
    paths = [make(tmp_path / f"{seed}.gguf", seed, rank=4, alpha=4.0) for seed in range(3)]
    whole = sum(delta(path) for path in paths) / 3
    u, values, v = np.linalg.svd(whole, full_matrices=False)
    mean = average(paths, model, rank=5)
    assert added(mean) == pytest.approx(u[:, :5] * values[:5] @ v[:5], abs=1e-4)
    assert mean.lost == pytest.approx((values[5:] ** 2).sum() / (values**2).sum())
    assert mean.lost > 0.1


def test_an_adapter_of_another_model_is_named(model: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "other.gguf", 1, rank=2, alpha=2.0, names=("elsewhere",))
    with pytest.raises(ModelFileError, match=r"other\.gguf"):
        average([make(tmp_path / "one.gguf", 1, rank=2, alpha=2.0), other], model, rank=8)


def test_the_command_writes_what_llama_cpp_can_read(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [make(tmp_path / f"{seed}.gguf", seed, rank=4, alpha=4.0) for seed in range(2)]
    target = tmp_path / "mean.gguf"
    command = ["average", str(target), *map(str, paths), "--base", str(model), "--rank", "8", "--type", "f32"]
    monkeypatch.setattr(sys, "argv", command)
    assert main() == 0
    assert delta(target) == pytest.approx((delta(paths[0]) + delta(paths[1])) / 2, abs=1e-5)
    assert read_lora(target).container.text("byte_lsp.infill.layout") == "spm"
    said = capsys.readouterr().out
    assert "of 2 adapters, without 0.00% of the squares" in said
    paths[1].unlink()
    assert main() == 1
    assert f"{paths[1]}: no such model file" in capsys.readouterr().err
