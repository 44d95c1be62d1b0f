"""How long to wait before the model is asked, in case another key comes.

Who types faster than the model answers would have it begin anew at each key and never see an answer. Then it
is better asked in the first pause. Both speeds are exponential averages of what was measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 1.0
"""A longer time between two keys is no typing."""

LONGEST_MS = 150.0
_MARGIN = 1.2  # keys do not come evenly
_NEWEST_WEIGHT = 0.3


class Debounce:
    """The wait, from the times between requests and those until answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None
        self._between_ms: float | None = None
        self._answer_ms: float | None = None

    def typed(self) -> None:
        """A key came."""
        now, last = self._clock(), self._last
        self._last = now
        if last is not None and now - last < PAUSE_SECONDS:
            self._between_ms = _average(self._between_ms, (now - last) * 1e3)

    def answered(self, elapsed_ms: float) -> None:
        """The model took so long."""
        self._answer_ms = _average(self._answer_ms, elapsed_ms)

    def wait_ms(self, setting: int) -> float:
        """Milliseconds to wait now: ``setting``, or, if that is -1, as long as the next key may take.

        Nothing where the model is faster than the typing.
        """
        if setting >= 0:
            return float(setting)
        if self._between_ms is None or self._answer_ms is None or self._answer_ms <= self._between_ms:
            return 0.0
        return min(_MARGIN * self._between_ms, self._answer_ms, LONGEST_MS)


def _average(old: float | None, new: float) -> float:
    return new if old is None else old + _NEWEST_WEIGHT * (new - old)
