"""Logits to log-probabilities, where engines are compared."""

import numpy as np
from numpy.typing import NDArray

from byte_lsp.engines.protocol import Logits


def log_probabilities(logits: Logits) -> NDArray[np.float64]:
    """Every row less its constant, in float64; shapes (rows, vocabulary size) or (vocabulary size,)."""
    rows = logits.astype(np.float64)
    rows -= rows.max(axis=-1, keepdims=True)
    rows -= np.log(np.exp(rows).sum(axis=-1, keepdims=True))
    return rows
