"""What a model says of one text, and how far two models are apart."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TokenTree
from byte_lsp.tokens.tokenizer import load_tokenizer

TOKENS = 96
Rows = NDArray[np.float64]


def text_tokens(model: Path) -> tuple[int, ...]:
    """Real text: the beginning of a module of the standard library."""
    return tuple(load_tokenizer(model).encode(Path(textwrap.__file__).read_bytes()))[:TOKENS]


def next_token_rows(config: EngineConfig, tokens: tuple[int, ...]) -> Rows:
    """Log-probabilities after each token but the first, a row each."""
    engine = LlamaCppEngine(config)
    try:
        chain = TokenTree(tokens[:1], tokens[1:], tuple(range(-1, len(tokens) - 2)))
        return np.asarray(log_probabilities(engine.evaluate(chain, range(len(tokens) - 1))), np.float64)
    finally:
        engine.close()


@dataclass(frozen=True)
class Gap:
    """``most`` is over the probable tokens, in nats; ``divergence`` the mean one of Kullback and Leibler."""

    most: float
    divergence: float


def gap(reference: Rows, other: Rows) -> Gap:
    likely = np.argpartition(reference, -20, axis=1)[:, -20:]
    left, right = (np.take_along_axis(rows, likely, 1) for rows in (reference, other))
    return Gap(
        float(np.abs(left - right).max()), float((np.exp(reference) * (reference - other)).sum(1).mean())
    )
