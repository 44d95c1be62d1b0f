"""How far the same tokens differ when they are evaluated in batches of another shape.

    python -m byte_lsp.evaluation.batch_noise [--model smollm2-135m] [--tokens 256]

Matrix kernels add in another order for another number of rows, and quantized ones round what they multiply.
The figures are absolute differences of next-token log-probabilities from evaluation token by token, over the
50 most probable tokens at every position of a file of the standard library.
"""

import argparse
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.framing import frame
from byte_lsp.catalog import load_catalog
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine, requantize
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.models import ensure
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.worker.safe_path import needs_safe_path

SHAPES = (2, 4, 8, 16, 32, 64)
"""Tokens per batch."""

_TOP = 50


@dataclass(frozen=True, slots=True)
class Noise:
    """Differences between two batch shapes: median and most in nats, most in probability."""

    median_nats: float
    most_nats: float
    most_probability: float


def rows_in_batches(
    engine: LlamaCppEngine, tokens: tuple[int, ...], batch_tokens: int
) -> NDArray[np.float32]:
    """The row after every token but the first, evaluated so many tokens at a time."""
    engine.forget()
    engine.evaluate(TokenTree(tokens[:1]), [TRUNK_END])
    rows = []
    for start in range(1, len(tokens), batch_tokens):
        batch = tokens[start : start + batch_tokens]
        chain = TokenTree(tokens[:start], batch, tuple(range(-1, len(batch) - 1)))
        rows.append(engine.evaluate(chain, range(len(batch))))
    return log_probabilities(np.concatenate(rows)).astype(np.float32)


def compare(left: NDArray[np.float32], right: NDArray[np.float32], top: int = _TOP) -> Noise:
    """How far two evaluations differ on the ``top`` tokens of each row, shapes (positions, vocabulary)."""
    most_probable = np.argpartition(left, -top, axis=1)[:, -top:]
    first = np.take_along_axis(left, most_probable, 1).astype(np.float64)
    second = np.take_along_axis(right, most_probable, 1).astype(np.float64)
    nats = np.abs(first - second)
    return Noise(
        float(np.median(nats)), float(nats.max()), float(np.abs(np.exp(first) - np.exp(second)).max())
    )


def measure_noise(config: EngineConfig, tokens: tuple[int, ...]) -> Iterator[tuple[int, Noise]]:
    """The noise of each of ``SHAPES`` against one token at a time."""
    engine = LlamaCppEngine(config)
    try:
        alone = rows_in_batches(engine, tokens, 1)
        for batch_tokens in SHAPES:
            yield batch_tokens, compare(alone, rows_in_batches(engine, tokens, batch_tokens))
    finally:
        engine.close()


def configurations(path: Path, f32_path: Path, context_tokens: int) -> dict[str, EngineConfig]:
    """What is measured, by name: the model as it is first, the reference configuration last."""
    shipped = EngineConfig(path, context_tokens, safe_path=needs_safe_path(str(path)))
    reference = replace(shipped, model_path=f32_path, cache_type="f32")
    return {
        "as shipped": shipped,
        "as shipped, flash attention": replace(shipped, flash_attention=True),
        "F32 weights, F16 cache, flash attention": replace(reference, cache_type="f16", flash_attention=True),
        "F32 weights, F16 cache": replace(reference, cache_type="f16"),
        "F32 weights, F32 cache (the reference)": reference,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m", help="a catalogue name or a GGUF file")
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()
    model, path = load_catalog().resolve(options.model), ensure(options.model)
    tokenizer = load_tokenizer(path)
    framing = frame(tokenizer.vocabulary, model.start_token, model.end_tokens)
    text = Path(textwrap.__file__).read_bytes()
    tokens = (*framing.head, *tokenizer.encode(text))[: options.tokens]
    with tempfile.TemporaryDirectory() as folder:
        f32_path = Path(folder) / "f32.gguf"
        requantize(path, f32_path, "F32")
        for name, config in configurations(path, f32_path, len(tokens)).items():
            print(f"{name}\n  tokens/batch   median nats   most nats   most probability")
            for batch_tokens, noise in measure_noise(config, tokens):
                print(
                    f"  {batch_tokens:12}   {noise.median_nats:11.1e}   {noise.most_nats:9.1e}"
                    f"   {noise.most_probability:16.1e}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
