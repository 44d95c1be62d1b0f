"""The table engine: the same numbers for the same seed, whatever was asked before."""

import numpy as np
import pytest

from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.engines.table import TableEngine


def test_equal_seeds_give_equal_rows() -> None:
    first, second = TableEngine(20, seed=1), TableEngine(20, seed=1)
    second.evaluate(TokenTree((9, 9)), [TRUNK_END])
    tree = TokenTree((1, 2), (3, 4), (-1, 0))
    assert np.array_equal(first.evaluate(tree, [0, 1]), second.evaluate(tree, [0, 1]))


def test_rows_depend_on_the_whole_path_and_the_seed() -> None:
    engine = TableEngine(20, seed=1)
    rows = [engine.row(path) for path in [(1, 2), (2, 1), (1,), (12,), (1, 2, 3)]]
    rows.append(TableEngine(20, seed=2).row((1, 2)))
    assert len({row.tobytes() for row in rows}) == len(rows)


def test_numbers_of_any_type_name_the_same_row() -> None:
    path = tuple(np.array([1, 2, 3]))
    assert np.array_equal(TableEngine(20).row(path), TableEngine(20).row((1, 2, 3)))


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0])
def test_rows_are_normalised_at_every_spread(spread: float) -> None:
    row = TableEngine(50, spread=spread).row((0,))
    assert np.exp(row).sum() == pytest.approx(1.0, abs=1e-12)
    assert (row.max() - row.min() > 1e-9) == (spread > 0)
