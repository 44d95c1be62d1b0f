"""Merging a LoRA adapter into a model file, so that it costs nothing when the model runs.

Weights that the adapter changes are read, changed, and written in another format, one after the other; all
other weights, the metadata and the tokenizer are copied byte for byte. The same files give the same bytes.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from gguf.constants import GGMLQuantizationType, LlamaFileType
from gguf.quants import quantize
from numpy.typing import NDArray

from byte_lsp.adapters.container import (
    Container,
    ContainerWriter,
    Tensor,
    TensorReader,
    number_pair,
    read_container,
    text_pair,
)
from byte_lsp.adapters.lora import Lora, check_fits, read_lora
from byte_lsp.catalog import MergedType
from byte_lsp.errors import ModelFileError
from byte_lsp.models.cache import disk_errors_explained, need_space
from byte_lsp.models.check import sha256_of

_FILE_TYPES: dict[MergedType, LlamaFileType] = {
    "q8_0": LlamaFileType.MOSTLY_Q8_0,
    "q5_1": LlamaFileType.MOSTLY_Q5_1,
    "q5_0": LlamaFileType.MOSTLY_Q5_0,
    "q4_1": LlamaFileType.MOSTLY_Q4_1,
    "q4_0": LlamaFileType.MOSTLY_Q4_0,
    "f16": LlamaFileType.MOSTLY_F16,
}


def merge(base: Path, adapter: Path, target: Path, merged_type: MergedType, scale: float = 1.0) -> None:
    """Write ``base`` with ``adapter`` merged into its weights, ``scale`` times, to ``target``.

    ``target`` appears when it is whole; until then its name ends in the process's number and ``.part``.
    Memory: a few times the largest weight that changes. Errors: ``ModelFileError`` for files that are damaged
    or do not belong together, and for a full disk.
    """
    model, lora = read_container(base), read_lora(adapter)
    check_fits(lora, model)
    kind = GGMLQuantizationType[merged_type.upper()]
    changed = set(lora.changes)
    tensors = [replace(each, type=kind) if each.name in changed else each for each in model.tensors.values()]
    try:
        writer = ContainerWriter(_pairs(model, lora, merged_type, scale), tensors, model.alignment)
    except ValueError as error:
        raise ModelFileError(f"{base}: {error}; choose another type to merge to") from error
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with disk_errors_explained(target.parent, writer.size_bytes):
            need_space(target.parent, writer.size_bytes)
            with part.open("wb") as file:
                writer.write(file, _data(model, lora, tensors, scale))
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _pairs(model: Container, lora: Lora, merged_type: MergedType, scale: float) -> list[bytes]:
    """The model's metadata, with what is new in it."""
    own_name = model.text("general.name") or model.path.stem
    name = lora.container.text("general.name") or lora.container.path.stem
    new = [
        text_pair("general.name", f"{own_name} + {name}"),
        number_pair("general.file_type", _FILE_TYPES[merged_type]),
        text_pair("byte_lsp.merged.base.sha256", sha256_of(model.path)),
        text_pair("byte_lsp.merged.adapter.sha256", sha256_of(lora.container.path)),
        text_pair("byte_lsp.merged.adapter.scale", f"{scale:g}"),
    ]
    replaced = {"general.name", "general.file_type"}
    return [*(raw for key, raw in model.stored.items() if key not in replaced), *new]


def _data(model: Container, lora: Lora, tensors: list[Tensor], scale: float) -> Iterator[NDArray[np.generic]]:
    weights, changes = TensorReader(model), TensorReader(lora.container)
    changed = set(lora.changes)
    for tensor in tensors:
        if tensor.name in changed:
            values = weights.values(tensor.name) + lora.delta_of(tensor.name, changes, scale)
            yield quantize(values, tensor.type)
        else:
            yield weights.raw(tensor.name)
