"""The canonical process: a token model restricted to extendable sequences and renormalised there.

``Q(t) = prod P(t_k | t_<k) / Z(t_<k)`` with ``Z`` the mass of the tokens that keep the sequence extendable.
Whether a token does is asked in order of probability, for so many tokens or until little mass is left; every
``CoverSet`` reports the mass left unasked, whose tokens count as extendable. What is drawn is always asked.
"""

import math
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
_EXACT_ABOVE = 0.5


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
        self._ends = frozenset(framing.ends)
        pieces = finder.tokenizer.pieces
        silent = [token for token, piece in enumerate(pieces) if not piece and token not in self._ends]
        self._silent = np.array(silent, dtype=np.intp)

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The canonical distribution's numerators after ``tail``, at a temperature above zero.

        ``Q_T(t) ~ P(t)^(1/T)`` on extendable tokens: divide ``exp(row)`` by ``exp(log_mass)``.
        """
        restricted = row.copy() if temperature == 1.0 else sharpen(row, temperature)
        mass = 1.0 - float(np.exp(restricted[self._silent]).sum())
        restricted[self._silent] = -np.inf
        refused, unasked = self.refuse(tail, None, restricted, mass, self.unasked_mass)
        mass -= float(np.exp(restricted[refused]).sum())
        restricted[refused] = -np.inf
        # What is left of one after subtracting has lost its digits where little is left.
        return Restricted(restricted, math.log(mass) if mass > _EXACT_ABOVE else log_sum(restricted), unasked)

    def refuse(
        self, tail: Tail, tokens: NDArray[np.intp] | None, log_masses: Row, mass: float, enough: float
    ) -> tuple[list[int], float]:
        """Which tokens may not follow, as indices into ``log_masses``, asking about the heaviest first.

        ``tokens`` are those that the masses belong to, all by default; ``mass`` is their sum. Asking ends
        when the mass not asked about, which is returned too, is no more than ``enough``.
        """
        refused: list[int] = []
        for at in islice(descending(log_masses), self.most_asked):
            if mass <= enough:
                break
            mass -= math.exp(log_masses[at])
            if not self.follows(tail, at if tokens is None else int(tokens[at])):
                refused.append(at)
        return refused, max(mass, 0.0)

    def follows(self, tail: Tail, token: int) -> bool:
        """Whether ``token`` may follow in the canonical process."""
        if token in self._ends:
            return tuple(self.finder.tokenizer.encode(tail.text)) == tail.tokens
        return tail.admits(token)

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""
        return token in self._ends


def descending(row: Row) -> Iterator[int]:
    """Tokens by falling log-probability, sorting no more of the row than is asked for."""
    size = len(row)
    count = min(_FIRST_ASKED, size)
    seen: set[int] = set()
    while len(seen) < size:
        top = np.argpartition(row, size - count)[size - count :] if count < size else np.arange(size)
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
