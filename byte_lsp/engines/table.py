"""A tiny model in memory: fixed but random next-token log-probabilities for every token sequence.

It has the protocol of the real engines and none of their noise, so identities that hold on paper can be
checked on it to the last digits.
"""

import hashlib
import threading
from collections.abc import Sequence

import numpy as np

from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, LogProbs, TokenTree
from byte_lsp.errors import Cancelled, EngineError


class TableEngine:
    """Row ``k`` of the table belongs to one token sequence, whose hash seeds its logits.

    The logits are normal with standard deviation ``spread`` (nats). What counts as evaluated and as reused
    is what a cache of the last tree would say; each token evaluated is a chunk of its own.
    """

    def __init__(
        self, vocabulary_size: int, *, seed: int = 0, spread: float = 2.0, context_tokens: int = 256
    ) -> None:
        self._vocabulary_size = vocabulary_size
        self._context_tokens = context_tokens
        self._seed = seed
        self._spread = spread
        self._rows: dict[tuple[int, ...], LogProbs] = {}
        self._cached: list[tuple[int, ...]] = []
        self._tokens_evaluated = 0
        self._stop = threading.Event()

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> LogProbs:
        paths = _paths(tree)
        self._check_size(tree, paths)
        reused = min(self._longest_cached(tree.trunk), len(tree.trunk) - 1)
        self._cached = []
        for _ in range(len(tree.trunk) - reused + len(tree.tokens)):
            if self._stop.is_set():
                raise Cancelled("the request was given up")
            self._tokens_evaluated += 1
        self._cached = list(paths.values())
        return np.array([self.row(paths[node]) for node in nodes]).reshape(len(nodes), self._vocabulary_size)

    def interrupt(self, stop: bool) -> None:
        if stop:
            self._stop.set()
        else:
            self._stop.clear()

    def close(self) -> None:
        self._rows.clear()

    def row(self, path: tuple[int, ...]) -> LogProbs:
        """Next-token log-probabilities after this token sequence, shape (vocabulary size,)."""
        known = self._rows.get(path)
        if known is None:
            numbers = np.array((self._seed, *path), dtype=np.int64)
            seed = int.from_bytes(hashlib.blake2b(numbers.tobytes(), digest_size=16).digest())
            logits = self._spread * np.random.default_rng(seed).standard_normal(self._vocabulary_size)
            known = self._rows[path] = logits - np.logaddexp.reduce(logits)
        return known

    def _check_size(self, tree: TokenTree, paths: dict[int, tuple[int, ...]]) -> None:
        longest = max(len(path) for path in paths.values())
        if longest > self._context_tokens:
            raise EngineError(
                f"a text of {longest} tokens does not fit into engine.context_tokens = {self._context_tokens}"
            )
        branches = len(tree.tokens) - len(set(tree.parents) - {TRUNK_END})
        if branches > MAX_SEQUENCES:
            raise EngineError(f"a token tree of {branches} branches; {MAX_SEQUENCES} are the most")

    def _longest_cached(self, tokens: tuple[int, ...]) -> int:
        return max((_agreement(path, tokens) for path in self._cached), default=0)


def _paths(tree: TokenTree) -> dict[int, tuple[int, ...]]:
    """The token sequence that ends at each node."""
    paths = {TRUNK_END: tree.trunk}
    for node, (token, parent) in enumerate(zip(tree.tokens, tree.parents, strict=True)):
        paths[node] = (*paths[parent], token)
    return paths


def _agreement(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    shorter = min(len(left), len(right))
    return next((at for at in range(shorter) if left[at] != right[at]), shorter)
