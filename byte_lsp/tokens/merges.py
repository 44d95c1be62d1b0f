"""Byte-pair merges: from the bytes of a word to its tokens.

A merge joins two neighbouring symbols into one. Of all merges possible in a word the one of lowest rank
goes first, the leftmost among equals, until none is possible. Two consequences carry this project:

* Where no merge crossed a boundary the two sides never saw each other: the tokens of a word up to a
  boundary are the tokens of that part alone.
* A sequence of tokens is what the merges make of a word if and only if every neighbouring pair is.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

NO_RANK = 1 << 60
_SHIFT = 24
_LONG_WORD_SYMBOLS = 48


def pack(left: int, right: int) -> int:
    """A pair of symbols as one int."""
    return left << _SHIFT | right


def unpack(pair: int) -> tuple[int, int]:
    """The inverse of ``pack``."""
    return pair >> _SHIFT, pair & ((1 << _SHIFT) - 1)


class Rule(NamedTuple):
    """Two neighbouring symbols become one; the rule of lowest ``rank`` goes first."""

    left: int
    right: int
    merged: int
    rank: int


class Merges:
    """Runs merges over symbols, which are ints below 2**24.

    ``rank_of`` gives the rank of a pair, ``NO_RANK`` if it does not merge, and ``merged`` the symbol it
    becomes; pairs are packed by ``pack``. ``leaves`` splits bytes into symbols; ``tokens_of`` gives the
    tokens of a symbol that is left at the end; ``rules`` lists all pairs that merge.
    """

    def __init__(
        self,
        rank_of: Callable[[int], int],
        merged: Mapping[int, int],
        leaves: Callable[[bytes], list[int]],
        tokens_of: Callable[[int], tuple[int, ...]],
        rules: Callable[[], Sequence[Rule]],
    ) -> None:
        self._rank_of = rank_of
        self._merged = merged
        self._tokens_of = tokens_of
        self.leaves = leaves
        self.rules = rules
        self.encode = lru_cache(maxsize=1 << 14)(self._encode)

    @property
    def highest_made(self) -> int:
        """The highest symbol that merges make, as far as they are known; -1 if there is none."""
        return max(self._merged.values(), default=-1)

    def grow(self, word: bytes) -> list[tuple[int, int]]:
        """The symbols that stand at the right edge of a word while its merges run.

        Each comes with the highest rank of all merges up to the one that made it; -1 for the leaf.
        """
        symbols = self.leaves(word)
        found = [(symbols[-1], -1)]
        highest = -1
        while (best := min(map(self._rank_at, pairwise(symbols)), default=NO_RANK)) != NO_RANK:
            at = next(at for at, pair in enumerate(pairwise(symbols)) if self._rank_at(pair) == best)
            highest = max(highest, best)
            symbols[at : at + 2] = [self._merged[pack(symbols[at], symbols[at + 1])]]
            if at == len(symbols) - 1:
                found.append((symbols[-1], highest))
        return found

    def _rank_at(self, pair: tuple[int, int]) -> int:
        return self._rank_of(pack(*pair))

    def _encode(self, word: bytes) -> tuple[int, ...]:
        symbols = self.leaves(word)
        if len(symbols) > 1:
            merge = self._merge_short if len(symbols) <= _LONG_WORD_SYMBOLS else self._merge_long
            symbols = merge(symbols)
        return tuple(token for symbol in symbols for token in self._tokens_of(symbol))

    def _merge_short(self, symbols: list[int]) -> list[int]:
        rank_of = self._rank_of
        ranks = [rank_of(a << _SHIFT | b) for a, b in pairwise(symbols)]
        while ranks and (best := min(ranks)) != NO_RANK:
            at = ranks.index(best)
            symbols[at : at + 2] = [self._merged[symbols[at] << _SHIFT | symbols[at + 1]]]
            del ranks[at]
            if at > 0:
                ranks[at - 1] = rank_of(symbols[at - 1] << _SHIFT | symbols[at])
            if at < len(ranks):
                ranks[at] = rank_of(symbols[at] << _SHIFT | symbols[at + 1])
        return symbols

    def _merge_long(self, symbols: list[int]) -> list[int]:
        """The same on a linked list with a heap, for words of thousands of symbols."""
        count = len(symbols)
        following = [*range(1, count), -1]
        preceding = list(range(-1, count - 1))
        heap: list[tuple[int, int, int, int]] = []

        def offer(left: int, right: int) -> None:
            rank = self._rank_of(symbols[left] << _SHIFT | symbols[right])
            if rank != NO_RANK:
                heapq.heappush(heap, (rank, left, symbols[left], symbols[right]))

        for left in range(count - 1):
            offer(left, left + 1)
        while heap:
            _, left, left_symbol, right_symbol = heapq.heappop(heap)
            right = following[left]
            if right < 0 or symbols[left] != left_symbol or symbols[right] != right_symbol:
                continue
            symbols[left] = self._merged[left_symbol << _SHIFT | right_symbol]
            symbols[right] = -1
            following[left] = following[right]
            if following[left] >= 0:
                preceding[following[left]] = left
                offer(left, following[left])
            if preceding[left] >= 0:
                offer(preceding[left], left)
        return [symbol for symbol in symbols if symbol >= 0]
