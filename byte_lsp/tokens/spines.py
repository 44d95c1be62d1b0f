"""Which tokens the merges leave standing behind which, for a whole vocabulary at once.

A symbol is built by one last merge of two others, and so on down: its *right spine* are the symbols that
stood at its right edge on the way, each born at the rank of the merge that made it and dead at the rank of
the merge that took it into the next; the *left spine* likewise. Where token ``t`` stands beside ``s`` a merge
crosses their boundary if and only if some ``u`` on the right spine of ``s`` and some ``v`` on the left spine
of ``t`` are there at the same time and merge before either is taken (the leftmost first among equal ranks).

With the symbols in preorder of the forest "``v`` is the left part of its children", children by falling rank,
all ``t`` that one such pair forbids are one interval. That holds where ranks rise on the way from the leaves
to a token, as training makes them. Tokens of which it is not true are ``irregular``: what stands behind one
is known but for ties, and whether it stands behind others has to be asked.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from byte_lsp.tokens.merges import NO_RANK, Rule

Symbols = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LEAF = -1
_RANK_BITS = 31
_LAST_RANK = (1 << _RANK_BITS) - 1


class Spines:
    """The forest of a merge table. ``standing[s]`` says that the merges leave the bytes of ``s`` as ``s``.

    ``irregular[s]`` means that only ``bound_behind`` may be asked about ``s``. Both have shape (symbols,).
    """

    def __init__(self, rules: Iterable[Rule], lengths: Symbols, leaves: Flags) -> None:
        """``lengths`` are those of what the symbols spell; ``leaves`` are there before any merge.

        Both have shape (symbols,).
        """
        symbol_count = len(lengths)
        table = [(rule.left, rule.right, rule.merged, rule.rank) for rule in rules]
        columns = np.array(table, dtype=np.int64).reshape(-1, 4).T
        self._rules = _Rules(symbol_count, *columns)
        self._left = np.full(symbol_count, _LEAF, dtype=np.int64)
        self._right = np.full(symbol_count, _LEAF, dtype=np.int64)
        self._birth = np.full(symbol_count, _LEAF, dtype=np.int64)
        self.irregular: Flags = np.zeros(symbol_count, dtype=np.bool_)
        self.standing: Flags = leaves.copy()
        self._build(columns, lengths)
        self._order()

    def admits_behind(self, symbol: int) -> Flags:
        """Which symbols stand behind ``symbol``, shape (symbols,). Neither side may be irregular."""
        edges = []
        death = _LAST_RANK
        while symbol != _LEAF:
            edges.append(_Edge(symbol, int(self._birth[symbol]), death))
            death = int(self._birth[symbol])
            symbol = int(self._right[symbol])
        return self._admits_behind(edges, ties=False)

    def bound_behind(self, grown: Sequence[tuple[int, int]]) -> tuple[Flags, Flags]:
        """Which regular symbols stand behind any symbol, for certain and possibly, both shape (symbols,).

        ``grown`` is the symbol's right edge as it grew (see ``Merges.grow``).
        """
        deaths = [birth for _, birth in grown[1:]] + [_LAST_RANK]
        edges = [_Edge(*born, death) for born, death in zip(grown, deaths, strict=True)]
        return self._admits_behind(edges, ties=True), self._admits_behind(edges, ties=False)

    def _admits_behind(self, edges: Iterable["_Edge"], ties: bool) -> Flags:
        """With ``ties``, a merge as late as the one that takes the symbol counts as earlier."""
        places = np.zeros(len(self._left) + 1, dtype=np.int32)
        for edge in edges:
            self._forbid(places, edge.symbol, edge.birth, edge.death + ties)
        forbidden = np.cumsum(places[:-1]) > 0
        admitted: Flags = self.standing & ~forbidden[self._place]
        return admitted

    def _forbid(self, places: NDArray[np.int32], u: int, birth: int, death: int) -> None:
        """Mark the intervals of the symbols that begin with a partner of ``u`` while ``u`` is there."""
        first, last = self._rules.of_left(u)
        rank, v = self._rules.rank[first:last], self._rules.right[first:last]
        meets = (rank < death) & (self._birth[v] < death) & (birth < death)
        v, since = v[meets], np.maximum(rank[meets], birth)
        np.add.at(places, self._place[v], 1)
        np.add.at(places, self._end_of_children_from(v, since), -1)

    def _end_of_children_from(self, v: Symbols, since: Symbols) -> Symbols:
        """Where the interval of ``v`` and of its children of rank ``since`` and more ends."""
        child = np.searchsorted(self._child_keys, _child_key(v, since), side="right")
        inside = child < self._children_end[v]
        ends = self._subtree_end[v]
        ends[inside] = self._place[self._children[child[inside]]]
        return ends

    def _build(self, columns: NDArray[np.int64], lengths: Symbols) -> None:
        """Find each symbol's last merge, shortest symbols first; among several rules the one that happens."""
        left, right, merged, rank = columns
        if not len(rank):
            return
        order = np.argsort(lengths[merged], kind="stable")
        starts = np.flatnonzero(np.diff(lengths[merged][order], prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            self._build_level(order[start:end], left, right, merged, rank)

    def _build_level(
        self, level: Symbols, left: Symbols, right: Symbols, merged: Symbols, rank: Symbols
    ) -> None:
        parts = left[level], right[level]
        odd = self.irregular[parts[0]] | self.irregular[parts[1]]
        possible = odd | (self.standing[parts[0]] & self.standing[parts[1]])
        odd |= np.maximum(self._birth[parts[0]], self._birth[parts[1]]) >= rank[level]
        regular = level[possible & ~odd]
        happens = regular[self._happens(left[regular], right[regular], rank[regular])]
        results = merged[happens]
        self.standing[results] = True
        self._left[results], self._right[results] = left[happens], right[happens]
        self._birth[results] = rank[happens]
        undecided = merged[level[possible & odd]]
        self.irregular[undecided[~self.standing[undecided]]] = True

    def _happens(self, left: Symbols, right: Symbols, rank: Symbols) -> Flags:
        """Whether the two come to stand side by side: no merge crosses their boundary before."""
        happens = np.ones(len(left), dtype=np.bool_)
        u, u_death = left.copy(), rank.copy()
        active = np.arange(len(left))
        while len(active):
            self._cross(active, u[active], u_death[active], right, rank, happens, u[active] == left[active])
            u_death[active] = self._birth[u[active]]
            u[active] = self._right[u[active]]
            active = active[(u[active] != _LEAF) & happens[active]]
        return happens

    def _cross(
        self,
        at: Symbols,
        u: Symbols,
        u_death: Symbols,
        right: Symbols,
        rank: Symbols,
        happens: Flags,
        whole_left: Flags,
    ) -> None:
        v, v_death, whole = right[at], rank[at], whole_left
        while len(at):
            found = self._rules.ranks_of(u, v)
            meets = (found < u_death) & (found <= v_death)
            meets &= (self._birth[v] < u_death) & (self._birth[u] <= v_death)
            happens[at[meets & ~(whole & (v == right[at]))]] = False
            v_death, v = self._birth[v], self._left[v]
            kept = (v != _LEAF) & happens[at]
            at, u, u_death, v, v_death, whole = (x[kept] for x in (at, u, u_death, v, v_death, whole))

    def _order(self) -> None:
        """Number the symbols in preorder, each one's children by falling rank."""
        count = len(self._left)
        keys = _child_key(self._left, self._birth)
        children = np.flatnonzero(self._left != _LEAF)
        children = children[np.argsort(keys[children], kind="stable")]
        self._children, self._child_keys = children, keys[children]
        parents = self._left[children]
        self._children_end = np.searchsorted(parents, np.arange(count), side="right")
        sizes = self._subtree_sizes()
        before = np.zeros(count, dtype=np.int64)
        ends = np.cumsum(sizes[children])
        first = np.searchsorted(parents, parents, side="left")
        before[children] = ends - sizes[children] - (ends[first] - sizes[children[first]])
        self._place = np.zeros(count, dtype=np.int64)
        roots = np.flatnonzero(self._left == _LEAF)
        self._place[roots] = np.cumsum(sizes[roots]) - sizes[roots]
        for symbols in self._by_depth():
            self._place[symbols] = self._place[self._left[symbols]] + 1 + before[symbols]
        self._subtree_end = self._place + sizes

    def _by_depth(self) -> list[Symbols]:
        """Symbols by their distance from a root of the left forest, the roots left out."""
        depth = np.zeros(len(self._left), dtype=np.int64)
        above = self._left.copy()
        while np.any(above != _LEAF):
            depth += above != _LEAF
            above = np.where(above != _LEAF, self._left[above], _LEAF)
        return [np.flatnonzero(depth == level) for level in range(1, int(depth.max(initial=0)) + 1)]

    def _subtree_sizes(self) -> Symbols:
        sizes = np.ones(len(self._left), dtype=np.int64)
        for symbols in reversed(self._by_depth()):
            np.add.at(sizes, self._left[symbols], sizes[symbols])
        return sizes


class _Edge(NamedTuple):
    """A symbol that stood at the right edge of a word from the rank ``birth`` to the rank ``death``."""

    symbol: int
    birth: int
    death: int


class _Rules:
    """Rules sorted by their left and then their right symbol."""

    def __init__(self, count: int, left: Symbols, right: Symbols, merged: Symbols, rank: Symbols) -> None:
        order = np.lexsort((right, left))
        self.right, self.rank = right[order], rank[order]
        self._count = count
        self._keys = left[order] * count + self.right
        self._firsts = np.searchsorted(left[order], np.arange(count + 1))

    def of_left(self, symbol: int) -> tuple[int, int]:
        """The range of the rules whose left symbol this is."""
        return int(self._firsts[symbol]), int(self._firsts[symbol + 1])

    def ranks_of(self, left: Symbols, right: Symbols) -> Symbols:
        """The ranks of pairs, ``NO_RANK`` where they do not merge."""
        keys = left * self._count + right
        at = np.minimum(np.searchsorted(self._keys, keys), max(len(self._keys) - 1, 0))
        if not len(self._keys):
            return np.full(len(left), NO_RANK, dtype=np.int64)
        return np.where(self._keys[at] == keys, self.rank[at], NO_RANK)


def _child_key(parent: Symbols, rank: Symbols) -> Symbols:
    """Sorts children by parent, then by falling rank."""
    return (parent << _RANK_BITS) | (_LAST_RANK - rank)
