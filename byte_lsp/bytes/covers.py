"""Covers of a byte prefix, weighed by a model in one batch.

Every text that extends the prefix has exactly one token that crosses the prefix's end, so the covers
partition those texts: ``P(x) = sum over covers of Q(cover)`` (Byte-Token Representation Lemma, arXiv
2410.09303, section 3).
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.canonical import CanonicalProcess, Process, Restricted, Row, descending, log_sum
from byte_lsp.bytes.draws import draw_accepted
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree, agreement
from byte_lsp.tokens.contexts import Frontier
from byte_lsp.tokens.extendable import Tail

END_OF_TEXT = 256

KEPT_NODES = 24
"""Of a vocabulary of 49,152 tokens 5 MB: the contexts of some keystrokes."""


@dataclass(frozen=True, slots=True)
class CoverContext:
    """A context ready to be continued: the whole path from the head on, its tail, residual and weights.

    ``log_weights[i]`` is ``log Q_T(context, tokens[i])`` up to a constant shared by all contexts of the
    prefix; ``log_q1`` the same at temperature 1. End-of-text tokens stand among ``tokens`` where the context
    is the whole of ``encode(x)``.
    """

    path: tuple[int, ...]
    tail: Tail
    residual: bytes
    tokens: NDArray[np.intp]
    log_weights: Row
    log_q1: Row


@dataclass(frozen=True, slots=True)
class Cover:
    """One cover: the context's number, the crossing token, and its log-probability given the prefix."""

    context: int
    token: int
    logprob: float


@dataclass(frozen=True, slots=True)
class CoverSet:
    """All covers of a prefix.

    ``unasked`` is the most mass at a node of tokens that were not asked to be extendable: so much at most may
    a context's weight be off beside the others', by each node on its path. A cover drawn is always asked.
    """

    contexts: Sequence[CoverContext]
    unasked: float
    tokens_evaluated: int
    batch_tokens: int


class NodeMemory:
    """What rows became at the last nodes: of the contexts of a keystroke most are those of the one before.

    That depends on the token path, the temperature, what ends a text, and the text itself, which may have
    bytes that no token spells; nothing goes stale.
    """

    def __init__(self, most: int = KEPT_NODES) -> None:
        self._known: OrderedDict[object, Restricted] = OrderedDict()
        self._most = most

    def recall(self, key: object, make: Callable[[], Restricted]) -> Restricted:
        """What is known under a key, or is made now."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = make()
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(key)
        return known


def weigh_covers(
    engine: Engine,
    process: CanonicalProcess,
    prefix: bytes,
    temperature: float = 1.0,
    memory: NodeMemory | None = None,
) -> CoverSet:
    """Evaluate all contexts of ``prefix`` as one token tree and weigh their covers.

    A ``memory`` is one engine's and one process's, in whatever framing.
    """
    frontier = process.finder.frontier(prefix)
    trie = CoverTree(process, frontier)
    before = engine.tokens_evaluated
    rows = engine.evaluate(trie.tree(), [TRUNK_END, *range(len(trie.tokens))])
    weigher = _Weigher(process, trie, rows, temperature, memory or NodeMemory())
    contexts = [weigher.context(tail, residual) for tail, residual in frontier.ends]
    return CoverSet(contexts, weigher.unasked, engine.tokens_evaluated - before, 1 + len(trie.tokens))


def draw_cover(
    process: Process, covers: CoverSet, generator: np.random.Generator | None, top_p: float
) -> Cover:
    """A cover in proportion to its weight among the most probable ones of total mass ``top_p``.

    Without a generator, the most probable one. A cover drawn that is not extendable is drawn again.
    """
    if generator is None:
        return next(ranked_covers(process, covers, np.inf))
    weights = np.concatenate([context.log_weights for context in covers.contexts])
    q1 = np.concatenate([context.log_q1 for context in covers.contexts])
    locate = _Locator(process, covers)

    def is_extendable(at: int) -> bool:
        if not locate.is_extendable(at):
            q1[at] = -np.inf
        return bool(q1[at] > -np.inf)

    at = draw_accepted(weights, top_p, is_extendable, generator)
    return Cover(*locate(at), float(q1[at]) - log_sum(q1))


def ranked_covers(process: Process, covers: CoverSet, floor_nats: float) -> Iterator[Cover]:
    """Covers by falling probability, down to ``floor_nats`` below the best."""
    weights = np.concatenate([context.log_q1 for context in covers.contexts])
    locate = _Locator(process, covers)
    total = log_sum(weights)
    best: float | None = None
    for at in descending(weights):
        if not locate.is_extendable(at):
            continue
        logprob = float(weights[at]) - total
        best = logprob if best is None else best
        if logprob < best - floor_nats:
            return
        yield Cover(*locate(at), logprob)


class _Locator:
    """Finds a cover's context and token by its place among all covers laid end to end."""

    def __init__(self, process: Process, covers: CoverSet) -> None:
        self._process = process
        self._contexts = covers.contexts
        self._firsts = np.cumsum([0, *(len(context.tokens) for context in covers.contexts)])

    def __call__(self, at: int) -> tuple[int, int]:
        number = int(np.searchsorted(self._firsts, at, side="right")) - 1
        return number, int(self._contexts[number].tokens[at - self._firsts[number]])

    def is_extendable(self, at: int) -> bool:
        number, token = self(at)
        return self._process.follows(self._contexts[number].tail, token)


def next_byte(process: Process, covers: CoverSet) -> NDArray[np.float64]:
    """Log-probabilities of the next byte, shape (257,); index 256 is end-of-text."""
    masses = np.zeros(257)
    pieces = process.finder.tokenizer.pieces
    highest = max(float(context.log_q1.max(initial=-np.inf)) for context in covers.contexts)
    for context in covers.contexts:
        at = len(context.residual)
        possible = np.isfinite(context.log_q1)
        tokens = context.tokens[possible].tolist()
        nexts = [END_OF_TEXT if process.is_end(token) else pieces[token][at] for token in tokens]
        masses += np.bincount(nexts, weights=np.exp(context.log_q1[possible] - highest), minlength=257)
    with np.errstate(divide="ignore"):
        result: NDArray[np.float64] = np.log(masses / masses.sum())
    return result


class CoverTree:
    """The contexts' tokens beyond what all of them share, as a token tree with one tail per node."""

    def __init__(self, process: CanonicalProcess, frontier: Frontier) -> None:
        tails = [tail for tail, _ in frontier.ends]
        sequences = [tail.tokens for tail in tails]
        self.skipped = agreement(min(sequences), max(sequences))
        self.process = process
        self.trunk = (*process.framing.head, *frontier.shared, *sequences[0][: self.skipped])
        self.tokens: list[int] = []
        self.parents: list[int] = []
        self.tails: dict[int, Tail] = {}
        self._children: dict[tuple[int, int], int] = {}
        for tail in tails:
            self._insert(tail)

    def tree(self) -> TokenTree:
        return TokenTree(self.trunk, tuple(self.tokens), tuple(self.parents))

    def path(self, node: int) -> tuple[int, ...]:
        """All tokens from the head to a node."""
        return (*self.trunk, *self.tails[node].tokens[self.skipped :])

    def nodes_to(self, tail: Tail) -> list[int]:
        """The nodes that lead to a context, the trunk's end first."""
        nodes = [TRUNK_END]
        for token in tail.tokens[self.skipped :]:
            nodes.append(self._children[nodes[-1], token])
        return nodes

    def _insert(self, tail: Tail) -> None:
        node = TRUNK_END
        self.tails.setdefault(node, tail.beginning(self.skipped))
        for depth, token in enumerate(tail.tokens[self.skipped :], self.skipped + 1):
            child = self._children.get((node, token))
            if child is None:
                child = self._children[node, token] = len(self.tokens)
                self.tokens.append(token)
                self.parents.append(node)
                self.tails[child] = tail.beginning(depth)
            node = child


@lru_cache(maxsize=4)
def _all_tokens(count: int) -> NDArray[np.intp]:
    tokens = np.arange(count)
    tokens.setflags(write=False)
    return tokens


class _Weigher:
    """Turns the model's rows at the nodes of a trie into weights of covers."""

    def __init__(
        self, process: CanonicalProcess, trie: CoverTree, rows: Row, temperature: float, memory: NodeMemory
    ) -> None:
        self.process = process
        self.trie = trie
        self.rows = rows
        self.temperature = temperature
        self.unasked = 0.0
        self._memory = memory
        self._restricted: dict[tuple[int, float], tuple[Row, float]] = {}

    def context(self, tail: Tail, residual: bytes) -> CoverContext:
        nodes = self.trie.nodes_to(tail)
        tokens = self._candidates(residual)
        picked = tokens if residual else None  # all of a vocabulary need not be picked one by one
        log_q1 = self._weights(nodes, picked, 1.0)
        hot = log_q1 if self.temperature == 1.0 else self._weights(nodes, picked, self.temperature)
        path = (*self.trie.trunk, *tail.tokens[self.trie.skipped :])
        return CoverContext(path, tail, residual, tokens, hot, log_q1)

    def _candidates(self, residual: bytes) -> NDArray[np.intp]:
        if not residual:
            return _all_tokens(self.rows.shape[1])
        low, high = self.process.finder.index.span(residual)
        return self.process.finder.index.ids[low:high]

    def _weights(self, nodes: list[int], tokens: NDArray[np.intp] | None, temperature: float) -> Row:
        """``log Q_T(path to the context, token)`` for each of ``tokens``, or each token there is; minus
        infinity where it is known to be out.
        """
        on_path = 0.0
        for node, child in pairwise(nodes):
            row, log_mass = self._at(node, temperature)
            on_path += float(row[self.trie.tokens[child]]) - log_mass
        row, log_mass = self._at(nodes[-1], temperature)
        weights: Row = (row if tokens is None else row[tokens]) + (on_path - log_mass)
        return weights

    def _at(self, node: int, temperature: float) -> tuple[Row, float]:
        known = self._restricted.get((node, temperature))
        if known is None:
            tail = self.trie.tails[node]
            restricted = self._memory.recall(
                (self.process.framing.ends, temperature, self.trie.path(node), tail.text),
                partial(self.process.restrict, tail, self.rows[node + 1], temperature),
            )
            self.unasked = max(self.unasked, restricted.unasked)
            known = self._restricted[node, temperature] = restricted.row, restricted.log_mass
        return known
