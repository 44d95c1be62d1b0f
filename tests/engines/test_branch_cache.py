"""The books of a KV cache against a memory that keeps every sequence whole and checks every order."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.engines.branch_cache import BranchCache, Entry
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.engines.shape import TreeShape, measure
from byte_lsp.errors import EngineError

Path = tuple[int, ...]


@dataclass
class WholeSequences:
    """A memory as llama.cpp's: sequences by number, sharing cells; it fails at what llama.cpp refuses."""

    capacity: int
    window: int = 0
    sequences: dict[int, list[int]] = field(default_factory=dict)

    def copy(self, source: int, target: int, length: int) -> None:
        assert not self.sequences.get(target)
        assert 0 <= length <= len(self.sequences.get(source, []))
        self.sequences[target] = self.sequences.get(source, [])[:length]

    def cut(self, branch: int, length: int) -> None:
        del self.sequences.get(branch, [])[length:]

    def least_length(self, branch: int) -> int:
        return len(self.sequences.get(branch, ())) if self.window else 0

    def held(self) -> set[Path]:
        """Every beginning of every sequence, as one cell each."""
        return {tuple(s[: at + 1]) for s in self.sequences.values() for at in range(len(s))}

    def evaluate(self, chunk: list[Entry], share: float = 1.0) -> dict[int, Path]:
        """The path behind each row; a ``share`` below one leaves the chunk half done."""
        lengths = {n: len(self.sequences.get(n, [])) for entry in chunk for n in entry.branches}
        for entry in chunk:
            assert len({lengths[n] for n in entry.branches}) == 1, "coupled sequences have diverged"
        rows = {}
        for entry in chunk[: round(share * len(chunk))]:
            paths = set()
            for number in entry.branches:
                sequence = self.sequences.setdefault(number, [])
                assert entry.position == len(sequence), "positions are not consecutive"
                sequence.append(entry.token)
                paths.add(tuple(sequence))
            (path,) = paths
            rows.update(dict.fromkeys(entry.rows, path))
        assert len(self.held()) <= self.capacity
        return rows


def paths_of(shape: TreeShape) -> dict[int, Path]:
    paths = {TRUNK_END: shape.trunk}
    for node, (token, parent) in enumerate(zip(shape.tokens, shape.parents, strict=True)):
        paths[node] = (*paths[parent], token)
    return paths


@st.composite
def trees(draw: st.DrawFn) -> tuple[TokenTree, list[int]]:
    trunk = draw(st.lists(st.integers(0, 1), min_size=1, max_size=14))
    count = draw(st.integers(0, 7))
    tokens = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    parents = [draw(st.integers(-1, node - 1)) for node in range(count)]
    nodes = draw(st.lists(st.integers(-1, count - 1), max_size=count + 2))
    return TokenTree(tuple(trunk), tuple(tokens), tuple(parents)), nodes


@settings(max_examples=400, deadline=None)
@given(
    calls=st.lists(st.tuples(trees(), st.none() | st.floats(0, 1)), max_size=8),
    capacity=st.just(10_000) | st.integers(24, 40),
    most_branches=st.just(256) | st.integers(8, 12),
    chunk_tokens=st.integers(1, 6),
)
def test_every_row_belongs_to_its_path_and_nothing_is_evaluated_twice(
    calls: list[tuple[tuple[TokenTree, list[int]], float | None]],
    capacity: int,
    most_branches: int,
    chunk_tokens: int,
) -> None:
    cells = WholeSequences(capacity)
    cache = BranchCache(
        cells, capacity, most_branches=most_branches, stale_tokens=10_000, chunk_tokens=chunk_tokens
    )
    for (tree, nodes), failing in calls:
        shape = measure(tree, 100)
        paths = paths_of(shape)
        asked = [paths[node if node == TRUNK_END else shape.numbers[node]] for node in nodes]
        beginnings = {path[: at + 1] for path in paths.values() for at in range(len(path))}
        held = cells.held()
        rows: dict[int, Path] = {}
        evaluated = 0
        for chunk in cache.chunks(shape, shape.rows_by_node(nodes)):
            if len(cells.held()) + len(chunk) > capacity:
                cache.drop_stale()
            if failing is not None:
                cells.evaluate(list(chunk), failing)
                cache.undo(chunk)
                break
            evaluated += len(chunk)
            rows.update(cells.evaluate(list(chunk)))
        else:
            assert [rows[row] for row in range(len(nodes))] == asked
            assert beginnings <= cells.held()
            least = len(beginnings - held) + len(set(asked) & held)
            if capacity == 10_000 and most_branches == 256:
                assert evaluated == least
            assert least <= evaluated <= len(beginnings) + len(set(asked) & held)


def evaluate_all(cache: BranchCache, cells: WholeSequences, tree: TokenTree, nodes: list[int]) -> int:
    shape = measure(tree, 10_000)
    evaluated = 0
    for chunk in cache.chunks(shape, shape.rows_by_node(nodes)):
        cells.evaluate(list(chunk))
        evaluated += len(chunk)
    return evaluated


def test_stale_branches_are_kept_up_to_the_limit_and_the_oldest_goes_first() -> None:
    cells = WholeSequences(1000)
    cache = BranchCache(cells, 1000, stale_tokens=30)
    prefix = tuple(range(100, 150))
    tails = [tuple(range(10 * at, 10 * at + 10)) for at in range(5)]
    for tail in tails:
        evaluate_all(cache, cells, TokenTree((*prefix, *tail)), [TRUNK_END])
    kept = {path[50:] for path in cells.held() if len(path) == 60}
    assert kept == set(tails[1:])


def test_a_stale_branch_over_the_limit_does_not_push_out_small_ones() -> None:
    cells = WholeSequences(1000)
    cache = BranchCache(cells, 1000, stale_tokens=30)
    prefix = tuple(range(100, 150))
    for tail in [(1, 2), tuple(range(40)), (3,)]:
        evaluate_all(cache, cells, TokenTree((*prefix, *tail)), [TRUNK_END])
    assert {path[50:] for path in cells.held() if len(path) > 50} == {(1,), (1, 2), (3,)}


def test_a_tree_larger_than_the_memory_is_refused_before_anything_is_lost() -> None:
    cells = WholeSequences(20)
    cache = BranchCache(cells, 20)
    evaluate_all(cache, cells, TokenTree(tuple(range(15))), [])
    tree = TokenTree(tuple(range(15)), tuple(range(6)), (TRUNK_END,) * 6)
    with pytest.raises(EngineError, match="21 tokens does not fit into the 20 cells"):
        evaluate_all(cache, cells, tree, [])
    assert evaluate_all(cache, cells, TokenTree(tuple(range(15))), []) == 0


def test_as_many_branches_as_there_are_can_be_asked_again() -> None:
    cells = WholeSequences(100)
    cache = BranchCache(cells, 100, most_branches=8)
    tree = TokenTree((1, 2), tuple(range(8)), (TRUNK_END,) * 8)
    assert evaluate_all(cache, cells, tree, [0, 7]) == 10
    assert evaluate_all(cache, cells, tree, []) == 0
    assert evaluate_all(cache, cells, tree, [0, 7]) == 9  # no branch is free for repeating: trunk again


def test_what_a_sliding_window_let_go_is_not_gone_on_from() -> None:
    cells = WholeSequences(100, window=1)
    cache = BranchCache(cells, 100)
    tokens = tuple(range(20))
    evaluate_all(cache, cells, TokenTree(tokens), [])
    assert evaluate_all(cache, cells, TokenTree((*tokens, 20)), []) == 1
    assert evaluate_all(cache, cells, TokenTree(tokens[:10]), [TRUNK_END]) == 10


def test_branches_that_hold_nothing_of_their_own_are_given_back() -> None:
    cells = WholeSequences(100)
    cache = BranchCache(cells, 100)
    for _ in range(3):
        evaluate_all(cache, cells, TokenTree((1, 2, 3), (4, 5), (-1, 0)), [TRUNK_END, 0, 1])
        assert [sequence for sequence in cells.sequences.values() if sequence] == [[1, 2, 3, 4, 5]]
    shape = measure(TokenTree((1, 2, 6)), 100)
    for chunk in cache.chunks(shape, {}):  # it goes on from a copy of 1, 2, and is cancelled
        cache.undo(chunk)
        break
    evaluate_all(cache, cells, TokenTree((1, 2, 3, 4, 5, 7)), [])
    assert [sequence for sequence in cells.sequences.values() if sequence] == [[1, 2, 3, 4, 5, 7]]


def test_how_much_of_a_path_is_cached() -> None:
    cells = WholeSequences(1000)
    cache = BranchCache(cells, 1000)
    assert cache.cached_tokens((1, 2, 3)) == 0
    evaluate_all(cache, cells, TokenTree((1, 2, 3), (4, 5, 6), (TRUNK_END, 0, TRUNK_END)), [])
    evaluate_all(cache, cells, TokenTree((1, 2, 7, 8)), [])
    found = {
        path: cache.cached_tokens(path)
        for path in [(1, 2, 3, 4, 5, 9), (1, 2, 3, 6), (1, 2, 7), (1, 9), (9,)]
    }
    assert found == {(1, 2, 3, 4, 5, 9): 5, (1, 2, 3, 6): 4, (1, 2, 7): 3, (1, 9): 1, (9,): 0}
    cache.forget()
    assert cache.cached_tokens((1, 2, 3)) == 0


@settings(max_examples=200, deadline=None)
@given(calls=st.lists(trees(), max_size=6), asked=trees())
def test_what_is_said_to_be_cached_is_what_evaluating_does_without(
    calls: list[tuple[TokenTree, list[int]]], asked: tuple[TokenTree, list[int]]
) -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000)
    for tree, nodes in calls:
        evaluate_all(cache, cells, tree, nodes)
    path = asked[0].trunk
    cached = cache.cached_tokens(path)
    assert evaluate_all(cache, cells, TokenTree(path), []) == len(path) - cached
    assert cache.cached_tokens(path) == len(path)


def test_what_a_sliding_window_let_go_does_not_count_as_cached() -> None:
    cells = WholeSequences(100, window=1)
    cache = BranchCache(cells, 100)
    evaluate_all(cache, cells, TokenTree(tuple(range(20))), [])
    assert cache.cached_tokens(tuple(range(21))) == 20
    assert cache.cached_tokens(tuple(range(10))) == 0


def test_held_paths_take_turns_however_long() -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000, stale_tokens=30)
    long, short = tuple(range(1000, 1500)), tuple(range(1000, 1001)) + tuple(range(2000, 2100))
    cache.hold((long, short))
    for at in range(5):
        evaluate_all(cache, cells, TokenTree(long[: 100 * (at + 1)]), [])
        evaluate_all(cache, cells, TokenTree((*short, 7 + at), (1, 2, 3), (-1, -1, 0)), [TRUNK_END, 0, 1])
        evaluate_all(cache, cells, TokenTree((*short, 50 + at)), [TRUNK_END])
        assert cache.cached_tokens(long) == 100 * (at + 1)
        assert cache.cached_tokens(short) == len(short)
    cache.hold(())
    evaluate_all(cache, cells, TokenTree((*short, 99)), [])
    assert cache.cached_tokens(long) == 1
    assert cache.cached_tokens(short) == len(short)


def test_holding_keeps_nothing_else() -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000, stale_tokens=30)
    cache.hold((tuple(range(5000, 5100)),))
    other = tuple(range(100))
    evaluate_all(cache, cells, TokenTree(other), [])
    evaluate_all(cache, cells, TokenTree(tuple(range(300, 310))), [])
    assert cache.cached_tokens(other) == 0


def test_what_is_held_goes_where_there_is_no_room() -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000)
    held = tuple(range(500))
    cache.hold((held,))
    evaluate_all(cache, cells, TokenTree(held), [])
    evaluate_all(cache, cells, TokenTree(tuple(range(1000, 1010))), [])
    assert cache.cached_tokens(held) == 500
    cache.drop_stale()
    assert cache.cached_tokens(held) == 0


def test_forgetting_leaves_nothing() -> None:
    cells = WholeSequences(100)
    cache = BranchCache(cells, 100)
    generator = random.Random(0)
    for _ in range(5):
        trunk = tuple(generator.choices(range(3), k=12))
        evaluate_all(cache, cells, TokenTree(trunk, (1, 2), (-1, -1)), [0])
    cache.forget()
    assert cells.held() == set()
    assert evaluate_all(cache, cells, TokenTree((1, 2, 3)), []) == 3
