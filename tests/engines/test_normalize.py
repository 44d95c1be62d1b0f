"""Log-probabilities in float32 against the same sums in float64."""

import numpy as np
import pytest

from byte_lsp.engines.normalize import normalize


@pytest.mark.parametrize("size", [300, 49_152, 262_144])
@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0])
def test_normalising_in_float32_loses_little(size: int, spread: float) -> None:
    logits = (spread * np.random.default_rng(size).standard_normal(size) + 20).astype(np.float32)
    row = np.empty_like(logits)
    normalize(logits, row)
    exact = logits.astype(np.float64) - np.logaddexp.reduce(logits.astype(np.float64))
    assert np.abs(row - exact)[exact > -30].max() < 2e-6
