"""Reusing what is cached changes no result, shown where results do not depend on the batch."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TRUNK_END, Logits, TokenTree
from byte_lsp.engines.shape import measure

NOISE_NATS = 1e-4
PREFIX = tuple(range(900, 912))


@pytest.fixture(scope="module")
def forgetful_engine(smollm2_f32_path: Path) -> Iterator[LlamaCppEngine]:
    """A second engine in the reference configuration, asked one path at a time with an empty cache."""
    engine = LlamaCppEngine(
        EngineConfig(smollm2_f32_path, context_tokens=64, safe_path=True, cache_type="f32")
    )
    yield engine
    engine.close()


@st.composite
def trees(draw: st.DrawFn) -> tuple[TokenTree, list[int]]:
    trunk = draw(st.lists(st.integers(500, 501), max_size=4))
    tokens = draw(st.lists(st.integers(500, 502), max_size=5))
    parents = [draw(st.integers(-1, node - 1)) for node in range(len(tokens))]
    nodes = draw(st.lists(st.integers(-1, len(tokens) - 1), min_size=1, max_size=4))
    return TokenTree((*PREFIX[: draw(st.integers(8, 12))], *trunk), tuple(tokens), tuple(parents)), nodes


def paths_of(tree: TokenTree) -> dict[int, tuple[int, ...]]:
    paths = {TRUNK_END: tree.trunk}
    for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
        paths[node] = (*paths[parent], token)
    return paths


def test_rows_and_costs_are_those_of_an_empty_cache(
    reference_engine: LlamaCppEngine, forgetful_engine: LlamaCppEngine
) -> None:
    @cache
    def fresh_row(path: tuple[int, ...]) -> Logits:
        forgetful_engine.forget()
        return log_probabilities(forgetful_engine.evaluate(TokenTree(path), [TRUNK_END])[0])

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(trees(), min_size=2, max_size=6))
    def check(calls: list[tuple[TokenTree, list[int]]]) -> None:
        reference_engine.forget()
        held: set[tuple[int, ...]] = set()
        for tree, nodes in calls:
            paths = paths_of(tree)
            before = reference_engine.tokens_evaluated
            rows = reference_engine.evaluate(tree, nodes)
            asked = {paths[node] for node in nodes}
            new = {path[: at + 1] for path in paths.values() for at in range(len(path))} - held
            assert reference_engine.tokens_evaluated - before == len(new) + len(asked & held)
            held |= new
            for row, node in zip(log_probabilities(rows) if nodes else (), nodes, strict=True):
                likely = fresh_row(paths[node]) > -20
                assert np.abs(row - fresh_row(paths[node]))[likely].max() < NOISE_NATS

    check()


def test_a_shape_names_each_path_once() -> None:
    shape = measure(TokenTree((1,), (2, 2, 3, 3, 2), (-1, -1, 0, 1, 3)), 10)
    assert (list(shape.tokens), list(shape.parents), list(shape.depths)) == ([2, 3, 2], [-1, 0, 1], [1, 2, 3])
    assert list(shape.numbers) == [0, 0, 1, 1, 2]


def test_a_parked_prompt_gives_the_very_rows(reference_engine: LlamaCppEngine) -> None:
    reference_engine.forget()
    first, second = ((*PREFIX, *range(start, start + 150)) for start in (2000, 7000))
    rows = reference_engine.evaluate(TokenTree((*first, 5)), [TRUNK_END])
    reference_engine.evaluate(TokenTree(first), [])
    reference_engine.evaluate(TokenTree(second), [TRUNK_END])
    before = reference_engine.tokens_evaluated
    again = reference_engine.evaluate(TokenTree((*first, 5)), [TRUNK_END])
    assert reference_engine.tokens_evaluated - before == 1
    assert np.abs(rows - again).max() < NOISE_NATS
