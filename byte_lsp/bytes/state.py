"""The byte-by-byte path: ask for the next byte, advance by one, ask again.

A state holds the *live contexts* of the bytes so far: token sequences that end at or before the last byte,
each with the tokens whose pieces begin with the residual and run past it. A new byte narrows those, and adds
the context that ends exactly there, if a token does. That one's weight is known before the model has seen it:
a context lighter than ``eps`` stays *pending*, and the model is not asked. The weights of pending contexts
bound the mass left out, and one that becomes heavier beside the others is evaluated after all (design,
section 2).
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.covers import END_OF_TEXT
from byte_lsp.bytes.nodes import Live, Node, Nodes, Pending
from byte_lsp.engines.protocol import agreement
from byte_lsp.tokens.contexts import Frontier

ByteRow = NDArray[np.float64]
"""Log-probabilities (nats) of the 256 bytes and of end-of-text at index 256, shape (257,)."""


class ByteState:
    """What a model thinks at the end of some bytes. States do not change: ``advance`` makes a new one."""

    def __init__(self, nodes: Nodes, eps: float, live: Sequence[Live], pending: Sequence[Pending]) -> None:
        self._nodes = nodes
        self._eps = eps
        self._live = live
        self._pending = pending

    @classmethod
    def begin(cls, nodes: Nodes, frontier: Frontier, eps: float) -> "ByteState":
        """The state at the end of a prefix. Contexts of less weight than ``eps`` will not be evaluated."""
        return cls(nodes, eps, nodes.begin(frontier), [])

    @property
    def is_possible(self) -> bool:
        """Whether the bytes so far have any probability."""
        return self._weighed.known > 0

    @property
    def left_out(self) -> float:
        """How far ``next_byte`` may be off: the true probability of any set of bytes differs by no more.

        That are contexts not evaluated, and tokens that were not asked about and count as extendable.
        """
        return self._left_out

    def next_byte(self) -> ByteRow:
        """Log-probabilities (nats) of the next byte, shape (257,), index 256 being end-of-text.

        All minus infinity where the bytes so far have no probability at all.
        """
        weighed = self._weighed
        with np.errstate(divide="ignore"):
            row: ByteRow = np.log(weighed.masses / (weighed.known or 1.0))
        return row

    def advance(self, byte: int) -> "ByteState":
        """The state after one more byte. Asks the model nothing that ``next_byte`` would not."""
        index = self._nodes.index
        weighed = self._weighed
        live: list[Live] = []
        pending: list[Pending] = []
        scale = 1.0 / (float(weighed.masses[byte]) or 1.0)
        for each in weighed.live:
            low, cut, high = index.narrow(each.low, each.high, each.depth, byte)
            pending += _ending(self._nodes, each.node, each.weight * scale, range(low, cut), b"")
            if each.node.shares[cut:high].any():
                live.append(Live(each.node, each.weight * scale, each.depth + 1, cut, high))
        grown = bytes([byte])
        pending += [
            replace(each, weight=each.weight * scale, residual=each.residual + grown)
            for each in weighed.pending
        ]
        return ByteState(self._nodes, self._eps, live, pending)

    @cached_property
    def _weighed(self) -> "_Weighed":
        return _Weighing(self._nodes, self._eps, self._live, self._pending).finish()

    @cached_property
    def _left_out(self) -> float:
        return _bound(self._nodes, self._weighed)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """Masses of the next byte, shape (257,), whose sum is ``known``, and the contexts behind them."""

    masses: ByteRow
    known: float
    live: Sequence[Live]
    pending: Sequence[Pending]


def _bound(nodes: Nodes, weighed: _Weighed) -> float:
    """The most by which the distribution of the masses may be off, as total variation distance.

    Tokens not asked about may have no mass (``less``). Without them the others of their node have more, and
    so has all that follows; and pending contexts have theirs (``more``). What holds of the nodes that all
    contexts share cancels out.
    """
    paths = [live.path for live in weighed.live] + [each.path for each in weighed.pending]
    if not paths:
        return 1.0
    shared = agreement(min(paths), max(paths))
    less = min(weighed.known, sum(live.weight * nodes.doubt(live) for live in weighed.live))
    more = sum(each.weight * (1.0 + _slack(each.above, shared)) for each in weighed.pending)
    more += sum(live.mass * slack for live in weighed.live if (slack := _slack(live.node, shared)))
    certain = weighed.known - less
    return min(1.0, (less / weighed.known if less else 0.0) + (more / (certain + more) if more else 0.0))


def _slack(node: Node, shared_tokens: int) -> float:
    """By which share the weight behind a node may be too small, but for what all contexts share."""
    own = node.unasked[len(node.unasked) - max(0, len(node.path) - shared_tokens) :]
    kept = math.prod(1.0 - unasked for unasked in own)
    return 1.0 / kept - 1.0 if kept else math.inf


class _Weighing:
    """Finds the masses of the next byte, evaluating every context that is heavy enough.

    What it begins with stays as it is: if the model fails or is interrupted, nothing has happened.
    """

    def __init__(self, nodes: Nodes, eps: float, live: Sequence[Live], pending: Sequence[Pending]) -> None:
        self._nodes = nodes
        self._eps = eps
        self._live: list[Live] = []
        self._pending: list[Pending] = []
        self._masses: ByteRow = np.zeros(257)
        self._wait(pending)
        for each in live:
            self._add(each)

    def finish(self) -> _Weighed:
        """Evaluate until no pending context is heavy."""
        while heavy := self._take_heavy():
            self._nodes.evaluate([each.path for each in heavy], self._guess())
            for each in heavy:
                self._see(each)
        self._settle()
        return _Weighed(self._masses, float(self._masses.sum()), self._live, self._pending)

    def _add(self, live: Live) -> None:
        self._live.append(live)
        starts, following = self._nodes.index.branches(live.low, live.high, live.depth)
        if len(starts):
            sums = np.add.reduceat(live.node.shares[: live.high], starts)
            self._masses[following] += live.weight * sums
        if live.depth == 0:
            self._masses[END_OF_TEXT] += live.weight * live.node.end_share

    def _wait(self, pending: Iterable[Pending]) -> None:
        self._pending += [each for each in pending if self._nodes.is_possible(each)]

    def _take_heavy(self) -> list[Pending]:
        """The pending contexts that are heavy enough; where nothing is known, the heaviest."""
        known = float(self._masses.sum())
        least = self._eps * (known + sum(each.weight for each in self._pending))
        if not known:
            least = min(least, max((each.weight for each in self._pending), default=0.0))
        heavy = [each for each in self._pending if each.weight >= least]
        self._pending = [each for each in self._pending if each.weight < least]
        return heavy

    def _guess(self) -> Iterator[tuple[int, ...]]:
        if self._live:
            yield from self._nodes.guess(max(self._live, key=attrgetter("mass")), self._eps)

    def _see(self, pending: Pending) -> None:
        """An evaluated context comes to life, and the contexts between it and the end become pending."""
        node = self._nodes.see(pending)
        low, high = 0, len(self._nodes.index.tokens)
        for depth, byte in enumerate(pending.residual):
            low, cut, high = self._nodes.index.narrow(low, high, depth, byte)
            rest = pending.residual[depth + 1 :]
            self._wait(_ending(self._nodes, node, pending.weight, range(low, cut), rest))
            low = cut
        if low < high or not pending.residual:
            self._add(Live(node, pending.weight, len(pending.residual), low, high))

    def _settle(self) -> None:
        """Ask about tokens where those not asked about are more than a little of the whole.

        They are little of what may follow their context; but of what may follow it and begins as the residual
        does they can be much.
        """
        enough = 2 * self._nodes.process.unasked_mass * float(self._masses.sum())
        doubts = [live.weight * self._nodes.doubt(live) for live in self._live]
        if sum(doubts) <= enough:
            return
        live, self._live, self._masses = self._live, [], np.zeros(257)
        for each, doubt in zip(live, doubts, strict=True):
            least = enough / len(live)
            self._add(self._nodes.ask(each, least / each.weight) if doubt > least else each)


def _ending(nodes: Nodes, node: Node, weight: float, places: range, residual: bytes) -> Iterator[Pending]:
    """The contexts that tokens at these places, which end here, make of a node."""
    for place in places:
        share = float(node.shares[place])
        if share > 0:
            token = nodes.index.tokens[place]
            yield Pending(node, token, node.tail.push(token), weight * share, residual)
