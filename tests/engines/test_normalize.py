"""Logits to log-probabilities."""

import numpy as np
import pytest

from byte_lsp.engines.normalize import log_probabilities


def test_probabilities_sum_to_one_and_keep_their_ratios() -> None:
    logits = (12 * np.random.default_rng(5).standard_normal((3, 49_152)) + 900).astype(np.float32)
    rows = log_probabilities(logits)
    assert rows.dtype == np.float64
    assert np.exp(rows).sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    assert np.ptp(rows - logits.astype(np.float64), axis=1).max() < 1e-9
    assert log_probabilities(logits[1]) == pytest.approx(rows[1], abs=1e-12)
