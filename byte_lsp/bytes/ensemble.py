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
from typing import Literal

import numpy as np

from byte_lsp.bytes.model import ByteSource, NextByte, State, sum_logprobs
from byte_lsp.bytes.state import ByteRow

Rule = Literal["mixture", "product"]

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
        """The most that any one member left out."""
        return max(state.left_out for state in self._states)

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
        """The members' distributions after ``prefix``, combined, and the greatest of their bounds."""
        members = [member.distribution(prefix) for member in self._members]
        row = combine([member.logprobs for member in members], self._weights, self._rule)
        return NextByte(row, max(member.left_out for member in members))

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


def check_weights(weights: Sequence[float], rule: Rule) -> None:
    """Errors: ``ValueError`` that says which weights a rule takes."""
    if rule not in ("mixture", "product"):
        raise ValueError(f"an ensemble's rule is 'mixture' or 'product', not {rule!r}")
    if not weights:
        raise ValueError("an ensemble has at least one member")
    if not all(math.isfinite(weight) for weight in weights):
        raise ValueError(f"the weights of an ensemble are finite numbers, not {list(weights)}")
    if rule == "mixture" and (min(weights) < 0 or sum(weights) <= 0):
        raise ValueError(
            f"the weights of a mixture are 0 or more and not all 0, not {list(weights)}; "
            "rule 'product' takes negative ones"
        )
    if rule == "product" and max(weights) <= 0:
        raise ValueError(f"a product has at least one member of positive weight, not {list(weights)}")
