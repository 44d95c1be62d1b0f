"""The byte-by-byte path: ask for the next byte, advance by one, ask again.

A state holds the *live contexts* of the bytes so far: token sequences that end at or before the last byte,
each with the tokens whose pieces begin with the residual and run past it. A new byte narrows those, and adds
the context that ends exactly there, if a token does. That one's weight is known before the model has seen it:
a context lighter than ``eps`` stays *pending*, and the model is not asked. The weights of pending contexts
bound the mass left out, and one that becomes heavier beside the others is evaluated after all (design,
section 2).
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.canonical import CanonicalProcess, Row
from byte_lsp.bytes.covers import END_OF_TEXT, CoverTree
from byte_lsp.engines.protocol import TRUNK_END, Engine, tree_of
from byte_lsp.tokens.contexts import Frontier, PieceIndex
from byte_lsp.tokens.extendable import Tail

ByteRow = NDArray[np.float64]
"""Log-probabilities (nats) of the 256 bytes and of end-of-text at index 256, shape (257,)."""


@dataclass(frozen=True, slots=True)
class Node:
    """A context that the model has seen: ``shares[i]`` is the probability of the ``i``-th token in piece
    order.

    ``end_share`` is that of end-of-text. All are those of the canonical process.
    """

    path: tuple[int, ...]
    tail: Tail
    shares: ByteRow
    end_share: float


@dataclass(frozen=True, slots=True)
class _Live:
    """A context, ``depth`` bytes of residual, and the tokens (in piece order) that run past it."""

    node: Node
    weight: float
    depth: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """A context that the model has not seen, and the bytes after it. Behind it lies ``weight`` at most."""

    path: tuple[int, ...]
    tail: Tail
    weight: float
    residual: bytes


_FEW_TOKENS = 64
_KEPT_ROWS = 32
_SURE = 0.4


class Nodes:
    """Makes nodes of one model, and keeps the rows of a few contexts that may be wanted soon."""

    def __init__(self, engine: Engine, process: CanonicalProcess) -> None:
        self._rows: OrderedDict[tuple[int, ...], Row] = OrderedDict()
        self._engine = engine
        self._process = process
        self.index: PieceIndex = process.finder.index
        self._order = np.array(self.index.tokens, dtype=np.intp)
        self._ends = np.array(process.framing.ends, dtype=np.intp)
        self.pieces = process.finder.tokenizer.pieces

    def evaluate(self, paths: Sequence[tuple[int, ...]], guesses: Iterable[tuple[int, ...]]) -> None:
        """Have the model evaluate contexts in one batch, so that ``see`` finds them.

        Where the model has to be asked for one of ``paths``, it is asked for the ``guesses`` too: two tokens
        in one batch cost much less than in two.
        """
        missing = [path for path in paths if path not in self._rows]
        if missing:
            missing += [path for path in guesses if path not in self._rows and path not in missing]
            tree, nodes = tree_of(missing)
            for path, row in zip(missing, self._engine.evaluate(tree, nodes), strict=True):
                self._rows[path] = row
        for path in paths:
            self._rows.move_to_end(path)
        while len(self._rows) > max(_KEPT_ROWS, len(paths)):
            self._rows.popitem(last=False)

    def see(self, path: tuple[int, ...], tail: Tail) -> Node:
        """The node of a context that was evaluated."""
        return self.make(path, tail, self._rows[path])

    def guess(self, live: "_Live", eps: float) -> Iterator[tuple[int, ...]]:
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

    def make(self, path: tuple[int, ...], tail: Tail, row: Row) -> Node:
        """The node of a context whose row is known."""
        restricted = self._process.restrict(tail, row)
        shares = np.exp(restricted.row.astype(np.float64) - restricted.log_mass)
        return Node(path, tail, shares[self._order], float(shares[self._ends].sum()))

    def begin(self, frontier: Frontier) -> list[_Live]:
        """The live contexts of a frontier, evaluated as one token tree in one batch."""
        tree = CoverTree(self._process, frontier)
        rows = self._engine.evaluate(tree.tree(), [TRUNK_END, *range(len(tree.tokens))])
        nodes: dict[int, tuple[Node, float]] = {}
        for at in (TRUNK_END, *range(len(tree.tokens))):
            node = self.make(tree.path(at), tree.tails[at], rows[at + 1])
            weight = 1.0
            if at != TRUNK_END:
                above, weight_above = nodes[tree.parents[at]]
                weight = weight_above * self._share(above, tree.tokens[at])
            nodes[at] = node, weight
        live = []
        for tail, residual in frontier.ends:
            node, weight = nodes[tree.nodes_to(tail)[-1]]
            live.append(_Live(node, weight, len(residual), *self.index.span(residual)))
        return live

    def goes_on(self, tail: Tail, residual: bytes) -> bool:
        """Whether tokens can spell ``residual`` behind a tail; where very many might, that they can."""
        if not residual:
            return True
        low, high = self.index.span(residual)
        if high - low > _FEW_TOKENS or any(tail.admits(token) for token in self.index.tokens[low:high]):
            return True
        return any(
            tail.admits(token) and self.goes_on(tail.push(token), residual[length:])
            for length in range(1, len(residual) + 1)
            for token in self.index.spelling(residual[:length])
        )

    def _share(self, node: Node, token: int) -> float:
        return float(node.shares[self._places[token]])

    @cached_property
    def _places(self) -> NDArray[np.intp]:
        places = np.zeros(len(self.pieces), dtype=np.intp)
        places[self._order] = np.arange(len(self._order))
        return places


class ByteState:
    """What a model thinks at the end of some bytes. States do not change: ``advance`` makes a new one.

    ``left_out`` bounds the share of the probability that the last ``next_byte`` left out.
    """

    def __init__(self, nodes: Nodes, eps: float, live: list[_Live], pending: list[_Pending]) -> None:
        self._nodes = nodes
        self._eps = eps
        self._live = live
        self._pending = pending
        self._masses: ByteRow | None = None

    @classmethod
    def begin(cls, nodes: Nodes, frontier: Frontier, eps: float) -> "ByteState":
        """The state at the end of a prefix. Contexts of less weight than ``eps`` will not be evaluated."""
        return cls(nodes, eps, nodes.begin(frontier), [])

    @property
    def is_possible(self) -> bool:
        """Whether the bytes so far have any probability."""
        return bool(self._weigh().sum() > 0)

    @property
    def left_out(self) -> float:
        """The most that contexts not evaluated could add, as a share of the whole."""
        known = float(self._weigh().sum())
        self._pending = [each for each in self._pending if self._nodes.goes_on(each.tail, each.residual)]
        pending = sum(each.weight for each in self._pending)
        return pending / (pending + known) if pending else 0.0

    def next_byte(self) -> ByteRow:
        """Log-probabilities (nats) of the next byte, shape (257,), index 256 being end-of-text.

        All minus infinity where the bytes so far have no probability at all.
        """
        masses = self._weigh()
        with np.errstate(divide="ignore"):
            row: ByteRow = np.log(masses / (masses.sum() or 1.0))
        return row

    def advance(self, byte: int) -> "ByteState":
        """The state after one more byte. Asks the model nothing."""
        index = self._nodes.index
        live: list[_Live] = []
        pending: list[_Pending] = []
        scale = 1.0 / (float(self._weigh()[byte]) or 1.0)
        for each in self._live:
            low, cut, high = index.narrow(each.low, each.high, each.depth, byte)
            weight = each.weight * scale
            pending += self._ending(each.node, weight, range(low, cut), b"")
            if each.node.shares[cut:high].any():
                live.append(_Live(each.node, weight, each.depth + 1, cut, high))
        grown = bytes([byte])
        pending += [_Pending(p.path, p.tail, p.weight * scale, p.residual + grown) for p in self._pending]
        return ByteState(self._nodes, self._eps, live, pending)

    def _ending(self, node: Node, weight: float, places: range, residual: bytes) -> Iterator[_Pending]:
        """The contexts that tokens at these places, which end here, make of a node."""
        for place in places:
            share = float(node.shares[place])
            if share > 0:
                token = self._nodes.index.tokens[place]
                yield _Pending((*node.path, token), node.tail.push(token), weight * share, residual)

    def _weigh(self) -> ByteRow:
        """Masses of the next byte, shape (257,), after evaluating every context that is heavy enough."""
        if self._masses is None:
            masses = np.zeros(257)
            for live in self._live:
                self._add(masses, live)
            while heavy := self._take_heavy(float(masses.sum())):
                self._nodes.evaluate([each.path for each in heavy], self._guess())
                for live in [live for each in heavy for live in self._see(each)]:
                    self._live.append(live)
                    self._add(masses, live)
            self._masses = masses
        return self._masses

    def _add(self, masses: ByteRow, live: _Live) -> None:
        starts, following = self._nodes.index.branches(live.low, live.high, live.depth)
        if len(starts):
            sums = np.add.reduceat(live.node.shares[: live.high], starts)
            masses[following] += live.weight * sums
        if live.depth == 0:
            masses[END_OF_TEXT] += live.weight * live.node.end_share

    def _take_heavy(self, known: float) -> list[_Pending]:
        """The pending contexts that are heavy enough to be evaluated. Those that lead nowhere are dropped."""
        least = self._eps * (known + sum(each.weight for each in self._pending))
        heavy = [each for each in self._pending if each.weight >= least]
        self._pending = [each for each in self._pending if each.weight < least]
        return [each for each in heavy if self._nodes.goes_on(each.tail, each.residual)]

    def _guess(self) -> Iterator[tuple[int, ...]]:
        if self._live:
            yield from self._nodes.guess(max(self._live, key=_mass), self._eps)

    def _see(self, pending: _Pending) -> Iterator[_Live]:
        """Evaluate a context: it comes to life, and the contexts between it and the end become pending."""
        node = self._nodes.see(pending.path, pending.tail)
        low, high = 0, len(self._nodes.index.tokens)
        for depth, byte in enumerate(pending.residual):
            low, cut, high = self._nodes.index.narrow(low, high, depth, byte)
            rest = pending.residual[depth + 1 :]
            self._pending += self._ending(node, pending.weight, range(low, cut), rest)
            low = cut
        if low < high or not pending.residual:
            yield _Live(node, pending.weight, len(pending.residual), low, high)


def _mass(live: _Live) -> float:
    return live.weight * float(live.node.shares[live.low : live.high].sum())
