"""The two ways of running merges agree, with each other and with the definition."""

import random
from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.tokens.merges import NO_RANK, Merges, Rule, pack, unpack
from byte_lsp.tokens.tokenizer import Tokenizer

from .random_vocabularies import make_tokenizer

# Ranks collide on purpose: of equal ranks the leftmost goes first. Symbols 0 to 3 are leaves.
RULES = st.dictionaries(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.integers(0, 6), max_size=40)


def make_merges(rules: dict[tuple[int, int], int]) -> Merges:
    """Merges in which the pair of number ``i`` becomes the symbol ``4 + i % 6``."""
    ranks = {pack(*pair): rank for pair, rank in rules.items()}
    merged = {pair: 4 + number % 6 for number, pair in enumerate(ranks)}
    return Merges(
        rank_of=lambda pair: ranks.get(pair, NO_RANK),
        merged=merged,
        leaves=list,
        tokens_of=lambda symbol: (symbol,),
        rules=lambda: [Rule(*unpack(pair), merged[pair], rank) for pair, rank in ranks.items()],
    )


def merge_by_definition(rules: dict[tuple[int, int], int], symbols: list[int]) -> list[int]:
    return [symbols, *(merged for _, _, merged in steps_by_definition(rules, symbols))][-1]


def steps_by_definition(
    rules: dict[tuple[int, int], int], symbols: list[int]
) -> Iterator[tuple[int, int, list[int]]]:
    """The rank of each merge, where it happens, and the symbols after it."""
    names = {pair: 4 + number % 6 for number, pair in enumerate(rules)}
    while possible := [(rules[pair], at) for at, pair in enumerate(pairwise(symbols)) if pair in rules]:
        rank, at = min(possible)
        symbols = [*symbols[:at], names[symbols[at], symbols[at + 1]], *symbols[at + 2 :]]
        yield rank, at, symbols


@given(RULES, st.lists(st.integers(0, 3), min_size=2, max_size=60))
def test_short_and_long_words_are_merged_by_definition(
    rules: dict[tuple[int, int], int], symbols: list[int]
) -> None:
    merges = make_merges(rules)
    expected = merge_by_definition(rules, symbols)
    assert merges._merge_short(list(symbols)) == expected
    assert merges._merge_long(list(symbols)) == expected


@given(RULES, st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_the_right_edge_grows_by_definition(rules: dict[tuple[int, int], int], symbols: list[int]) -> None:
    expected, highest = [(symbols[-1], -1)], -1
    for rank, at, merged in steps_by_definition(rules, symbols):
        highest = max(highest, rank)
        if at == len(merged) - 1:
            expected.append((merged[at], highest))
    assert make_merges(rules).grow(bytes(symbols)) == expected


def test_short_and_long_agree_in_a_real_vocabulary(gpt2: Tokenizer) -> None:
    generator = random.Random(3)
    for _ in range(300):
        word = bytes(generator.choices(b"aaeinostrld==--  \xe4\xb8\xad", k=generator.randint(2, 400)))
        leaves = gpt2.merges.leaves(word)
        assert gpt2.merges._merge_short(list(leaves)) == gpt2.merges._merge_long(list(leaves))


def test_words_of_any_length_are_spelled_by_their_tokens(gpt2: Tokenizer) -> None:
    for length in (1, 47, 48, 49, 5_000):
        word = (b"undeniable" * 500)[:length]
        assert gpt2.decode(gpt2.encode_word(word)) == word


def test_what_does_not_merge_is_not_kept_for_ever() -> None:
    tokenizer = make_tokenizer("llama", ["a", "b", "ab", "ba"])
    made = tokenizer.encode(b"abab")
    assert [tokenizer.pieces[token] for token in made] == [b"ab", b"ab"]
    assert set(tokenizer.merges._merged.values()) <= {*made, *tokenizer.encode(b"ba")}
    assert tokenizer.merges._rank_of.cache_info().maxsize is not None


@given(st.integers(0, (1 << 24) - 1), st.integers(0, (1 << 24) - 1))
def test_pairs_unpack_to_what_was_packed(left: int, right: int) -> None:
    assert unpack(pack(left, right)) == (left, right)
