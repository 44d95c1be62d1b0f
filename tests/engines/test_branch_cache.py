"""The books of a KV cache against a memory that keeps every sequence whole and checks every order."""

import pickle
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

    def save(self, branch: int) -> bytes:
        return pickle.dumps(self.sequences.get(branch, []))

    def load(self, branch: int, saved: bytes) -> bool:
        assert not self.sequences.get(branch)
        sequence = pickle.loads(saved)
        if len(self.held()) + len(sequence) > self.capacity:
            return False
        self.sequences[branch] = sequence
        return True

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
    return TokenTree(tuple(trunk), tuple(tokens), tuple(parents), draw(st.booleans())), nodes


@settings(max_examples=400, deadline=None)
@given(
    calls=st.lists(st.tuples(trees(), st.none() | st.floats(0, 1)), max_size=8),
    capacity=st.just(10_000) | st.integers(24, 40),
    most_branches=st.just(256) | st.integers(8, 12),
    chunk_tokens=st.integers(1, 6),
    stale_tokens=st.just(10_000) | st.integers(0, 5),
)
def test_every_row_belongs_to_its_path_and_nothing_is_evaluated_twice(
    calls: list[tuple[tuple[TokenTree, list[int]], float | None]],
    capacity: int,
    most_branches: int,
    chunk_tokens: int,
    stale_tokens: int,
) -> None:
    cells = WholeSequences(capacity)
    cache = BranchCache(
        cells,
        capacity,
        most_branches=most_branches,
        stale_tokens=stale_tokens,
        chunk_tokens=chunk_tokens,
        parked_tokens=2,
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
            is_roomy = capacity == 10_000 and most_branches == 256 and stale_tokens == 10_000
            if is_roomy:
                assert evaluated == least
            assert (least if is_roomy else 0) <= evaluated <= len(beginnings) + len(set(asked) & held)


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
@given(calls=st.lists(trees(), max_size=6), asked=trees(), stale_tokens=st.sampled_from([0, 128]))
def test_what_is_said_to_be_cached_is_what_evaluating_does_without(
    calls: list[tuple[TokenTree, list[int]]], asked: tuple[TokenTree, list[int]], stale_tokens: int
) -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000, stale_tokens=stale_tokens, parked_tokens=1)
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
    cache = BranchCache(cells, 10_000, stale_tokens=30, parked_bytes=0)
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
    cache = BranchCache(cells, 10_000, stale_tokens=30, parked_bytes=0)
    cache.hold((tuple(range(5000, 5100)),))
    other = tuple(range(100))
    evaluate_all(cache, cells, TokenTree(other), [])
    evaluate_all(cache, cells, TokenTree(tuple(range(300, 310))), [])
    assert cache.cached_tokens(other) == 0


def test_what_is_held_goes_where_there_is_no_room() -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000, parked_bytes=0)
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


def test_other_files_are_parked_and_come_back() -> None:
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000)
    files = [tuple(range(1000 * at, 1000 * at + 200)) for at in range(1, 4)]
    for file in files:
        assert evaluate_all(cache, cells, TokenTree(file), []) == 200
    assert len(cells.held()) == 200, "attention reads one file"
    for turn, at in enumerate((0, 2, 1, 0)):
        assert cache.cached_tokens(files[at]) == 200
        assert evaluate_all(cache, cells, TokenTree((*files[at], turn)), []) == 1
        assert len(cells.held()) == 201
    assert evaluate_all(cache, cells, TokenTree((*files[2][:150], 1, 2)), []) == 2
    cache.forget()
    assert evaluate_all(cache, cells, TokenTree(files[1]), []) == 200


def test_parked_files_have_a_limit_and_the_oldest_goes_first() -> None:
    cells = WholeSequences(10_000)
    files = [tuple(range(1000 * at, 1000 * at + 200)) for at in range(1, 5)]
    size = len(pickle.dumps(list(files[3])))
    cache = BranchCache(cells, 10_000, parked_bytes=2 * size)
    for file in files:
        evaluate_all(cache, cells, TokenTree(file), [])
    assert [cache.cached_tokens(file) for file in files] == [0, 200, 200, 200]


def test_what_is_parked_comes_back_where_there_is_room_for_it_alone() -> None:
    cells = WholeSequences(300)
    cache = BranchCache(cells, 300)
    files = [tuple(range(1000 * at, 1000 * at + 200)) for at in (1, 2)]
    for file in files:
        evaluate_all(cache, cells, TokenTree(file), [])
    assert evaluate_all(cache, cells, TokenTree((*files[0], 7)), []) == 1
    assert cache.cached_tokens(files[1]) == 200


@settings(max_examples=200, deadline=None)
@given(
    drafts=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12),
    chunk_tokens=st.integers(1, 5),
)
def test_guesses_that_fail_leave_nothing_behind(drafts: list[tuple[int, int]], chunk_tokens: int) -> None:
    """Each turn guesses ``length`` tokens, of which the first ``right`` are what comes then."""
    cells = WholeSequences(10_000)
    cache = BranchCache(cells, 10_000, chunk_tokens=chunk_tokens)
    trunk: Path = (7, 7, 7)
    evaluate_all(cache, cells, TokenTree(trunk), [TRUNK_END])
    for length, right in drafts:
        trunk = (*trunk, 1)
        guess = (2,) * length
        line = TokenTree(trunk, guess, tuple(range(-1, length - 1)), guessed=True)
        assert evaluate_all(cache, cells, line, [TRUNK_END, *range(length)]) == 1 + length
        known = {trunk[: at + 1] for at in range(len(trunk))}
        assert cells.held() == known | {(*trunk, *guess[: at + 1]) for at in range(length)}
        trunk = (*trunk, *guess[: min(right, length)])
    evaluate_all(cache, cells, TokenTree((*trunk, 3)), [TRUNK_END])
    assert cells.held() == {(*trunk, 3)[: at + 1] for at in range(len(trunk) + 1)}
    assert len(cells.sequences) == 1


def test_what_was_not_called_a_guess_is_kept() -> None:
    cells = WholeSequences(1000)
    cache = BranchCache(cells, 1000)
    evaluate_all(cache, cells, TokenTree((1, 2)), [TRUNK_END])
    evaluate_all(cache, cells, TokenTree((1, 2, 3), (4, 5), (-1, 0)), [0, 1])
    evaluate_all(cache, cells, TokenTree((1, 2, 3, 6)), [TRUNK_END])
    assert (1, 2, 3, 4, 5) in cells.held()


def test_a_guess_that_a_window_has_let_go_is_evaluated_anew() -> None:
    cells = WholeSequences(1000, window=1)
    cache = BranchCache(cells, 1000)
    evaluate_all(cache, cells, TokenTree((1, 2)), [TRUNK_END])
    evaluate_all(cache, cells, TokenTree((1, 2, 3), (4, 5), (-1, 0), guessed=True), [TRUNK_END, 0, 1])
    assert evaluate_all(cache, cells, TokenTree((1, 2, 3, 4, 6)), [TRUNK_END]) == 5
    assert (1, 2, 3, 4, 6) in cells.held()
