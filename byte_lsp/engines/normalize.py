"""Logits to log-probabilities, in the inner loop of every engine."""

import numpy as np
from numpy.typing import NDArray


def normalize(logits: NDArray[np.float32], row: NDArray[np.float32]) -> None:
    """Write log-probabilities to ``row``, shape (vocabulary size,) as ``logits``, without fresh memory.

    NumPy sums by halves, so the normaliser is off by less than 2e-6 nats at worst and 1e-7 as a rule. The
    rest is float32's rounding; taking the maximum off first keeps that small where probabilities are not.
    """
    highest = logits.max()
    np.subtract(logits, highest, out=row)
    np.exp(row, out=row)
    log_sum = np.log(row.sum())
    np.subtract(logits, highest, out=row)
    row -= log_sum
