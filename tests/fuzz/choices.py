"""Decisions taken from bytes, so that a fuzzer that changes bytes changes decisions."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Takes decisions from ``data``; when it is used up every decision is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1."""
        width = 1 if limit <= 256 else 4
        taken = self._data[self._at : self._at + width]
        self._at += width
        return int.from_bytes(taken, "little") % limit

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def chance(self, one_in: int) -> bool:
        return self.below(one_in) == one_in - 1

    def rest(self) -> bytes:
        """What was not taken yet."""
        taken, self._at = self._data[self._at :], len(self._data)
        return taken
