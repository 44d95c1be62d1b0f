"""A tiny model in memory: fixed but random next-token log-probabilities for every token sequence.

It has the protocol of the real engines and none of their noise, so identities that hold on paper can be
checked on it to the last digits.
"""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np

from byte_lsp.engines.branch_cache import BranchCache
from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, Logits, TokenTree
from byte_lsp.engines.shape import measure
from byte_lsp.errors import Cancelled


class TableEngine:
    """Row ``k`` of the table belongs to one token sequence, whose hash seeds its logits.

    The logits are normal with standard deviation ``spread`` (nats). A cache with the books of the real ones
    and nothing in it says what counts as evaluated; each token is a chunk of its own.
    """

    def __init__(
        self, vocabulary_size: int, *, seed: int = 0, spread: float = 2.0, context_tokens: int = 256
    ) -> None:
        self._vocabulary_size = vocabulary_size
        self._context_tokens = context_tokens
        self._seed = seed
        self._spread = spread
        self._rows: dict[tuple[int, ...], Logits] = {}
        self._cache = BranchCache(_NoCells(), context_tokens + MAX_SEQUENCES, chunk_tokens=1)
        self._tokens_evaluated = 0
        self._stop = threading.Event()

    def forget(self) -> None:
        self._cache.forget()

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        shape = measure(tree, self._context_tokens)
        for chunk in self._cache.chunks(shape, shape.rows_by_node(nodes)):
            if self._stop.is_set():
                self._cache.undo(chunk)
                raise Cancelled("the request was given up")
            self._tokens_evaluated += len(chunk)
        paths = _paths(tree)
        return np.array([self.row(paths[node]) for node in nodes]).reshape(len(nodes), self._vocabulary_size)

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return self._cache.cached_tokens(path)

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self._cache.hold(paths)

    def interrupt(self, stop: bool) -> None:
        if stop:
            self._stop.set()
        else:
            self._stop.clear()

    def close(self) -> None:
        self._rows.clear()

    def row(self, path: tuple[int, ...]) -> Logits:
        """Next-token log-probabilities after this token sequence, shape (vocabulary size,)."""
        known = self._rows.get(path)
        if known is None:
            numbers = np.array((self._seed, *path), dtype=np.int64)
            seed = int.from_bytes(hashlib.blake2b(numbers.tobytes(), digest_size=16).digest())
            logits = self._spread * np.random.default_rng(seed).standard_normal(self._vocabulary_size)
            known = self._rows[path] = logits - np.logaddexp.reduce(logits)
        return known


class _NoCells:
    """The memory of an engine that needs none."""

    def copy(self, source: int, target: int, length: int) -> None:
        pass

    def cut(self, branch: int, length: int) -> None:
        pass

    def least_length(self, branch: int) -> int:
        return 0

    def save(self, branch: int) -> bytes:
        return b""

    def load(self, branch: int, saved: bytes) -> bool:
        return True


def _paths(tree: TokenTree) -> dict[int, tuple[int, ...]]:
    """The token sequence that ends at each node."""
    paths = {TRUNK_END: tree.trunk}
    for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
        paths[node] = (*paths[parent], token)
    return paths
