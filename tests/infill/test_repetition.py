"""Texts that run in circles, and texts that only look as if."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.repetition import LEAST_RUN_BYTES, Cycle, find_cycle, find_repeated_lines


@pytest.mark.parametrize(
    ("line", "first_turn"),
    [
        (b"x = " + b"self.items." * 5, b"x = self.items."),
        (b"a" * 60, b"a"),
        (b"foo" * 14, b"foo"),
        (b"-" * 99, None),
        (b"-" * 120, b"-"),
        (b"0, " * 33, None),
        (b"0x1f, " * 20, b"0x1f, "),
        (b"None, None, None, None, None", None),
        (b"| Name | Size | Type | Note |", None),
        (b"|------|------|------|------|------|------|", None),
        (b"&nbsp;&nbsp;&nbsp;&nbsp;", None),
    ],
)
def test_the_first_turn_of_a_cycle_is_known(line: bytes, first_turn: bytes | None) -> None:
    cycle = find_cycle(line)
    assert (cycle and line[: cycle.first_ends]) == first_turn


@given(st.text("xy- ", max_size=20), st.text("xyz.", min_size=1, max_size=12), st.integers(0, 12))
def test_a_cycle_is_seen_at_the_same_place_in_a_longer_line(start: str, unit: str, turns: int) -> None:
    line = (start + unit * turns).encode()
    seen = [cycle for end in range(len(line) + 1) if (cycle := find_cycle(line[:end]))]
    assert len(set(seen)) <= 1
    if seen:
        assert seen[0] == find_cycle(line[: seen[0].seen_at])
        assert find_cycle(line[: seen[0].seen_at - 1]) is None
        assert isinstance(seen[0], Cycle)
        assert seen[0].seen_at >= LEAST_RUN_BYTES


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([b"call()"] * 3, (3, 1)),
        ([b"call()"] * 2, None),
        ([b"first", b"one(", b")", b"one(", b")", b"one(", b")"], (7, 3)),
        ([b"}"] * 8, None),
        ([b"0, 0, 0,"] * 12, (12, 1)),
        ([b""] * 20, None),
        ([b"one", b"", b"one", b"", b"one"], None),
        ([b"one", b"", b"one", b"", b"one", b""], (6, 2)),
        ([b"one", b" one", b"one"], None),
    ],
)
def test_lines_that_repeat_themselves(lines: list[bytes], found: tuple[int, int] | None) -> None:
    assert find_repeated_lines(lines) == found
