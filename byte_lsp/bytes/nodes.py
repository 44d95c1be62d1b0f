"""What a model says of contexts, in the order that bytes ask for it: tokens sorted by their pieces."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.canonical import CanonicalProcess, Row
from byte_lsp.bytes.covers import CoverTree
from byte_lsp.engines.protocol import TRUNK_END, Engine, tree_of
from byte_lsp.tokens.contexts import Frontier, PieceIndex
from byte_lsp.tokens.extendable import Tail
from byte_lsp.tokens.spines import Flags

_FEW_TOKENS = 64
_KEPT_ROWS = 32
_SURE = 0.4


@dataclass(frozen=True, slots=True)
class Node:
    """A context that the model has seen, and the canonical process there.

    ``shares[i]`` is the probability of the ``i``-th token in piece order, ``end_share`` that of end-of-text.
    The tokens of ``doubtful``, shape (vocabulary size,), count as extendable but were not asked about, and
    ``unasked[-1]`` is their share; the others are those of the nodes above, up to where its state began.
    """

    path: tuple[int, ...]
    tail: Tail
    shares: NDArray[np.float64]
    end_share: float
    doubtful: Flags
    unasked: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Live:
    """A context, ``depth`` bytes of residual, and the tokens (in piece order) that run past it."""

    node: Node
    weight: float
    depth: int
    low: int
    high: int

    @property
    def path(self) -> tuple[int, ...]:
        return self.node.path

    @property
    def mass(self) -> float:
        """The probability of the text so far and any of the tokens."""
        share = float(self.node.shares[self.low : self.high].sum())
        return self.weight * (share if self.depth else share + self.node.end_share)


@dataclass(frozen=True, slots=True)
class Pending:
    """A context that the model has not seen, and the bytes after it. Behind it lies ``weight`` at most."""

    above: Node
    token: int
    tail: Tail
    weight: float
    residual: bytes

    @property
    def path(self) -> tuple[int, ...]:
        return (*self.above.path, self.token)


class Nodes:
    """Makes nodes of one model, and keeps the rows of a few contexts that may be wanted soon."""

    def __init__(self, engine: Engine, process: CanonicalProcess) -> None:
        self._rows: OrderedDict[tuple[int, ...], Row] = OrderedDict()
        self._engine = engine
        self.process = process
        self.index: PieceIndex = process.finder.index
        self._order = np.array(self.index.tokens, dtype=np.intp)
        self._ends = np.array(process.framing.ends, dtype=np.intp)
        self.pieces = process.finder.tokenizer.pieces

    def begin(self, frontier: Frontier) -> list[Live]:
        """The live contexts of a frontier, evaluated as one token tree in one batch."""
        tree = CoverTree(self.process, frontier)
        rows = self._engine.evaluate(tree.tree(), [TRUNK_END, *range(len(tree.tokens))])
        nodes: dict[int, tuple[Node, float]] = {}
        for at in (TRUNK_END, *range(len(tree.tokens))):
            above, weight = nodes[tree.parents[at]] if at != TRUNK_END else (None, 1.0)
            if above is not None:
                weight *= float(above.shares[self._places[tree.tokens[at]]])
            nodes[at] = self._make(above, tree.path(at), tree.tails[at], rows[at + 1]), weight
        live = []
        for tail, residual in frontier.ends:
            node, weight = nodes[tree.nodes_to(tail)[-1]]
            live.append(Live(node, weight, len(residual), *self.index.span(residual)))
        return live

    def evaluate(self, paths: Sequence[tuple[int, ...]], guesses: Iterable[tuple[int, ...]]) -> None:
        """Have the model evaluate contexts in one batch, so that ``see`` finds them.

        Where the model has to be asked for one of ``paths``, it is asked for the ``guesses`` too: two tokens
        in one batch cost less than in two.
        """
        missing = [path for path in paths if path not in self._rows]
        if missing:
            missing += self._fitting(path for path in guesses if path not in missing)
            tree, nodes = tree_of(missing)
            for path, row in zip(missing, self._engine.evaluate(tree, nodes), strict=True):
                self._rows[path] = row
        for path in paths:
            self._rows.move_to_end(path)
        while len(self._rows) > max(_KEPT_ROWS, len(paths)):
            self._rows.popitem(last=False)

    def see(self, pending: Pending) -> Node:
        """The node of a context that was evaluated."""
        return self._make(pending.above, pending.path, pending.tail, self._rows[pending.path])

    def guess(self, live: Live, eps: float) -> Iterator[tuple[int, ...]]:
        """What will have to be evaluated if a live context goes on with its most probable token.

        That token, and the shorter ones that end on the way and weigh ``eps`` or more there.
        """
        shares = live.node.shares
        best = live.low + int(shares[live.low : live.high].argmax())
        if shares[best] < _SURE * shares[live.low : live.high].sum():
            return
        yield (*live.node.path, self.index.tokens[best])
        piece = self.pieces[self.index.tokens[best]]
        low, high = live.low, live.high
        for depth in range(live.depth, len(piece) - 1):
            low, cut, high = self.index.narrow(low, high, depth, piece[depth])
            whole = float(shares[low:high].sum())
            for place in range(low, cut):
                if shares[place] > 0 and shares[place] >= eps * whole:
                    yield (*live.node.path, self.index.tokens[place])
            low = cut

    def doubt(self, live: Live) -> float:
        """The share of a node's tokens that run past the residual and were not asked about."""
        if not live.node.unasked[-1]:
            return 0.0
        if not live.depth:
            return live.node.unasked[-1]
        return float(live.node.shares[live.low : live.high][self._doubtful(live)].sum())

    def ask(self, live: Live, enough: float) -> Live:
        """Ask about the heaviest tokens that run past the residual, until no more than ``enough`` is left.

        What is not extendable goes; its share is spread over the rest of the node.
        """
        places = live.low + np.flatnonzero(self._doubtful(live))
        heaviest = places[np.argsort(-live.node.shares[places], kind="stable")]
        shares, doubtful = live.node.shares.copy(), live.node.doubtful.copy()
        left, removed = float(shares[heaviest].sum()), 0.0
        for place in heaviest[: self.process.most_asked].tolist():
            if left <= enough:
                break
            token, share = self.index.tokens[place], float(shares[place])
            doubtful[token] = False
            left -= share
            if not self.process.follows(live.node.tail, token):
                removed += share
                shares[place] = 0.0
        whole = 1.0 - removed
        end_share = live.node.end_share / whole
        return replace(
            live, node=replace(live.node, shares=shares / whole, end_share=end_share, doubtful=doubtful)
        )

    def is_possible(self, pending: Pending) -> bool:
        """Whether the context is extendable and tokens can spell the bytes after it."""
        if pending.above.doubtful[pending.token] and not self.process.follows(
            pending.above.tail, pending.token
        ):
            return False
        return self._goes_on(pending.tail, pending.residual)

    def _doubtful(self, live: Live) -> Flags:
        return live.node.doubtful[self._order[live.low : live.high]]

    def _goes_on(self, tail: Tail, residual: bytes) -> bool:
        """Whether tokens can spell ``residual`` behind a tail; where very many might, that they can."""
        if not residual:
            return True
        low, high = self.index.span(residual)
        if high - low > _FEW_TOKENS or any(tail.admits(token) for token in self.index.tokens[low:high]):
            return True
        return any(
            tail.admits(token) and self._goes_on(tail.push(token), residual[length:])
            for length in range(1, len(residual) + 1)
            for token in self.index.spelling(residual[:length])
        )

    def _make(self, above: Node | None, path: tuple[int, ...], tail: Tail, row: Row) -> Node:
        restricted = self.process.restrict(tail, row)
        impossible = restricted.log_mass == -np.inf
        shares = np.exp(restricted.row.astype(np.float64) - (0.0 if impossible else restricted.log_mass))
        unasked = (*(above.unasked if above else ()), restricted.unasked)
        ending = float(shares[self._ends].sum())
        return Node(path, tail, shares[self._order], ending, restricted.doubtful, unasked)

    def _fitting(self, guesses: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Guesses that are not known, and that the model's context has room for."""
        return [
            path for path in guesses if path not in self._rows and len(path) <= self._engine.context_tokens
        ]

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        """Where each token stands in piece order."""
        places = np.zeros(len(self.pieces), dtype=np.intp)
        places[self._order] = np.arange(len(self._order))
        return places
