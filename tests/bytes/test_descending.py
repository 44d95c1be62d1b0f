"""Tokens by falling log-probability."""

from itertools import islice

import numpy as np
import pytest

from byte_lsp.bytes.canonical import descending


@pytest.mark.parametrize("size", [1, 4, 5, 40, 3000])
@pytest.mark.parametrize("out", [0.0, 0.5, 1.0], ids=["none out", "half out", "all out"])
@pytest.mark.parametrize("digits", [1, 8], ids=["many equal", "none equal"])
def test_each_possible_token_comes_once_and_none_before_a_better_one(
    size: int, out: float, digits: int
) -> None:
    generator = np.random.default_rng(size)
    row = generator.normal(size=size).round(digits)
    row[generator.random(size) < out] = -np.inf
    given = row.copy()
    tokens = list(descending(row))
    assert sorted(tokens) == np.flatnonzero(row > -np.inf).tolist()
    assert (np.diff(row[tokens]) <= 0).all()
    assert np.array_equal(row, given)


def test_no_more_is_sorted_than_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "argsort", lambda *_, **__: pytest.fail("it was sorted"))
    assert list(islice(descending(np.arange(50.0)), 4)) == [49, 48, 47, 46]
