"""The canonical process: a token model restricted to extendable sequences and renormalised there.

``Q(t) = prod P(t_k | t_<k) / Z(t_<k)`` with ``Z`` the mass of the tokens that keep the sequence extendable.
Which those are is asked for the whole vocabulary at once (``tokens/admission``), as far as the model gives it
mass; what was left unasked counts as extendable, and its mass is reported. What is drawn is always asked.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.framing import Framing
from byte_lsp.tokens.contexts import ContextFinder
from byte_lsp.tokens.extendable import Tail
from byte_lsp.tokens.spines import Flags

Row = NDArray[np.floating[Any]]
"""Logits over the vocabulary: natural-log probabilities but for a constant, shape (vocabulary size,)."""

_FIRST_TAKEN = 4
_FIRST_SORTED = 32
_LEAST_MASS = 1e-30  # of what is extendable, for a sum in float32


@dataclass(frozen=True, slots=True)
class Restricted:
    """A model's row with the tokens known not to be extendable at minus infinity.

    ``log_mass`` is what to take off for log-probabilities: log Z, and the constant of the row. The tokens of
    ``doubtful``, shape (vocabulary size,), were not asked about and count as extendable; ``unasked`` is the
    most that they are of Z.
    """

    row: Row
    log_mass: float
    unasked: float
    doubtful: Flags


class Process(Protocol):
    """A way of drawing tokens one after another: the canonical one, or the bare model's."""

    finder: ContextFinder
    framing: Framing

    def framed(self, framing: Framing) -> "Process":
        """The same process in another framing."""

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The distribution's numerators after ``tail``, and their sum."""

    def logprob(self, tail: Tail, row: Row, token: int) -> float:
        """The log-probability (nats) of a token that may be drawn after ``tail``."""

    def follows(self, tail: Tail, token: int) -> bool:
        """Whether ``token`` may be drawn after ``tail``."""

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""


class CanonicalProcess:
    """Restricts a model's next-token distributions to what its tokenizer can emit."""

    def __init__(
        self, finder: ContextFinder, framing: Framing, unasked_mass: float = 1e-3, most_asked: int = 256
    ) -> None:
        """Asking at a node ends when the mass left is ``unasked_mass`` or after ``most_asked`` questions.

        With zero mass and a number as large as the vocabulary the process is exact.
        """
        self.finder = finder
        self.framing = framing
        self.unasked_mass = unasked_mass
        self.most_asked = most_asked
        self._ends = frozenset(framing.ends)
        self._end_ids = np.array(framing.ends, dtype=np.intp)

    def framed(self, framing: Framing) -> "CanonicalProcess":
        """The same process in another framing, at no cost to speak of: what is known is shared."""
        return CanonicalProcess(self.finder, framing, self.unasked_mass, self.most_asked)

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The canonical distribution's numerators after ``tail``, at a temperature above zero.

        ``Q_T(t) ~ P(t)^(1/T)`` on extendable tokens: divide ``exp(row)`` by ``exp(log_mass)``, the row being
        the restricted one.
        """
        logs = sharpen(row, temperature)
        highest = logs.max()
        weights = np.exp(logs - highest)
        whole = float(weights.sum())
        enough = self.unasked_mass * whole
        allowed, doubtful, unasked = self.finder.admissions.after(tail).screen(
            weights, enough, self.most_asked
        )
        ending = float(weights[self._end_ids].sum())
        if unasked + ending > enough:
            allowed[self._end_ids] = self._may_end(tail)
        else:
            allowed[self._end_ids] = doubtful[self._end_ids] = True
            unasked += ending
        # Arithmetic with zeros and ones is several times as fast as sums over a subset and np.where.
        ones = allowed.astype(row.dtype)
        mass = float(np.dot(weights, ones))
        restricted: Row = np.minimum(logs, (2 * ones - 1) * row.dtype.type(np.inf))
        if mass < _LEAST_MASS * whole:
            return Restricted(restricted, log_sum(restricted), 1.0, doubtful)
        return Restricted(restricted, float(highest) + math.log(mass), min(unasked / mass, 1.0), doubtful)

    def logprob(self, tail: Tail, row: Row, token: int) -> float:
        """The log-probability (nats) of a token that may follow."""
        restricted = self.restrict(tail, row)
        return float(restricted.row[token]) - restricted.log_mass

    def follows(self, tail: Tail, token: int) -> bool:
        """Whether ``token`` may follow in the canonical process."""
        if token in self._ends:
            return self._may_end(tail)
        tokenizer = self.finder.tokenizer
        if tuple(tokenizer.encode(tail.text + tokenizer.pieces[token])) == (*tail.tokens, token):
            return bool(tokenizer.pieces[token])  # the text may end here: mostly so, and quickly found out
        # Shorter texts look alike more often, and what is known of one is known of all that look alike.
        return tail.after_last_atom().since_settled().admits(token)

    def _may_end(self, tail: Tail) -> bool:
        return tuple(self.finder.tokenizer.encode(tail.text)) == tail.tokens

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""
        return token in self._ends


def descending(row: Row) -> Iterator[int]:
    """Tokens by falling log-probability, sorting no more of the row than is asked for."""
    best = int(row.argmax())  # mostly nobody asks for more
    if row[best] == -np.inf:
        return
    yield best
    left = row.copy()
    left[best] = -np.inf
    for _ in range(_FIRST_TAKEN - 1):  # far faster than sorting any
        best = int(left.argmax())
        if left[best] == -np.inf:
            return
        yield best
        left[best] = -np.inf
    count = _FIRST_SORTED
    # Without those at minus infinity, since numpy takes long to select among many that are equal.
    while len(tokens := np.flatnonzero(left > -np.inf)):
        if count < len(tokens):
            tokens = tokens[np.argpartition(left[tokens], -count)[-count:]]
        yield from tokens[np.argsort(-left[tokens], kind="stable")].tolist()
        left[tokens] = -np.inf
        count *= 8


def sharpen(row: Row, temperature: float) -> Row:
    """The logits at another temperature: those of ``P^(1/T)``."""
    if temperature == 1.0:
        return row
    with np.errstate(over="ignore"):  # minus infinity is right for what a low temperature leaves nothing of
        sharpened: Row = ((row - row.max()) / np.float64(temperature)).astype(row.dtype)
    return sharpened


def log_sum(row: Row) -> float:
    """The logarithm of the sum of exponentials."""
    highest = float(row.max())
    return highest if highest == -np.inf else highest + float(np.log(np.exp(row - highest).sum()))
