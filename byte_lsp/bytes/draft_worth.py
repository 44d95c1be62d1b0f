"""Whether a draft is worth its evaluation: how likely its tokens are right, against what they cost."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

MOST_TOKENS = 15
"""In one draft: with the token before it a batch of 16."""


class Agreement(IntEnum):
    """What other places that look alike say of a guess."""

    ALONE = 0
    """There is no other place that has gone the same way so far."""

    AGREED = 1
    DISPUTED = 2


class Evidence(NamedTuple):
    """What speaks for a guess: how many bytes before it agree, and whether other places go on alike."""

    matched_bytes: int
    agreement: Agreement = Agreement.ALONE


FIRST_GUESS_RATES = {
    6: (0.5, 0.75, 0.35),
    12: (0.75, 0.9, 0.4),
    24: (0.85, 0.92, 0.5),
    48: (0.9, 0.95, 0.65),
}
"""How often the next token is the one that followed elsewhere, by the number of bytes before it that agree,
and by ``Agreement``.

What a model is taken for before it has written anything; see ``Acceptance``. A little below what SmolLM2-135M
did, greedy, in 31 files of nine languages: 0.64, 0.82, 0.36 behind 6 bytes, 0.95, 0.96, 0.69 behind 48.
"""

FIRST_GUESS_COSTS = {1: 1.0, 2: 1.9, 3: 2.4, 4: 2.8, 5: 3.5, 6: 3.8, 8: 4.4, 12: 5.7, 16: 7.0}
"""The time of a batch of so many tokens, by that of one token.

Until something is measured, that of SmolLM2-135M on two cores behind some 300 tokens: medians of 500 drafts.
Behind longer prompts batches cost less: 1.25, 1.7, 2.8 and 5.4 for 2, 4, 8 and 16 tokens behind 1,500. Too
low a guess is paid for with drafts that lose. The steps are uneven: a fifth token costs more than a sixth.
"""

LEAST_GAIN = 1.15
"""Tokens in a time, against no draft, that a draft must promise: neither estimate is better than that."""

MOST_CREDIT = 4.0
ALLOWANCE = 0.015
"""What drafts may lose, in the time of a token alone: so much at once, and so much with every token drawn.

Estimates lag behind where a file that repeats itself is followed by one that does not, and some are wrong.
"""

_GUESS_WEIGHT = 8.0  # so many tokens' worth the first guess is, and the average of all requests in a new one
_MEMORY = 0.98
_NEWEST_TIME = 0.25
_NEWEST_COST = 0.15
_FORGETTING = 1 / 256
_LEAST_BYTES = tuple(FIRST_GUESS_RATES)
_SIZES = tuple(FIRST_GUESS_COSTS)


@dataclass(slots=True)
class _Average:
    """Of zeros and ones, old ones counting less and less."""

    ones: float = 0.0
    count: float = 0.0

    def add(self, one: bool) -> None:
        self.ones = _MEMORY * self.ones + one
        self.count = _MEMORY * self.count + 1


class Acceptance:
    """How often guesses were right, by what spoke for them.

    What a request does not know itself it takes from ``before``, all requests so far, and these from
    ``FIRST_GUESS_RATES``.
    """

    def __init__(self, before: "Acceptance | None" = None) -> None:
        self._before = before
        self._averages = [[_Average() for _ in Agreement] for _ in _LEAST_BYTES]

    def rate(self, evidence: Evidence) -> float:
        """The chance of a guess that so much speaks for."""
        return self._rate(_class_of(evidence.matched_bytes), evidence.agreement)

    def learn(self, evidence: Evidence, is_right: bool) -> None:
        """Count one guess, here and in what all requests know."""
        self._averages[_class_of(evidence.matched_bytes)][evidence.agreement].add(is_right)
        if self._before is not None:
            self._before.learn(evidence, is_right)

    def _rate(self, length: int, agreement: Agreement) -> float:
        if self._before is None:
            guess = FIRST_GUESS_RATES[_LEAST_BYTES[length]][agreement]
        else:
            guess = self._before._rate(length, agreement)
        own = self._averages[length][agreement]
        return (own.ones + _GUESS_WEIGHT * guess) / (own.count + _GUESS_WEIGHT)


class BatchCosts:
    """The time of a batch of one engine by its number of tokens, as a multiple of the time of one token.

    Measured with every draft; in between sizes on a line. Where there are no drafts the costs move back to
    the first guess: so drafts that did not pay for a while, say because the machine was busy, are tried again
    now and then.
    """

    def __init__(self) -> None:
        self._costs = list(FIRST_GUESS_COSTS.values())
        self._alone_s: float | None = None

    def cost(self, tokens: int) -> float:
        """The time of a batch of 1 to 16 tokens."""
        at, share = _between(tokens)
        return self._costs[at - 1] + share * (self._costs[at] - self._costs[at - 1])

    def learn(self, tokens: int, seconds: float) -> None:
        """What a batch took."""
        if tokens == 1:
            known = self._alone_s or seconds
            self._alone_s = known + _NEWEST_TIME * (seconds - known)
            for at, guess in enumerate(FIRST_GUESS_COSTS.values()):
                self._costs[at] += _FORGETTING * (guess - self._costs[at])
        elif self._alone_s and tokens <= _SIZES[-1]:
            # A batch never takes longer than its tokens one by one, unless something else had the machine.
            error = min(max(seconds / self._alone_s, 1.0), float(tokens)) - self.cost(tokens)
            at, share = _between(tokens)
            self._costs[at] += _NEWEST_COST * share * error
            if at > 1:
                self._costs[at - 1] += _NEWEST_COST * (1.0 - share) * error
            # Smaller batches take no longer and larger ones no less: so what was never tried is learned, too.
            for other in range(1, len(self._costs)):
                bound = min if other < at else max
                self._costs[other] = bound(self._costs[other], self._costs[at])


class DraftWorth:
    """What drafts were worth with one engine so far, and the length at which the next one pays most."""

    def __init__(self) -> None:
        self.acceptance = Acceptance()
        self.costs = BatchCosts()
        self.drafted = 0
        self.accepted = 0
        self._credit = MOST_CREDIT

    @property
    def has_credit(self) -> bool:
        """Whether the last drafts lost so little, all in all, that there may be another one."""
        return self._credit > 0

    def best_count(self, chances: Sequence[float]) -> int:
        """How many tokens to draft; ``chances[i]`` is that of token i if those before it are right.

        The most tokens in a time, or 0 if no number is ``LEAST_GAIN`` times better than none.
        """
        best, count = LEAST_GAIN, 0
        reached = tokens = 1.0
        for more, chance in enumerate(chances, 1):
            reached *= chance
            tokens += reached
            gain = tokens / self.costs.cost(1 + more)
            if gain > best:
                best, count = gain, more
        return count

    def count(self, drafted: int, accepted: int, seconds: float | None) -> None:
        """What came of a batch of one token and a draft, and how long it took, None if that says nothing."""
        self.drafted += drafted
        self.accepted += accepted
        drawn = accepted + 1.0
        gained = drawn - self.costs.cost(1 + drafted) if drafted else 0.0
        self._credit = min(self._credit + gained + ALLOWANCE * drawn, MOST_CREDIT)
        if seconds is not None:
            self.costs.learn(1 + drafted, seconds)


def _class_of(matched_bytes: int) -> int:
    return max(bisect_right(_LEAST_BYTES, matched_bytes) - 1, 0)


def _between(tokens: int) -> tuple[int, float]:
    """The first size that is as large, and how far the way to it from the one before is gone."""
    at = min(max(bisect_left(_SIZES, tokens), 1), len(_SIZES) - 1)
    return at, (tokens - _SIZES[at - 1]) / (_SIZES[at] - _SIZES[at - 1])
