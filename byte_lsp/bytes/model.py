"""A token model as a model of bytes, in this process."""

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal, Protocol

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.nodes import Nodes
from byte_lsp.bytes.state import ByteRow, ByteState
from byte_lsp.engines.protocol import Engine
from byte_lsp.tokens.contexts import Frontier

ContextSet = Literal["exact", "plain", "healing"]
"""Which contexts of a prefix count.

``exact`` are all. ``plain`` is ``encode(prefix)`` alone, and ``healing`` that and ``encode(prefix)`` without
its last token, as in token healing; what can only be reached from another context then has no probability.
"""

_KEPT_STATES = 8
_KEPT_DISTRIBUTIONS = 1 << 14
_MOST_ADVANCED = 24


class State(Protocol):
    """A place in a text, and what a model or an ensemble thinks comes next."""

    @property
    def left_out(self) -> float:
        """The most by which the true probability of any set of bytes differs from ``next_byte``'s."""

    def next_byte(self) -> ByteRow:
        """Log-probabilities (nats) of the next byte, shape (257,), index 256 being end-of-text."""

    def advance(self, byte: int) -> "State":
        """The state after one more byte (0 to 255)."""


@dataclass(frozen=True, slots=True)
class NextByte:
    """Log-probabilities (nats), shape (257,), and the most by which any probability may be off."""

    logprobs: ByteRow
    left_out: float = 0.0


class ByteSource(Protocol):
    """What gives byte distributions: a model, or several of them."""

    def state(self, prefix: bytes) -> State:
        """The state at the end of a prefix."""

    def distribution(self, prefix: bytes) -> NextByte:
        """The distribution of the byte after ``prefix``, the same at every call."""


def sum_logprobs(source: ByteSource, continuation: bytes, prefix: bytes) -> float:
    """``log P(prefix + continuation) - log P(prefix)`` in nats, by the chain rule; minus infinity if none."""
    total = 0.0
    for at, byte in enumerate(continuation):
        total += float(source.distribution(prefix + continuation[:at]).logprobs[byte])
        if total == -math.inf:
            break
    return total


class TokenByteModel:
    """Exact byte distributions of one token model (Byte-Token Representation Lemma, arXiv 2410.09303).

    What it says of a prefix is remembered: the same tokens in another batch shape give other digits, with
    quantized weights up to 0.4 nats (design, section 2), and a sum of remembered values is at least
    consistent with itself. The least recently used of 16,384 prefixes goes first.
    """

    def __init__(self, engine: Engine, process: CanonicalProcess, eps: float = 0.0) -> None:
        """A context of less than ``eps`` of the weight is not evaluated; 0 evaluates all."""
        self.engine = engine
        self.process = process
        self.eps = eps
        self._nodes = Nodes(engine, process)
        self._known: OrderedDict[bytes, NextByte] = OrderedDict()
        self._states: OrderedDict[bytes, ByteState] = OrderedDict()

    def state(self, prefix: bytes, contexts: ContextSet = "exact") -> ByteState:
        """The state at the end of ``prefix``, going on from one a few bytes earlier if that is remembered.

        Errors: ``EngineError`` if the prefix is longer than the model's context, ``Cancelled``.
        """
        if contexts != "exact":
            return ByteState.begin(self._nodes, self._restricted(prefix, contexts), self.eps)
        state = self._earlier_state(prefix)
        if state is None:
            state = ByteState.begin(self._nodes, self.process.finder.frontier(prefix), self.eps)
        self._states[prefix] = state
        self._states.move_to_end(prefix)
        if len(self._states) > _KEPT_STATES:
            self._states.popitem(last=False)
        return state

    def distribution(self, prefix: bytes) -> NextByte:
        """The distribution of the byte after ``prefix`` and its bound, remembered while the model lives."""
        key = blake2b(prefix, digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            state = self.state(prefix)
            known = self._known[key] = NextByte(state.next_byte(), state.left_out)
            known.logprobs.flags.writeable = False
            if len(self._known) > _KEPT_DISTRIBUTIONS:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return known

    def next_byte(self, prefix: bytes, contexts: ContextSet = "exact") -> ByteRow:
        """Log-probabilities of the byte after ``prefix``, shape (257,)."""
        if contexts == "exact":
            return self.distribution(prefix).logprobs
        return self.state(prefix, contexts).next_byte()

    def logprob(self, continuation: bytes, prefix: bytes = b"", contexts: ContextSet = "exact") -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible.

        With a set of contexts other than ``exact`` it is the continuation's probability after those contexts.
        """
        if contexts == "exact":
            return sum_logprobs(self, continuation, prefix)
        total, state = 0.0, self.state(prefix, contexts)
        for byte in continuation:
            total += float(state.next_byte()[byte])
            if total == -math.inf:
                break
            state = state.advance(byte)
        return total

    def _earlier_state(self, prefix: bytes) -> ByteState | None:
        for begun in reversed(self._states):
            if len(begun) + _MOST_ADVANCED >= len(prefix) and prefix.startswith(begun):
                state = self._states[begun]
                for byte in prefix[len(begun) :]:
                    state = state.advance(byte)
                if state.is_possible:
                    return state
        return None

    def _restricted(self, prefix: bytes, contexts: ContextSet) -> Frontier:
        frontier = self.process.finder.frontier(prefix)
        whole = tuple(self.process.finder.tokenizer.encode(prefix))[len(frontier.shared) :]
        wanted = [whole] if contexts == "plain" else [whole, whole[:-1]]
        ends = tuple((tail, residual) for tail, residual in frontier.ends if tail.tokens in wanted)
        return replace(frontier, ends=ends)
