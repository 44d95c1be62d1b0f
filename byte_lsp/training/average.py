"""The mean of several adapters for one base: ``python -m byte_lsp.training.average OUT.gguf A.gguf B.gguf``.

What runs from one start have learnt lies close together, and their mean is often better than any of them
("model soups", arXiv 2203.05482). Sums of products are averaged, not the matrices, whose rows mean nothing
beside those of another run; the mean is then cut to a rank, which loses what the least singular values hold.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from byte_lsp.adapters.container import TensorReader, read_container
from byte_lsp.adapters.lora import A_SUFFIX, B_SUFFIX, Lora, check_fits, read_lora
from byte_lsp.errors import ByteLspError, TrainingError
from byte_lsp.models import ensure
from byte_lsp.training.export import add_description, read_description, report, write
from byte_lsp.training.naming import Matrix


@dataclass(frozen=True, slots=True)
class Mean:
    """Matrices by the names of GGUF files, to be scaled by ``alpha`` / rank, and the share of the mean's
    squares that the rank has no room for.
    """

    matrices: dict[str, Matrix]
    alpha: float
    lost: float


def average(paths: Sequence[Path], base: Path, rank: int) -> Mean:
    """The mean of what adapters add to the weights of ``base``; one that leaves a weight alone adds nothing.

    Errors: ``ModelFileError`` naming a file that is no adapter, or another model's; ``TrainingError`` for one
    that was trained in another layout, or on another file.
    """
    model = read_container(base)
    loras = [read_lora(path) for path in paths]
    for lora in loras:
        check_fits(lora, model)
        _check_alike(loras[0], lora)
    readers = [TensorReader(lora.container) for lora in loras]
    matrices, lost, total = {}, 0.0, 0.0
    for name in sorted({name for lora in loras for name in lora.changes}):
        factors = list(_factors(name, loras, readers))
        left = np.concatenate([b for b, _ in factors], axis=1) / len(loras)
        right = np.concatenate([a for _, a in factors], axis=0)
        # The singular values of B A are those of a small matrix: B = Q R, and A.T likewise.
        q_left, r_left = np.linalg.qr(left)
        q_right, r_right = np.linalg.qr(right.T)
        u, values, v = np.linalg.svd(r_left @ r_right.T, full_matrices=False)
        lost, total = lost + float((values[rank:] ** 2).sum()), total + float((values**2).sum())
        root = np.sqrt(values[:rank])
        matrices[name + A_SUFFIX] = _fill((q_right @ v[:rank].T * root).T, rank, 0)
        matrices[name + B_SUFFIX] = _fill(q_left @ u[:, :rank] * root, rank, 1)
    return Mean(matrices, float(rank), lost / total if total else 0.0)


def _check_alike(first: Lora, other: Lora) -> None:
    """Errors: ``TrainingError`` where the files say that what they do has no mean."""
    for key in (*first.container.metadata, *other.container.metadata):
        if key == "byte_lsp.base.sha256" or key.startswith("byte_lsp.infill."):
            one, two = first.container.text(key), other.container.text(key)
            if one != two:
                raise TrainingError(
                    f'{other.container.path}: {key} is "{two}", and "{one}" in {first.container.path}: '
                    "give adapters that were trained on the same file, in the same layout"
                )


def _factors(
    name: str, loras: Sequence[Lora], readers: Sequence[TensorReader]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """B and A of each adapter that changes a weight, their product as it is added."""
    for lora, reader in zip(loras, readers, strict=True):
        if name in lora.changes:
            a = reader.values(name + A_SUFFIX).astype(np.float64)
            b = reader.values(name + B_SUFFIX).astype(np.float64)
            yield b * (lora.alpha / a.shape[0] if lora.alpha else 1.0), a


def _fill(matrix: np.ndarray, rank: int, axis: int) -> Matrix:
    """A factor of the full rank: what is missing adds nothing."""
    missing = [(0, 0), (0, 0)]
    missing[axis] = (0, rank - matrix.shape[axis])
    return np.ascontiguousarray(np.pad(matrix, missing), np.float32)


def main() -> int:
    """Read the command line and write the mean; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.training.average",
        description="Write the mean of adapters for one base as an adapter of its own.",
    )
    add = parser.add_argument
    add("target", type=Path, metavar="OUT.gguf", help="the file to write")
    add("adapters", type=Path, nargs="+", metavar="ADAPTER.gguf", help="what to take the mean of")
    add("--rank", type=int, default=32, help="of the mean's matrices (default: 32)")
    add_description(add)
    args = parser.parse_args()
    if args.rank < 1:
        parser.error(f"--rank must be 1 or more, not {args.rank}")
    try:
        base = ensure(args.base)
        mean = average(args.adapters, base, args.rank)
        write(args.target, read_description(args, base), mean.alpha, mean.matrices, args.type)
    except (ByteLspError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(f"of {len(args.adapters)} adapters, without {mean.lost:.2%} of the squares of their mean")
    report(args.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
