"""Covers of a byte prefix, weighed by a model in one batch.

Every text that extends the prefix has exactly one token that crosses the prefix's end, so the covers
partition those texts: ``P(x) = sum over covers of Q(cover)`` (Byte-Token Representation Lemma, arXiv
2410.09303, section 3).
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
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

    def __len__(self) -> int:
        return len(self._known)

    def recall(self, key: object) -> Restricted | None:
        """What is known under a key."""
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known

    def keep(self, key: object, restricted: Restricted) -> None:
        """Remember it; what was asked for least recently goes."""
        self._known[key] = restricted
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)


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
    weigher = _Weigher(process, trie, temperature, NodeMemory() if memory is None else memory)
    weigher.ask(engine)
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
    """Turns what the model says at the nodes of a trie into weights of covers."""

    def __init__(
        self, process: CanonicalProcess, trie: CoverTree, temperature: float, memory: NodeMemory
    ) -> None:
        self.process = process
        self.trie = trie
        self.temperature = temperature
        self._temperatures = {1.0, temperature}
        self._memory = memory
        self._restricted: dict[tuple[int, float], Restricted] = {}

    @property
    def unasked(self) -> float:
        """The most that was not asked about at a node: see ``CoverSet``."""
        return max(restricted.unasked for restricted in self._restricted.values())

    def ask(self, engine: Engine) -> None:
        """Have the model evaluate what is not remembered, in one batch.

        An engine that was told to forget is asked for all: who does that wants to know what it costs.
        """
        nodes = [TRUNK_END, *range(len(self.trie.tokens))]
        knows = len(self._memory) > 0 and engine.cached_tokens(self.trie.trunk) > 0
        missing = [node for node in nodes if not (knows and self._remembers(node))]
        rows = engine.evaluate(self.trie.tree(), missing) if missing else ()
        for node, row in zip(missing, rows, strict=True):
            for temperature in self._temperatures:
                restricted = self.process.restrict(self.trie.tails[node], row, temperature)
                self._restricted[node, temperature] = restricted
                self._memory.keep(self._key(node, temperature), restricted)

    def context(self, tail: Tail, residual: bytes) -> CoverContext:
        nodes = self.trie.nodes_to(tail)
        tokens = self._candidates(residual, len(self._restricted[nodes[-1], 1.0].row))
        picked = tokens if residual else None  # all of a vocabulary need not be picked one by one
        log_q1 = self._weights(nodes, picked, 1.0)
        hot = log_q1 if self.temperature == 1.0 else self._weights(nodes, picked, self.temperature)
        path = (*self.trie.trunk, *tail.tokens[self.trie.skipped :])
        return CoverContext(path, tail, residual, tokens, hot, log_q1)

    def _candidates(self, residual: bytes, vocabulary_size: int) -> NDArray[np.intp]:
        if not residual:
            return _all_tokens(vocabulary_size)
        low, high = self.process.finder.index.span(residual)
        return self.process.finder.index.ids[low:high]

    def _weights(self, nodes: list[int], tokens: NDArray[np.intp] | None, temperature: float) -> Row:
        """``log Q_T(path to the context, token)`` for each of ``tokens``, or each token there is; minus
        infinity where it is known to be out.
        """
        on_path = 0.0
        for node, child in pairwise(nodes):
            above = self._restricted[node, temperature]
            on_path += float(above.row[self.trie.tokens[child]]) - above.log_mass
        last = self._restricted[nodes[-1], temperature]
        weights: Row = (last.row if tokens is None else last.row[tokens]) + (on_path - last.log_mass)
        return weights

    def _remembers(self, node: int) -> bool:
        """Whether all is known of a node, which then need not be asked for."""
        for temperature in self._temperatures:
            known = self._memory.recall(self._key(node, temperature))
            if known is None:
                return False
            self._restricted[node, temperature] = known
        return True

    def _key(self, node: int, temperature: float) -> object:
        return self.process.framing.ends, temperature, self.trie.path(node), self.trie.tails[node].text
