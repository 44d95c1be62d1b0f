"""What every engine promises, asked of the table, of llama.cpp and of transformers."""

import random
from collections.abc import Iterator

import numpy as np
import pytest

from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, Engine, Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.errors import Cancelled, EngineError

# In probability: with quantized weights llama.cpp gives the same tokens other values in another batch.
NOISE = {"table": 1e-12, "llama_cpp": 0.05, "transformers": 1e-4}
FIXTURES = {"llama_cpp": "smollm2_engine", "transformers": "smollm2_torch_engine"}


@pytest.fixture(params=list(NOISE))
def named_engine(request: pytest.FixtureRequest) -> Iterator[tuple[str, Engine]]:
    fixture = FIXTURES.get(request.param)
    engine = request.getfixturevalue(fixture) if fixture else TableEngine(64, context_tokens=512)
    forget_cache(engine)
    yield request.param, engine
    engine.interrupt(False)


@pytest.fixture
def engine(named_engine: tuple[str, Engine]) -> Engine:
    return named_engine[1]


def forget_cache(engine: Engine) -> None:
    """Leave only a token in the cache that no test begins with."""
    engine.forget()
    engine.evaluate(TokenTree((63,)), [TRUNK_END])


def some_tokens(seed: int, count: int) -> tuple[int, ...]:
    return tuple(random.Random(seed).choices(range(1, 60), k=count))


def random_tree(seed: int, trunk: int, nodes: int) -> TokenTree:
    generator = random.Random(seed)
    parents = tuple(generator.randint(max(-1, at - 4), at - 1) for at in range(nodes))
    return TokenTree(some_tokens(seed, trunk), some_tokens(seed + 1, nodes), parents)


def path_to(tree: TokenTree, node: int) -> tuple[int, ...]:
    return tree.trunk if node == TRUNK_END else (*path_to(tree, tree.parents[node]), tree.tokens[node])


@pytest.mark.parametrize(
    ("trunk", "nodes"), [(1, 0), (1, 1), (5, 12), (40, 30), (64, 1), (100, 40), (130, 70)]
)
def test_a_tree_says_what_its_paths_say_one_by_one(
    named_engine: tuple[str, Engine], trunk: int, nodes: int
) -> None:
    name, engine = named_engine
    tree = random_tree(trunk, trunk, nodes)
    asked = [TRUNK_END, *range(nodes)]
    together = engine.evaluate(tree, asked)
    assert together.shape == (1 + nodes, engine.vocabulary_size)
    for node in random.Random(0).sample(asked, min(len(asked), 6)):
        forget_cache(engine)
        alone = engine.evaluate(TokenTree(path_to(tree, node)), [TRUNK_END])[0]
        assert difference(together[asked.index(node)], alone) < NOISE[name]


def difference(left: Logits, right: Logits) -> float:
    """The largest difference between two rows' probabilities."""
    return float(np.abs(np.exp(log_probabilities(left)) - np.exp(log_probabilities(right))).max())


def test_rows_come_in_the_order_asked_for(engine: Engine) -> None:
    tree = random_tree(3, 10, 8)
    rows = engine.evaluate(tree, [5, TRUNK_END, 2])
    assert rows.dtype in (np.float32, np.float64)
    for row, node in zip(rows, [5, TRUNK_END, 2], strict=True):
        assert difference(row, engine.evaluate(tree, [node])[0]) < 0.05


def test_nothing_asked_is_nothing_answered(engine: Engine) -> None:
    assert engine.evaluate(random_tree(4, 10, 3), []).shape == (0, engine.vocabulary_size)


def evaluated(engine: Engine, tree: TokenTree) -> int:
    before = engine.tokens_evaluated
    engine.evaluate(tree, [TRUNK_END])
    return engine.tokens_evaluated - before


def test_what_the_cache_holds_is_not_evaluated_again(engine: Engine) -> None:
    tokens = some_tokens(9, 200)
    assert evaluated(engine, TokenTree(tokens[:100])) == 100
    assert evaluated(engine, TokenTree(tokens[:101])) == 1
    assert evaluated(engine, TokenTree(tokens[:101])) == 1  # the last token gives the row: never reused
    assert evaluated(engine, TokenTree(tokens)) == 99
    assert evaluated(engine, TokenTree(tokens[:50])) == 1
    assert evaluated(engine, TokenTree((*tokens[:50], 61, 62))) == 2
    assert evaluated(engine, TokenTree((61, *tokens[:50]))) == 51


def test_growing_in_turns_costs_one_token_each(engine: Engine) -> None:
    prefix = some_tokens(14, 40)
    assert evaluated(engine, TokenTree((*prefix, 1))) == 41
    for tail in [(1, 2), (3,), (1, 2, 4), (3, 5), (1, 6), (1, 2, 4, 7), (3, 5, 8), (1, 6, 9)]:
        assert evaluated(engine, TokenTree((*prefix, *tail))) == 1


def test_nodes_that_are_cached_cost_nothing_unless_asked_for(engine: Engine) -> None:
    trunk = some_tokens(15, 20)
    assert evaluated(engine, TokenTree((*trunk, 1, 2, 3))) == 23
    tree = TokenTree(trunk, (1, 2, 4, 5, 1), (-1, 0, 0, -1, -1))  # the last node says the same as the first
    before = engine.tokens_evaluated
    rows = engine.evaluate(tree, [3, 0, 4, 3])
    assert engine.tokens_evaluated - before == 3  # 4 and 5 are new, the first 1 is asked for
    assert np.array_equal(rows[1], rows[2])
    assert np.array_equal(rows[0], rows[3])


def test_what_other_texts_left_behind_is_forgotten_or_parked(named_engine: tuple[str, Engine]) -> None:
    name, engine = named_engine
    old, new = some_tokens(16, 200), (61, *some_tokens(17, 20))
    engine.evaluate(TokenTree(old), [TRUNK_END])
    assert evaluated(engine, TokenTree(new)) == 21
    parks = name != "transformers"
    assert evaluated(engine, TokenTree(old[:100])) == (1 if parks else 100)


def test_a_branch_of_the_last_tree_is_reused_as_trunk(engine: Engine) -> None:
    trunk = some_tokens(10, 30)
    assert evaluated(engine, TokenTree(trunk, (1, 2, 3, 4, 5), (-1, 0, 1, -1, 3))) == 35
    assert evaluated(engine, TokenTree((*trunk, 1, 2, 3, 7))) == 1
    assert evaluated(engine, TokenTree(trunk, (1, 2, 3, 4, 5), (-1, 0, 1, -1, 3))) == 1
    assert evaluated(engine, TokenTree((*trunk, 4, 5), (6, 7), (-1, -1))) == 1 + 2


def test_reused_and_fresh_evaluations_agree(named_engine: tuple[str, Engine]) -> None:
    name, engine = named_engine
    trunk = some_tokens(11, 30)
    path = (*trunk, 4, 5, 8)
    engine.evaluate(TokenTree(trunk, (1, 2, 3, 4, 5), (-1, 0, 1, -1, 3)), [4])
    reused = engine.evaluate(TokenTree(path), [TRUNK_END])[0]
    forget_cache(engine)
    fresh = engine.evaluate(TokenTree(path), [TRUNK_END])[0]
    assert difference(reused, fresh) < NOISE[name]


def test_an_interrupted_engine_evaluates_nothing_until_told_to_go_on(engine: Engine) -> None:
    before = engine.tokens_evaluated
    engine.interrupt(True)
    for _ in range(2):
        with pytest.raises(Cancelled):
            engine.evaluate(TokenTree(some_tokens(12, 70)), [TRUNK_END])
    assert engine.tokens_evaluated == before
    engine.interrupt(False)
    assert evaluated(engine, TokenTree(some_tokens(12, 70))) == 70


def test_a_text_too_long_names_the_setting(engine: Engine) -> None:
    tokens = some_tokens(13, 513)
    engine.evaluate(TokenTree(tokens[:511], (1,), (-1,)), [0])
    for tree in (TokenTree(tokens), TokenTree(tokens[:511], (1, 2), (-1, 0))):
        with pytest.raises(EngineError, match=r"513 tokens .*engine\.context_tokens = 512"):
            engine.evaluate(tree, [TRUNK_END])
    assert engine.context_tokens == 512


def test_a_tree_may_be_as_wide_as_promised_and_no_wider(engine: Engine) -> None:
    def wide(branches: int) -> TokenTree:
        return TokenTree((1, 2), tuple(at % 60 for at in range(branches)), (TRUNK_END,) * branches)

    assert engine.evaluate(wide(MAX_SEQUENCES), [0, MAX_SEQUENCES - 1]).shape[0] == 2
    with pytest.raises(EngineError, match="257 branches"):
        engine.evaluate(wide(MAX_SEQUENCES + 1), [0])


def test_an_engine_says_what_it_has_cached(engine: Engine) -> None:
    tokens = some_tokens(21, 150)
    assert engine.cached_tokens(tokens) == 0
    engine.evaluate(TokenTree(tokens[:100]), [])
    assert engine.cached_tokens(tokens) == 100
    assert engine.cached_tokens((*tokens[:40], 61)) == 40


def test_prompts_that_are_held_take_turns(named_engine: tuple[str, Engine]) -> None:
    """Each is longer than what an engine keeps of one that it is not working on, but where that is parked."""
    name, engine = named_engine
    first, second = (1, *some_tokens(22, 180)), (1, *some_tokens(23, 180))
    engine.evaluate(TokenTree(first), [])
    engine.evaluate(TokenTree(second), [])
    assert engine.cached_tokens(first) <= (2 if name == "transformers" else len(first))
    engine.hold((first, second))
    for path in (first, second, first):
        engine.evaluate(TokenTree(path), [])
        engine.evaluate(TokenTree((*path, 61)), [TRUNK_END])
    assert evaluated(engine, TokenTree((*first, 62))) == 1
    assert evaluated(engine, TokenTree((*second, 62))) == 1
    engine.hold(())
    forget_cache(engine)
