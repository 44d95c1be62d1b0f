"""Several models as one, byte by byte: the byte is what vocabularies have in common (arXiv 2410.09303,
section 5).

* ``mixture``: ``p(b) = sum of w_i p_i(b)``, the weights positive and scaled to sum to one. The paper's
  average.
* ``product``: ``log p(b) = sum of w_i log p_i(b)``, renormalised. With a negative weight it gives contrast
    and proxy tuning across vocabularies. A probability below ``FLOOR`` counts as ``FLOOR`` under a negative
    weight: without a floor, a byte that such a member deems impossible would take all the probability there
    is.
"""

import math
from collections.abc import Sequence

import numpy as np

from byte_lsp.bytes.model import ByteSource, NextByte, State, sum_logprobs
from byte_lsp.bytes.state import ByteRow
from byte_lsp.weights import Rule, check_weights

FLOOR = 1e-6
"""Least probability of a byte in a member of negative weight."""


class EnsembleState:
    """Where all members stand. Each evaluates a context only when it is heavy enough there."""

    def __init__(self, states: Sequence[State], weights: Sequence[float], rule: Rule) -> None:
        self._states = states
        self._weights = weights
        self._rule = rule

    @property
    def left_out(self) -> float:
        """What ``combine_bounds`` makes of the members' bounds."""
        return combine_bounds([state.left_out for state in self._states], self._weights, self._rule)

    def next_byte(self) -> ByteRow:
        """Log-probabilities (nats) of the next byte, shape (257,)."""
        return combine([state.next_byte() for state in self._states], self._weights, self._rule)

    def advance(self, byte: int) -> "EnsembleState":
        """The state after one more byte."""
        return EnsembleState([state.advance(byte) for state in self._states], self._weights, self._rule)


class EnsembleModel:
    """Members with any vocabularies, under one rule; itself a source of bytes like each of them."""

    def __init__(self, members: Sequence[tuple[ByteSource, float]], rule: Rule = "mixture") -> None:
        """Errors: ``ValueError`` for weights that the rule cannot take."""
        check_weights([weight for _, weight in members], rule)
        self._members = [member for member, _ in members]
        self._weights = [weight for _, weight in members]
        self._rule: Rule = rule

    def state(self, prefix: bytes) -> EnsembleState:
        """The state at the end of a prefix."""
        return EnsembleState([member.state(prefix) for member in self._members], self._weights, self._rule)

    def distribution(self, prefix: bytes) -> NextByte:
        """The members' distributions after ``prefix``, combined, and so their bounds."""
        members = [member.distribution(prefix) for member in self._members]
        row = combine([member.logprobs for member in members], self._weights, self._rule)
        left_out = combine_bounds([member.left_out for member in members], self._weights, self._rule)
        return NextByte(row, left_out)

    def next_byte(self, prefix: bytes) -> ByteRow:
        """Log-probabilities of the byte after ``prefix``, shape (257,)."""
        return self.distribution(prefix).logprobs

    def logprob(self, continuation: bytes, prefix: bytes = b"") -> float:
        """``log P(continuation | prefix)`` in nats; minus infinity if it is impossible."""
        return sum_logprobs(self, continuation, prefix)


def combine(rows: Sequence[ByteRow], weights: Sequence[float], rule: Rule) -> ByteRow:
    """One distribution of several, each of shape (257,), as log-probabilities.

    All minus infinity where no byte is possible.
    """
    stacked = np.array(rows)
    factors = np.array(weights)[:, None]
    with np.errstate(divide="ignore"):
        if rule == "mixture":
            logs = np.log((factors * np.exp(stacked)).sum(axis=0))
        else:
            floored = np.where(factors < 0, np.maximum(stacked, math.log(FLOOR)), stacked)
            logs = np.where(factors == 0, 0.0, factors * np.where(factors == 0, 0.0, floored)).sum(axis=0)
    highest = logs.max()
    if highest == -np.inf:
        return np.full(len(logs), -np.inf)
    result: ByteRow = logs - (highest + math.log(np.exp(logs - highest).sum()))
    return result


def combine_bounds(left_out: Sequence[float], weights: Sequence[float], rule: Rule) -> float:
    """The most by which the combination is off where members are off by ``left_out`` at most.

    For a mixture their mean. For a product there is no bound but 1 unless all are exact: a little mass more
    or less can multiply the probability of an unlikely byte.
    """
    if rule == "mixture":
        return float(np.dot(left_out, weights) / sum(weights))
    return float(any(bound for bound, weight in zip(left_out, weights, strict=True) if weight))
