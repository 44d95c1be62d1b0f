"""Small GGUF files with tensors, that nothing but a merge can use."""

from pathlib import Path

import numpy as np
from gguf.constants import GGMLQuantizationType
from numpy.typing import NDArray

from byte_lsp.adapters.container import ContainerWriter, Tensor, text_pair

Values = NDArray[np.float32]


def write_model(path: Path, tensors: dict[str, Values], **texts: str) -> Path:
    """A container of these tensors, as F32; in the keys of the metadata "__" stands for a dot."""
    described = [Tensor(name, values.shape, GGMLQuantizationType.F32) for name, values in tensors.items()]
    pairs = [text_pair(key.replace("__", "."), value) for key, value in texts.items()]
    with path.open("wb") as file:
        ContainerWriter(pairs, described, 32).write(file, tensors.values())
    return path


def write_pair(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """A model of two weights and an adapter that changes one: ``model.gguf``, ``adapter.gguf``."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> Values:
        return random.standard_normal(shape).astype(np.float32)

    model = write_model(
        folder / "model.gguf", {"w": draw(4, 64), "other": draw(3, 32)}, general__architecture="llama"
    )
    adapter = write_model(
        folder / "adapter.gguf",
        {"w.lora_a": draw(2, 64), "w.lora_b": draw(4, 2)},
        general__architecture="llama",
        general__type="adapter",
        adapter__type="lora",
    )
    return model, adapter
