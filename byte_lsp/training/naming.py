"""The matrices of an adapter under the names of peft and of GGUF files.

Tensors have other names in the two. And transformers keeps the rows of a LLaMA model's query and key weights
in another order than GGUF files, because it rotates the two halves of a head where llama.cpp rotates
neighbours: what is added to those rows must be put into the file's order (``permute`` in llama.cpp's
conversion scripts).
"""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from byte_lsp.errors import TrainingError
from byte_lsp.tokens.gguf import MetadataValue

Matrix = NDArray[np.float32]

_WEIGHTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_PREFIX = "base_model.model.model.layers."
_SIDES = {".lora_A.weight": ".lora_a", ".lora_B.weight": ".lora_b"}


def to_gguf(
    matrices: Mapping[str, Matrix], metadata: Mapping[str, MetadataValue]
) -> Iterator[tuple[str, Matrix]]:
    """peft's matrices as a GGUF file has them. ``metadata`` is the base's.

    Errors: ``TrainingError`` for a matrix that has no place there, and for a base that is no LLaMA.
    """
    heads = _heads(metadata)
    for name, matrix in matrices.items():
        layer, weight, side = _place(name)
        rotated = side == ".lora_b" and weight in heads
        yield f"blk.{layer}.{weight}.weight{side}", permute(matrix, heads[weight]) if rotated else matrix


def to_peft(
    matrices: Mapping[str, Matrix], metadata: Mapping[str, MetadataValue]
) -> Iterator[tuple[str, Matrix]]:
    """What ``to_gguf`` gave, as peft saves it. Errors: ``TrainingError`` as there."""
    heads = _heads(metadata)
    modules = {weight: module for module, weight in _WEIGHTS.items()}
    sides = {side: suffix for suffix, side in _SIDES.items()}
    for name, matrix in matrices.items():
        try:
            _, layer, weight, _, side = name.split(".")
            renamed = f"{_PREFIX}{int(layer)}.{modules[weight]}{sides[f'.{side}']}"
        except (ValueError, KeyError) as error:
            raise TrainingError(f"{name} is no part of an adapter for linear layers of blocks") from error
        rotated = side == "lora_b" and weight in heads
        yield renamed, permute_back(matrix, heads[weight]) if rotated else matrix


def permute(matrix: Matrix, heads: int) -> Matrix:
    """Rows of query or key weights from transformers' order into GGUF's: halves of a head interleaved."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def permute_back(matrix: Matrix, heads: int) -> Matrix:
    """Undo ``permute``."""
    rows, columns = matrix.shape
    return matrix.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _heads(metadata: Mapping[str, MetadataValue]) -> Mapping[str, int]:
    """How many heads the weights have whose rows are in another order. Errors: ``TrainingError``."""
    architecture = metadata.get("general.architecture")
    if architecture != b"llama":
        raise TrainingError(
            f"the base's architecture is {architecture!r}; only llama's adapters have a form in GGUF here"
        )
    queries = metadata.get("llama.attention.head_count")
    keys = metadata.get("llama.attention.head_count_kv", queries)
    if not isinstance(queries, int) or not isinstance(keys, int):
        raise TrainingError(
            f"the base has {queries!r} query heads and {keys!r} key heads; numbers are needed"
        )
    return {"attn_q": queries, "attn_k": keys}


def _place(name: str) -> tuple[int, str, str]:
    """A matrix's layer, weight and side. Errors: ``TrainingError``."""
    for suffix, side in _SIDES.items():
        if name.startswith(_PREFIX) and name.endswith(suffix):
            layer, _, module = name.removeprefix(_PREFIX).removesuffix(suffix).partition(".")
            if module in _WEIGHTS and layer.isdecimal():
                return int(layer), _WEIGHTS[module], side
    raise TrainingError(
        f"{name} has no place in a LoRA adapter of llama.cpp; train linear layers of blocks only"
    )
