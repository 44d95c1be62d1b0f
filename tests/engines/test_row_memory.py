"""Remembered rows are those of the engine, and cost nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.engines.row_memory import RowMemory
from byte_lsp.engines.table import TableEngine
from byte_lsp.errors import Cancelled

VOCABULARY = 7
ROW_BYTES = 8 * VOCABULARY


def table() -> TableEngine:
    return TableEngine(VOCABULARY, seed=3)


@st.composite
def calls(draw: st.DrawFn) -> tuple[TokenTree, list[int]]:
    trunk = tuple(draw(st.lists(st.integers(0, 1), min_size=1, max_size=3)))
    tokens = tuple(draw(st.lists(st.integers(0, 1), max_size=5)))
    parents = tuple(draw(st.integers(-1, node - 1)) for node in range(len(tokens)))
    nodes = draw(st.lists(st.integers(-1, len(tokens) - 1), min_size=1, max_size=4))
    return TokenTree(trunk, tokens, parents), nodes


@settings(deadline=None)
@given(st.lists(calls(), max_size=8), st.integers(1, 12))
def test_rows_are_those_of_the_engine_whatever_is_remembered(
    asked: list[tuple[TokenTree, list[int]]], most_rows: int
) -> None:
    alone, memory = table(), RowMemory(table(), most_rows * ROW_BYTES)
    for tree, nodes in asked:
        np.testing.assert_array_equal(memory.evaluate(tree, nodes), alone.evaluate(tree, nodes))
    assert memory.tokens_evaluated <= alone.tokens_evaluated


def test_what_was_asked_before_costs_nothing() -> None:
    memory = RowMemory(table())
    memory.evaluate(TokenTree((1, 2), (3, 4), (TRUNK_END, 0)), [TRUNK_END, 0, 1])
    before = memory.tokens_evaluated
    memory.evaluate(TokenTree((1, 2, 3)), [TRUNK_END])
    memory.evaluate(TokenTree((1,), (2, 3, 4), (TRUNK_END, 0, 1)), [1, 2])
    assert memory.tokens_evaluated == before


def test_what_is_not_asked_for_is_not_evaluated() -> None:
    """Its row may be remembered: so a neighbour's cells need not be there."""
    memory = RowMemory(table())
    memory.evaluate(TokenTree((1, 2), (3, 4), (TRUNK_END, TRUNK_END)), [1])
    assert memory.tokens_evaluated == len((1, 2, 4))


def test_only_what_is_new_is_evaluated() -> None:
    """A leaf whose row is known is not evaluated for the sake of its neighbours."""
    inner = table()
    memory = RowMemory(inner)
    memory.evaluate(TokenTree((1, 2, 3)), [TRUNK_END])
    inner.forget()
    before = memory.tokens_evaluated
    memory.evaluate(TokenTree((1, 2), (3, 4), (TRUNK_END, TRUNK_END)), [0, 1])
    assert memory.tokens_evaluated - before == len((1, 2, 4))


def test_the_rows_asked_for_longest_ago_go_first() -> None:
    memory = RowMemory(table(), 2 * ROW_BYTES)
    for path in ((1,), (2,), (1,), (3,)):
        memory.evaluate(TokenTree(path), [TRUNK_END])
    before = memory.tokens_evaluated
    memory.evaluate(TokenTree((1,)), [TRUNK_END])
    assert memory.tokens_evaluated == before
    memory.evaluate(TokenTree((2,)), [TRUNK_END])
    assert memory.tokens_evaluated == before + 1


def test_a_row_that_is_remembered_keeps_no_other_alive() -> None:
    memory = RowMemory(table())
    memory.evaluate(TokenTree((1,), (2, 3), (TRUNK_END, 0)), [TRUNK_END, 0, 1])
    assert len(memory._rows) == 3
    assert all(row.base is None for row in memory._rows.values())


def test_forgetting_forgets_rows() -> None:
    memory = RowMemory(table())
    memory.evaluate(TokenTree((1, 2)), [TRUNK_END])
    memory.forget()
    before = memory.tokens_evaluated
    memory.evaluate(TokenTree((1, 2)), [TRUNK_END])
    assert memory.tokens_evaluated == before + 2


def test_remembered_rows_are_given_up_like_others() -> None:
    memory = RowMemory(table())
    memory.evaluate(TokenTree((1,)), [TRUNK_END])
    memory.interrupt(True)
    with pytest.raises(Cancelled):
        memory.evaluate(TokenTree((1,)), [TRUNK_END])
    memory.interrupt(False)
    assert memory.evaluate(TokenTree((1,)), [TRUNK_END]).shape == (1, VOCABULARY)
