"""The canonical process: a token model restricted to extendable sequences and renormalised there.

``Q(t) = prod P(t_k | t_<k) / Z(t_<k)`` with ``Z`` the mass of the tokens that keep the sequence extendable.
Whether a token does is asked in order of probability, for so many tokens or until little mass is left; every
result reports the mass left unasked, whose tokens count as extendable. What is drawn is always asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from byte_lsp.bytes.framing import Framing
from byte_lsp.tokens.contexts import ContextFinder
from byte_lsp.tokens.extendable import Tail

Row = NDArray[np.float64]
"""Natural-log probabilities over the vocabulary, shape (vocabulary size,)."""

_FIRST_ASKED = 32


@dataclass(frozen=True, slots=True)
class Restricted:
    """A model's row with the tokens known not to be extendable at minus infinity.

    ``log_mass`` is log Z. ``unasked`` bounds the probability of tokens not asked about, all of which count
    as extendable.
    """

    row: Row
    log_mass: float
    unasked: float


class Process(Protocol):
    """A way of drawing tokens one after another: the canonical one, or the bare model's for comparison."""

    finder: ContextFinder
    framing: Framing

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The distribution's numerators after ``tail``, and their sum."""

    def follows(self, tail: Tail, token: int) -> bool:
        """Whether ``token`` may be drawn after ``tail``."""

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""


class CanonicalProcess:
    """Restricts a model's next-token distributions to what its tokenizer can emit."""

    def __init__(
        self, finder: ContextFinder, framing: Framing, unasked_mass: float = 1e-2, most_asked: int = 64
    ) -> None:
        """Asking at a node ends when the mass left is ``unasked_mass`` or ``most_asked`` tokens were asked.

        With zero mass and a number as large as the vocabulary the process is exact.
        """
        self.finder = finder
        self.framing = framing
        self.unasked_mass = unasked_mass
        self.most_asked = most_asked
        pieces = finder.tokenizer.pieces
        self._never = np.array([not piece for piece in pieces])
        self._never[list(framing.ends)] = False
        self._is_end = np.zeros(len(pieces), dtype=bool)
        self._is_end[list(framing.ends)] = True

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The canonical distribution's numerators after ``tail``, at a temperature above zero.

        ``Q_T(t) ~ P(t)^(1/T)`` on extendable tokens: divide ``exp(row)`` by ``exp(log_mass)``.
        """
        restricted = row if temperature == 1.0 else sharpen(row, temperature)
        restricted = np.where(self._never[: len(row)], -np.inf, restricted)
        refused, unasked = self.refuse(tail, np.arange(len(row)), restricted, 1.0)
        restricted[refused] = -np.inf
        return Restricted(restricted, log_sum(restricted), unasked)

    def refuse(
        self, tail: Tail, tokens: NDArray[np.intp], log_masses: Row, whole: float
    ) -> tuple[list[int], float]:
        """Which of ``tokens`` may not follow, as indices into it, asking about the heaviest first.

        Also the mass not asked about; asking ends when it is a small part of ``whole``.
        """
        unasked = float(np.exp(log_masses).sum())
        refused: list[int] = []
        for at in islice(descending(log_masses), self.most_asked):
            if unasked <= self.unasked_mass * whole:
                break
            unasked -= float(np.exp(log_masses[at]))
            if not self.follows(tail, int(tokens[at])):
                refused.append(at)
        return refused, max(unasked, 0.0)

    def follows(self, tail: Tail, token: int) -> bool:
        """Whether ``token`` may follow in the canonical process."""
        if self._is_end[token]:
            return tuple(self.finder.tokenizer.encode(tail.text)) == tail.tokens
        return tail.admits(token)

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""
        return bool(self._is_end[token])


def descending(row: Row) -> Iterator[int]:
    """Tokens by falling log-probability, sorting no more of the row than is asked for."""
    size = len(row)
    count = min(_FIRST_ASKED, size)
    seen: set[int] = set()
    while len(seen) < size:
        top = np.argpartition(-row, count - 1)[:count] if count < size else np.arange(size)
        for token in top[np.argsort(-row[top], kind="stable")].tolist():
            if token in seen:
                continue
            if row[token] == -np.inf:
                return
            seen.add(token)
            yield token
        count = min(count * 8, size)


def sharpen(row: Row, temperature: float) -> Row:
    """The log-probabilities at another temperature: ``P^(1/T)``, renormalised."""
    scaled = row / temperature
    scaled -= log_sum(scaled)
    return scaled


def log_sum(row: Row) -> float:
    """The logarithm of the sum of exponentials."""
    highest = float(row.max())
    return highest if highest == -np.inf else highest + float(np.log(np.exp(row - highest).sum()))
