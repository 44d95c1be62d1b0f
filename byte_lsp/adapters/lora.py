"""A LoRA adapter in a GGUF file, as llama.cpp reads it.

For each weight W of a model that it changes such a file has two thin matrices, ``W.lora_a`` (A, rank rows)
and ``W.lora_b`` (B, rank columns). The model with the adapter has W + s B A for W, with s = scale * alpha /
rank (arXiv 2106.09685, section 4.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byte_lsp.adapters.container import Container, Tensor, TensorReader, read_container
from byte_lsp.errors import ModelFileError

A_SUFFIX, B_SUFFIX = ".lora_a", ".lora_b"


@dataclass(frozen=True, slots=True)
class Lora:
    """An adapter's file. ``changes`` are the names of the weights that it changes."""

    container: Container
    alpha: float
    changes: tuple[str, ...]

    def delta_of(self, name: str, reader: TensorReader, scale: float = 1.0) -> NDArray[np.float32]:
        """What is added to a weight.

        It is summed in 64 bits: libraries differ in the order of a sum, and 32 bits would show that.
        """
        a = reader.values(name + A_SUFFIX).astype(np.float64)
        b = reader.values(name + B_SUFFIX).astype(np.float64)
        factor = scale * (self.alpha / a.shape[0] if self.alpha else 1.0)
        return np.asarray(factor * (b @ a), np.float32)


def read_lora(path: Path) -> Lora:
    """Errors: ``ModelFileError`` naming the file where it is missing, damaged, or no LoRA adapter."""
    container = read_container(path)
    for key, expected in (("general.type", "adapter"), ("adapter.type", "lora")):
        if container.text(key) != expected:
            raise ModelFileError(
                f'{path}: not a LoRA adapter: {key} is "{container.text(key)}", not "{expected}"; '
                "name a file that byte_lsp.training.export or llama.cpp's convert_lora_to_gguf.py has written"
            )
    names = [name.removesuffix(A_SUFFIX) for name in container.tensors if name.endswith(A_SUFFIX)]
    for name in container.tensors:
        if name.removesuffix(A_SUFFIX).removesuffix(B_SUFFIX) == name:
            raise ModelFileError(f"{path}: {name} is no part of a LoRA adapter; only .lora_a and .lora_b are")
    if len(container.tensors) != 2 * len(names) or any(
        name + B_SUFFIX not in container.tensors for name in names
    ):
        raise ModelFileError(f"{path}: some .lora_a have no .lora_b, or the other way round; export it anew")
    for name in names:
        a, b = (container.tensors[name + suffix].shape for suffix in (A_SUFFIX, B_SUFFIX))
        if not len(a) == len(b) == 2 or a[0] != b[1]:
            raise ModelFileError(f"{path}: {b} x {a} for {name} is no product of matrices; export it anew")
    return Lora(container, container.number("adapter.lora.alpha") or 0.0, tuple(names))


def check_fits(lora: Lora, base: Container) -> None:
    """Errors: ``ModelFileError`` naming both files where the adapter is another model's."""
    problem = next(_misfits(lora, base), None)
    if problem:
        raise ModelFileError(
            f"{lora.container.path}: {problem}; this adapter was not made for {base.path.name}: "
            "name the model that it was trained on"
        )


def _misfits(lora: Lora, base: Container) -> Iterator[str]:
    own, other = lora.container.text("general.architecture"), base.text("general.architecture")
    if own != other:
        yield f'its architecture is "{own}" and the model\'s "{other}"'
    for name in lora.changes:
        weight = base.tensors.get(name)
        if weight is None:
            yield f"it changes {name}, which the model does not have"
        elif not _fits(lora.container.tensors, weight):
            a, b = (lora.container.tensors[name + suffix].shape for suffix in (A_SUFFIX, B_SUFFIX))
            yield f"its {b} x {a} matrices cannot change {name} of {weight.shape}"


def _fits(tensors: Mapping[str, Tensor], weight: Tensor) -> bool:
    a, b = (tensors[weight.name + suffix].shape for suffix in (A_SUFFIX, B_SUFFIX))
    if not len(a) == len(b) == len(weight.shape) == 2:
        return False
    return a[0] == b[1] and (b[0], a[1]) == weight.shape
