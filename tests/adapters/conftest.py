"""A random adapter for the default model, as peft saves one."""

from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from byte_lsp.models.check import sha256_of
from byte_lsp.training.export import Description, export

RANK = 8
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="session")
def peft_model(smollm2_f32_path: Path) -> PeftModel:
    """The default model with random changes to all linear weights, large enough to be seen."""
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(
        smollm2_f32_path.parent, gguf_file=smollm2_f32_path.name, dtype=torch.float32
    )
    model = get_peft_model(
        base, LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=LINEAR, lora_dropout=0.0)
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1)
    return model.eval()


@pytest.fixture(scope="session")
def adapter_folder(peft_model: PeftModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where peft saved it."""
    folder = tmp_path_factory.mktemp("run") / "adapter"
    peft_model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def description(smollm2_path: Path) -> Description:
    return Description("random", "1", "MIT", "smollm2-135m", sha256_of(smollm2_path), {"run": "seed 0"})


@pytest.fixture(scope="session")
def adapter_path(adapter_folder: Path, smollm2_path: Path, description: Description) -> Path:
    """The adapter as a GGUF file, with nothing rounded."""
    path = adapter_folder.parent / "random.gguf"
    export(adapter_folder, path, smollm2_path, description, "f32")
    return path
