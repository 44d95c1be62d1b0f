"""An adapter of peft as a GGUF file: ``python -m byte_lsp.training.export RUN/adapter OUT.gguf``."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.gguf_writer import GGUFWriter
from gguf.quants import quantize

from byte_lsp.catalog import load_catalog
from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.models import ensure
from byte_lsp.models.check import sha256_of
from byte_lsp.tokens.gguf import read_metadata
from byte_lsp.training.naming import Matrix, to_gguf

StoredType = Literal["q8_0", "f16", "f32"]
"""The format of the matrices; what cannot be q8_0, because its rows are too short, is f16."""

_UNSUPPORTED = (
    "use_dora",
    "modules_to_save",
    "alpha_pattern",
    "layer_replication",
    "trainable_token_indices",
)


@dataclass(frozen=True, slots=True)
class Description:
    """What an adapter's file says of itself. ``notes`` are more texts, by key."""

    name: str
    version: str
    licence: str
    base_name: str
    base_sha256: str
    notes: Mapping[str, str] = field(default_factory=dict)


def export(
    folder: Path,
    target: Path,
    base: Path,
    description: Description,
    stored_type: StoredType = "f16",
    scale: float = 1.0,
) -> None:
    """Write the adapter that peft saved in ``folder`` for the model file ``base``.

    What it adds to the weights is multiplied by ``scale``: a place between the base and what was trained
    can be better than either for texts unlike the data set (arXiv 2109.01903).

    Errors: ``TrainingError`` naming the file for what llama.cpp has no form for; ``ModelFileError`` for a bad
    ``base``; ``OSError``.
    """
    config = _read_config(folder / "adapter_config.json")
    matrices = dict(to_gguf(read_matrices(folder / "adapter_model.safetensors"), read_metadata(base)))
    write(target, description, scale * _alpha(config), matrices, stored_type)


def write(
    target: Path,
    description: Description,
    alpha: float,
    matrices: Mapping[str, Matrix],
    stored_type: StoredType = "f16",
) -> None:
    """Write an adapter's matrices, by the names that GGUF files have for them. Errors: ``OSError``."""
    writer = GGUFWriter(target, "llama")
    _describe(writer, description)
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, matrix in sorted(matrices.items()):
        kind = _kind(matrix, stored_type)
        writer.add_tensor(name, quantize(matrix, kind), raw_dtype=kind)
    part = target.with_name(f"{target.name}.part")
    writer.write_header_to_file(part)
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.replace(target)


def read_matrices(path: Path) -> dict[str, Matrix]:
    """The tensors of a safetensors file as 32-bit floats. Errors: ``TrainingError`` naming the file."""
    from safetensors import SafetensorError, deserialize  # noqa: PLC0415 - an extra that merging does not need

    try:
        found = deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        return {name: _widen(tensor) for name, tensor in found}
    except (OSError, SafetensorError, KeyError) as error:
        raise TrainingError(f"{path}: cannot be read as an adapter's tensors ({error})") from error


def _widen(tensor: Mapping[str, Any]) -> Matrix:
    raw = np.frombuffer(tensor["data"], np.uint8)
    if tensor["dtype"] == "BF16":
        values = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    else:
        values = raw.view({"F32": np.float32, "F16": np.float16}[tensor["dtype"]]).astype(np.float32)
    return values.reshape(tensor["shape"])


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        config: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(
            f"{path}: cannot be read as peft's description of an adapter ({error})"
        ) from error
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none":
        raise TrainingError(f"{path}: not a LoRA adapter without biases; train with bias='none'")
    for key in _UNSUPPORTED:
        if config.get(key):
            raise TrainingError(f"{path}: llama.cpp has no form for {key}; train without it")
    return config


def _alpha(config: Mapping[str, Any]) -> float:
    """llama.cpp divides it by the rank, whatever peft was told."""
    alpha = float(config["lora_alpha"])
    return alpha * sqrt(config["r"]) if config.get("use_rslora") else alpha


def _kind(matrix: Matrix, stored_type: StoredType) -> GGMLQuantizationType:
    kind = GGMLQuantizationType[stored_type.upper()]
    return GGMLQuantizationType.F16 if matrix.shape[1] % GGML_QUANT_SIZES[kind][0] else kind


def _describe(writer: GGUFWriter, description: Description) -> None:
    writer.add_string("general.type", "adapter")
    writer.add_string("general.name", description.name)
    writer.add_string("general.version", description.version)
    writer.add_string("general.license", description.licence)
    writer.add_uint32("general.base_model.count", 1)
    writer.add_string("general.base_model.0.name", description.base_name)
    writer.add_string("byte_lsp.base.sha256", description.base_sha256)
    for key, text in description.notes.items():
        writer.add_string(f"byte_lsp.{key}", text)


def main() -> int:
    """Read the command line and export; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.training.export",
        description="Write a trained adapter as a GGUF file for llama.cpp.",
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="RUN/adapter", help="the folder that peft saved")
    add("target", type=Path, metavar="OUT.gguf", help="the file to write")
    add(
        "--scale",
        type=float,
        default=1.0,
        metavar="X",
        help="multiply what it adds to the weights by X (default: 1)",
    )
    add_description(add)
    args = parser.parse_args()
    try:
        base = ensure(args.base)
        export(args.folder, args.target, base, read_description(args, base), args.type, args.scale)
    except (ByteLspError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    report(args.target)
    return 0


def add_description(add: Callable[..., Any]) -> None:
    """Options of a command that writes an adapter: its format, and what it says of itself."""
    add("--type", choices=get_args(StoredType), default="f16", help="format of the matrices (default: f16)")
    add(
        "--base",
        default="smollm2-135m",
        metavar="NAME",
        help="the model it was trained on (default: smollm2-135m)",
    )
    add(
        "--name",
        default="smollm2-135m-fim",
        metavar="TEXT",
        help="what it is called (default: smollm2-135m-fim)",
    )
    add("--version", default="1", metavar="TEXT", help="its version (default: 1)")
    add("--licence", default="Apache-2.0", metavar="TEXT", help="its licence (default: Apache-2.0)")
    add("--family", default="smollm2-fim", metavar="NAME", help="its layout's name in the catalogue")
    add(
        "--note",
        nargs=2,
        action="append",
        default=[],
        metavar=("KEY", "TEXT"),
        help="more to say, e.g. run HASH",
    )


def read_description(args: argparse.Namespace, base: Path) -> Description:
    """What the options say of an adapter for the model file ``base``. Errors: ``ByteLspError``."""
    notes = dict(args.note) | _layout_notes(args.family)
    model = load_catalog().resolve(args.base)
    return Description(args.name, args.version, args.licence, model.name, sha256_of(base), notes)


def report(target: Path) -> None:
    """Say what was written."""
    print(f"{target}: {target.stat().st_size:,} bytes, sha256 {sha256_of(target)}")


def _layout_notes(family: str) -> dict[str, str]:
    infill = load_catalog().family(family)
    named = {
        "layout": infill.layout,
        "suffix": infill.suffix,
        "middle": infill.middle,
        "prefix": infill.prefix,
    }
    return {f"infill.{key}": value for key, value in named.items() if value}


if __name__ == "__main__":
    sys.exit(main())
