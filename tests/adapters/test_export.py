"""An adapter of peft does in llama.cpp what it does in transformers."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from peft import PeftModel

from byte_lsp.adapters.container import read_container
from byte_lsp.adapters.lora import read_lora
from byte_lsp.engines.llama_cpp import EngineConfig
from byte_lsp.errors import TrainingError
from byte_lsp.training import naming
from byte_lsp.training.export import Description, StoredType, export, read_matrices
from byte_lsp.training.start import read_start

from .rows import Rows, gap, next_token_rows, text_tokens


@pytest.fixture(scope="module")
def tokens(smollm2_path: Path) -> tuple[int, ...]:
    return text_tokens(smollm2_path)


@pytest.fixture(scope="module")
def reference(peft_model: PeftModel, tokens: tuple[int, ...]) -> Rows:
    """What transformers says with peft's adapter."""
    with torch.no_grad():
        logits = peft_model(input_ids=torch.tensor([tokens])).logits[0, 1:]
    return torch.log_softmax(logits.double(), dim=-1).numpy()


def config(base: Path, adapter: Path | None, scale: float = 1.0) -> EngineConfig:
    return EngineConfig(
        base, 512, safe_path=True, cache_type="f32", adapter_path=adapter, adapter_scale=scale
    )


def test_llama_cpp_says_what_transformers_says(
    smollm2_f32_path: Path, adapter_path: Path, tokens: tuple[int, ...], reference: Rows
) -> None:
    bare = gap(reference, next_token_rows(config(smollm2_f32_path, None), tokens))
    applied = gap(reference, next_token_rows(config(smollm2_f32_path, adapter_path), tokens))
    halved = gap(reference, next_token_rows(config(smollm2_f32_path, adapter_path, 0.5), tokens))
    assert applied.most < 5e-3
    assert bare.divergence > halved.divergence > 0.01


def test_rows_of_queries_and_keys_are_permuted(
    smollm2_f32_path: Path,
    adapter_folder: Path,
    description: Description,
    tokens: tuple[int, ...],
    reference: Rows,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(naming, "permute", lambda matrix, heads: matrix)
    path = tmp_path / "unpermuted.gguf"
    export(adapter_folder, path, smollm2_f32_path, description, "f32")
    wrong = gap(reference, next_token_rows(config(smollm2_f32_path, path), tokens))
    assert wrong.most > 0.1


def test_a_head_of_four_rows_is_interleaved() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert naming.permute(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]


def test_a_file_goes_back_into_pefts_form(
    adapter_path: Path, adapter_folder: Path, smollm2_path: Path
) -> None:
    saved = read_matrices(adapter_folder / "adapter_model.safetensors")
    found = read_start(adapter_path, smollm2_path, alpha=16.0)
    halved = read_start(adapter_path, smollm2_path, alpha=32.0)
    assert found.keys() == saved.keys()
    for name, matrix in saved.items():
        assert (found[name] == matrix).all()
        assert (halved[name] == matrix * (0.5 if "lora_B" in name else 1.0)).all()


@pytest.mark.parametrize("stored_type", get_args(StoredType))
def test_the_file_says_what_it_is(
    stored_type: StoredType,
    adapter_folder: Path,
    smollm2_path: Path,
    description: Description,
    tmp_path: Path,
) -> None:
    path = tmp_path / "out.gguf"
    export(adapter_folder, path, smollm2_path, description, stored_type)
    lora = read_lora(path)
    assert (lora.alpha, len(lora.changes)) == (16.0, 30 * 7)
    found = lora.container
    assert found.text("general.architecture") == "llama"
    assert found.text("general.license") == "MIT"
    assert found.text("byte_lsp.base.sha256") == description.base_sha256
    assert found.text("byte_lsp.run") == "seed 0"
    # Rows of eight values are no block of 32.
    kinds = {found.tensors[f"blk.0.ffn_up.weight.lora_{side}"].type.name for side in "ab"}
    assert kinds == {"q8_0": {"Q8_0", "F16"}, "f16": {"F16"}, "f32": {"F32"}}[stored_type]
    assert [each.name for each in tmp_path.iterdir()] == ["out.gguf"]


def test_the_same_folder_gives_the_same_bytes(
    adapter_path: Path, adapter_folder: Path, smollm2_path: Path, description: Description, tmp_path: Path
) -> None:
    again = tmp_path / "again.gguf"
    export(adapter_folder, again, smollm2_path, description, "f32")
    assert again.read_bytes() == adapter_path.read_bytes()
    export(adapter_folder, again, smollm2_path, replace(description, version="2"), "f32")
    assert read_container(again).text("general.version") == "2"


def test_a_part_of_what_was_learnt(
    adapter_path: Path, adapter_folder: Path, smollm2_path: Path, description: Description, tmp_path: Path
) -> None:
    path = tmp_path / "part.gguf"
    export(adapter_folder, path, smollm2_path, description, "f32", scale=0.25)
    whole, part = (read_start(each, smollm2_path, alpha=16.0) for each in (adapter_path, path))
    for name, matrix in whole.items():
        assert (part[name] == matrix * (0.25 if "lora_B" in name else 1.0)).all()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"use_dora": True}, "llama.cpp has no form for use_dora"),
        ({"bias": "all"}, "train with bias='none'"),
        ({"peft_type": "IA3"}, "not a LoRA adapter"),
        ({"alpha_pattern": {"q_proj": 4}}, "alpha_pattern"),
    ],
)
def test_what_llama_cpp_has_no_form_for(
    change: dict[str, object],
    problem: str,
    adapter_folder: Path,
    smollm2_path: Path,
    description: Description,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "adapter"
    shutil.copytree(adapter_folder, folder)
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(TrainingError, match=rf"adapter_config\.json: .*{problem}"):
        export(folder, tmp_path / "out.gguf", smollm2_path, description)


def test_a_matrix_without_a_place_and_a_damaged_file(
    adapter_folder: Path, smollm2_path: Path, description: Description, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match=r"lm_head\.lora_A\.weight has no place"):
        list(
            naming.to_gguf(
                {"base_model.model.lm_head.lora_A.weight": np.zeros((8, 4), np.float32)},
                {"general.architecture": b"llama", "llama.attention.head_count": 2},
            )
        )
    folder = tmp_path / "adapter"
    shutil.copytree(adapter_folder, folder)
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"adapter_model\.safetensors: cannot be read"):
        export(folder, tmp_path / "out.gguf", smollm2_path, description)
