"""Notices that a worker's process has hung: stopped, swapped out for good, or in a loop that never ends.

A worker shows a sign of life with each answer. One that computes for long is asked how many tokens it has
evaluated; a thread of its own answers, and more than the last time is a sign of life too. Silence is
measured for the request at the head of the line alone, since the worker takes one at a time.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_OVERSLEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker may be silent, in seconds.

    ``cancelled_seconds`` after it was told to stop what it does: that takes it one decode step. A model whose
    loading took ``t`` seconds gets ``2 t`` if that is more; loading evaluates 32 tokens, a step no more.
    ``running_seconds`` while it computes and evaluates no token; a loop that never ends is found after half
    as long again, since one has to ask twice to see that nothing was done in between. ``loading_seconds``
    from its start until the model is there.
    """

    cancelled_seconds: float = 20.0
    running_seconds: float = 120.0
    loading_seconds: float = 900.0


class Watchdog:
    """Watches one process, from its start to ``end``, in a thread that sleeps while nothing is due.

    ``ask`` has the worker asked for its tokens; ``on_hang`` is told once, with the reason, that it has hung.
    Both are called from the thread. A machine that was asleep itself begins to wait anew.
    """

    def __init__(self, patience: Patience, ask: Callable[[], None], on_hang: Callable[[str], None]) -> None:
        self._patience = patience
        self._ask = ask
        self._on_hang = on_hang
        self._changed = threading.Condition()
        self._line: dict[int, bool] = {}  # requests in order, and whether each was cancelled
        self._is_loading = True
        self._is_over = False
        self._slowest_stop_seconds = patience.cancelled_seconds
        self._silent_since = time.monotonic()
        self._asked_at: float | None = None
        self._tokens = -1
        threading.Thread(target=self._watch, name="byte-lsp watchdog", daemon=True).start()

    def loaded(self, load_seconds: float) -> None:
        """The model is there."""
        with self._changed:
            self._is_loading = False
            self._slowest_stop_seconds = max(self._patience.cancelled_seconds, 2 * load_seconds)
            self._heard()

    def sent(self, number: int) -> None:
        """The worker was given a request."""
        with self._changed:
            self._line[number] = False
            if len(self._line) == 1:
                self._heard()

    def cancelled(self, number: int) -> None:
        """The worker was told to give a request up."""
        with self._changed:
            if number in self._line:
                self._line[number] = True
                if self._is_head(number):
                    self._heard()

    def answered(self, number: int) -> None:
        """The worker has done with a request."""
        with self._changed:
            self._line.pop(number, None)
            self._heard()

    def counted(self, tokens: int) -> None:
        """The worker was asked, and has evaluated so many tokens since it was started."""
        with self._changed:
            if tokens != self._tokens and not self._line.get(self._head(), False):
                self._heard()
            self._tokens = tokens

    def end(self) -> None:
        """The process has ended."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _heard(self) -> None:
        self._silent_since = time.monotonic()
        self._asked_at = None
        self._changed.notify()

    def _head(self) -> int:
        return next(iter(self._line), -1)

    def _is_head(self, number: int) -> bool:
        return self._head() == number

    def _watch(self) -> None:
        while (wait_seconds := self._look()) is not None:
            due = time.monotonic() + wait_seconds
            with self._changed:
                if self._is_over:
                    return
                self._changed.wait(min(wait_seconds, threading.TIMEOUT_MAX))
                if time.monotonic() - due > _OVERSLEPT_SECONDS:
                    self._heard()

    def _look(self) -> float | None:
        """Do what is due. How long to sleep then; None when there is nothing left to watch."""
        with self._changed:
            if self._is_over:
                return None
            limit, doing = self._limit()
            now = time.monotonic()
            due = self._silent_since + limit - now
            if due > 0 and (self._line.get(self._head(), True) or self._is_loading):
                return due
            if due > 0:
                return self._ask_in_time(now, limit, due)
            self._is_over = True
        self._on_hang(f"no sign of life for {limit:g} s {doing}")
        return None

    def _ask_in_time(self, now: float, limit: float, due: float) -> float:
        """Ask twice within the limit. How long until the next time, or the end of the limit."""
        next_at = (self._asked_at or self._silent_since) + limit / 2
        if next_at > now:
            return min(due, next_at - now)
        self._asked_at = now
        self._ask()
        return min(due, limit / 2)

    def _limit(self) -> tuple[float, str]:
        if self._is_loading:
            return self._patience.loading_seconds, "while it loads"
        if not self._line:
            return float("inf"), ""
        if self._line[self._head()]:
            return self._slowest_stop_seconds, "after it was told to stop"
        return self._patience.running_seconds, "while it answers a request"
