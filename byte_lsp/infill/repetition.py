"""Texts that run in circles.

Models without an idea repeat a line, a group of lines or a part of a line until they are stopped. People
repeat things too (rules of dashes, rows of zeros, closing brackets), but then what is repeated has no
letters, and it ends: such runs have to be much longer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

LEAST_RUN_BYTES = 40
LEAST_TURNS = 4
LEAST_LETTERLESS_BYTES = 100
LONGEST_UNIT_BYTES = 48

LEAST_LINES = 3
LEAST_LETTERLESS_LINES = 12
LONGEST_GROUP_LINES = 8

_LETTERS = re.compile(rb"[g-wyzG-WYZ\x80-\xff]|[A-Za-z]{3}|_[A-Za-z]")
"""Not ``0xff``: numbers are no words. Looked for in three turns of a unit."""


class Cycle(NamedTuple):
    """At offset ``seen_at`` it is known that a text repeats itself; the first turn ends at ``first_ends``."""

    seen_at: int
    first_ends: int


@lru_cache(512)
def find_cycle(line: bytes) -> Cycle | None:
    """The cycle in a line that is seen first."""
    cycles = (_find_cycle(line, unit) for unit in range(1, min(LONGEST_UNIT_BYTES, len(line) // 2) + 1))
    return min(filter(None, cycles), default=None) if len(line) >= LEAST_RUN_BYTES else None


def find_repeated_lines(lines: Sequence[bytes]) -> tuple[int, int] | None:
    """The number of lines behind which it is known that they repeat themselves, and of those to keep.

    ``lines`` are whole lines; blank ones count.
    """
    for end in range(LEAST_LINES, len(lines) + 1):
        for size in range(1, min(LONGEST_GROUP_LINES, end // LEAST_LINES) + 1):
            group = lines[end - size : end]
            turns = LEAST_LINES if _LETTERS.search(b"".join(group)) else -(-LEAST_LETTERLESS_LINES // size)
            start = end - turns * size
            if start >= 0 and any(line.strip() for line in group) and _turns(lines[start:end], group):
                return end, start + size
    return None


def _turns(lines: Sequence[bytes], group: Sequence[bytes]) -> bool:
    return all(lines[at : at + len(group)] == group for at in range(0, len(lines), len(group)))


def _find_cycle(line: bytes, unit: int) -> Cycle | None:
    """The first run of one unit's length: where the line equals itself moved by the unit for long enough."""
    length = len(line) - unit
    equal = int.from_bytes(line[unit:], "big") ^ int.from_bytes(line[:length], "big")
    differences = equal.to_bytes(length, "big")
    start = 0
    while True:
        run = max(LEAST_RUN_BYTES, LEAST_TURNS * unit)
        start = differences.find(bytes(run - unit), start)
        if start < 0:
            return None
        if not _LETTERS.search(line[start : start + unit] * 3):
            run = LEAST_LETTERLESS_BYTES
        if differences.startswith(bytes(run - unit), start):
            return Cycle(start + run, start + unit)
        start += 1
