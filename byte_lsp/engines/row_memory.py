"""The rows that an engine gave last: who asks for one of them again does not wait for the model.

A keystroke asks anew for most of the contexts that the last one asked for, and a text that is written again
begins as it did. What is asked of a cached node costs a token each time, because caches hold what a token
leaves for later ones, not what the model said after it. A row depends on its path alone, but for the last
digits, which also depend on the batch: what is remembered never goes stale. Where all rows of a prompt are
remembered and its cells are not, the cells are evaluated with the first token that is new.
"""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from byte_lsp.engines.protocol import TRUNK_END, Engine, Logits, TokenTree
from byte_lsp.errors import Cancelled

ROWS_BYTES = 16 << 20
"""Room for 80 rows of a vocabulary of 49,152 tokens: two suggestions and the contexts of some keystrokes."""

_Path = tuple[int, ...]


class RowMemory:
    """An engine that asks ``inner`` only for the rows it does not remember."""

    def __init__(self, inner: Engine, most_bytes: int = ROWS_BYTES) -> None:
        self._inner = inner
        self._most_bytes = most_bytes
        self._rows: OrderedDict[_Path, NDArray[np.floating]] = OrderedDict()
        self._bytes = 0
        self._stopped = False

    @property
    def vocabulary_size(self) -> int:
        return self._inner.vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._inner.context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._inner.tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        """As ``Engine.evaluate``; a node whose row is remembered costs nothing."""
        if self._stopped:
            raise Cancelled("the request was given up")
        paths = _paths(tree, nodes)
        missing = [node for node in nodes if paths[node] not in self._rows]
        if len(missing) == len(nodes):
            is_part = 0 < len(nodes) <= len(tree.tokens)  # the others may be remembered
            rows = self._inner.evaluate(*(_part(tree, nodes) if is_part else (tree, nodes)))
            self._remember([paths[node] for node in nodes], rows)
            return rows
        known = {node: self._rows[paths[node]] for node in nodes if paths[node] in self._rows}
        if missing:
            found = self._inner.evaluate(*_part(tree, missing))
            known |= dict(zip(missing, found, strict=True))
            self._remember([paths[node] for node in missing], found)
        for node in nodes:
            if paths[node] in self._rows:
                self._rows.move_to_end(paths[node])
        return np.stack([known[node] for node in nodes])

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return self._inner.cached_tokens(path)

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self._inner.hold(paths)

    def forget(self) -> None:
        """Forget the rows too."""
        self._rows.clear()
        self._bytes = 0
        self._inner.forget()

    def interrupt(self, stop: bool) -> None:
        self._stopped = stop
        self._inner.interrupt(stop)

    def close(self) -> None:
        self._rows.clear()
        self._inner.close()

    def _remember(self, paths: Sequence[_Path], rows: Logits) -> None:
        for path, row in zip(paths, rows, strict=True):
            self._bytes += row.nbytes if path not in self._rows else 0
            # A view would keep all rows of its batch.
            self._rows[path] = row if len(rows) == 1 and rows.base is None else row.copy()
        while self._bytes > self._most_bytes:
            _, oldest = self._rows.popitem(last=False)
            self._bytes -= oldest.nbytes


def _paths(tree: TokenTree, nodes: Sequence[int]) -> dict[int, _Path]:
    """The token sequence that ends at each of ``nodes``."""
    paths = {}
    for node in nodes:
        below: list[int] = []
        at = node
        while at != TRUNK_END:
            below.append(tree.tokens[at])
            at = tree.parents[at]
        paths[node] = (*tree.trunk, *reversed(below))
    return paths


def _part(tree: TokenTree, nodes: Sequence[int]) -> tuple[TokenTree, list[int]]:
    """The tree without what no way to one of ``nodes`` leads through, and the numbers of these in it."""
    kept = set()
    for node in nodes:
        at = node
        while at != TRUNK_END and at not in kept:
            kept.add(at)
            at = tree.parents[at]
    order = sorted(kept)
    numbers = {TRUNK_END: TRUNK_END, **{node: number for number, node in enumerate(order)}}
    part = TokenTree(
        tree.trunk,
        tuple(tree.tokens[node] for node in order),
        tuple(numbers[tree.parents[node]] for node in order),
        tree.guessed,
    )
    return part, [numbers[node] for node in nodes]
