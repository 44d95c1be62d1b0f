"""How fast an engine reads prompts."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from byte_lsp.engines.protocol import Engine

FIRST_GUESS_TOKENS_PER_S = 300.0
"""Before anything was measured: a small model on two cores reads about so many."""

LEAST_TOKENS = 32
"""Fewer say little: the batch is small, and much of the time is spent elsewhere."""

_NEWEST_WEIGHT = 0.3


class Pace:
    """The engine's speed in tokens a second: an exponential average over what was measured."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.perf_counter) -> None:
        self.tokens_per_s = FIRST_GUESS_TOKENS_PER_S
        self._engine = engine
        self._clock = clock

    def tokens_within(self, milliseconds: float) -> int:
        """How many tokens are evaluated in this time."""
        return int(self.tokens_per_s * milliseconds / 1e3)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Learn from what the engine evaluates inside, unless that is little or ends with an error."""
        tokens, started = self._engine.tokens_evaluated, self._clock()
        yield
        tokens, elapsed = self._engine.tokens_evaluated - tokens, self._clock() - started
        if tokens >= LEAST_TOKENS and elapsed > 0:
            self.tokens_per_s += _NEWEST_WEIGHT * (tokens / elapsed - self.tokens_per_s)
