"""Which piece of a text is taken out, to be filled in again.

Kinds follow what people leave open when they stop typing: the rest of a line, a whole line, what stands
between two brackets, a block; and cuts at any character, so that no place of a text is strange to the model
(character-level random spans: arXiv 2207.14255, section 3).
"""

import random
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from byte_lsp.infill.window import next_character, previous_character

SpanKind = Literal["line", "lines", "rest", "inside", "characters", "block", "empty", "end", "last"]
"""``line``: one whole line; ``lines``: two to six; ``rest``: from inside a line to its end; ``inside``: part
of a line; ``characters``: from anywhere on; ``block``: what is indented below a line; ``empty``: nothing;
``end``: some of what follows, as if somebody were writing there: no suffix is shown; ``last``: the last line
that has a word, or its rest. Most often nothing follows it, and the model is told so.
"""

KIND_WEIGHTS: Mapping[SpanKind, float] = {
    "line": 0.3,
    "rest": 0.2,
    "inside": 0.14,
    "characters": 0.07,
    "lines": 0.05,
    "block": 0.05,
    "empty": 0.03,
    "end": 0.04,
    "last": 0.12,
}
"""Shares of the kinds. Single lines lead: that is what editors ask for on every key."""

SINGLE_LINE: tuple[SpanKind, ...] = ("line", "rest", "inside")

_LONGEST_BYTES = 600
_END_BYTES = 80
_MOST_TRIES = 20
_OPENING = re.compile(rb"[(\[{\"']")
_CLOSING = {b"("[0]: b")", b"["[0]: b"]", b"{"[0]: b"}", b'"'[0]: b'"', b"'"[0]: b"'"}
_WORD = re.compile(rb"\w")
_HEADER_LINE = re.compile(rb"\s*(#|//|/\*|\*|--|<!--|$)")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes ``start`` up to ``end`` of a text; both lie between characters."""

    kind: SpanKind
    start: int
    end: int


class Lines:
    """A text and where its lines are."""

    def __init__(self, text: bytes, prose: frozenset[int] = frozenset()) -> None:
        """``prose``: lines, by index, in which no span is to begin."""
        self.text = text
        self.starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]
        """The offset of each line, and that of the text's end."""
        self.usable = [
            index
            for index in range(self._after_header(), len(self))
            if self.content(index) and index not in prose
        ]
        """The lines that are neither blank nor prose, without the comment that opens most files."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, index: int) -> bytes:
        """One line, its line end with it."""
        return self.text[self.starts[index] : self.starts[index + 1]]

    def content(self, index: int) -> bytes:
        """One line without white space around it."""
        return self.line(index).strip()

    def indented_start(self, index: int) -> int:
        """The offset of a line's first character that is no white space."""
        line = self.line(index)
        return self.starts[index] + len(line) - len(line.lstrip())

    def end_of(self, index: int) -> int:
        """The offset of a line's end, before the line feed."""
        return self.starts[index] + len(self.line(index).rstrip(b"\n"))

    def depth(self, index: int) -> int:
        """How far a line is indented, in bytes."""
        return self.indented_start(index) - self.starts[index]

    def index_at(self, offset: int) -> int:
        """The line that an offset lies in."""
        return min(bisect_right(self.starts, offset), len(self)) - 1

    def _after_header(self) -> int:
        index = 0
        while index < len(self) and _HEADER_LINE.match(self.line(index)):
            index += 1
        return index if index < len(self) else 0


def draw_kind(rng: random.Random, weights: Mapping[SpanKind, float] = KIND_WEIGHTS) -> SpanKind:
    """A kind by its share."""
    return rng.choices(list(weights), list(weights.values()))[0]


def draw_span(lines: Lines, kind: SpanKind, rng: random.Random) -> Span | None:
    """A span of ``kind``; None where twenty tries found none, as in a text without indented blocks."""
    if not lines.usable:
        return None
    for _ in range(_MOST_TRIES):
        bounds = _DRAW[kind](lines, rng.choice(lines.usable), rng)
        if bounds is None:
            continue
        start, end = (next_character(lines.text, bound) for bound in bounds)
        if end - start <= _LONGEST_BYTES:
            return Span(kind, start, end)
    return None


Bounds = tuple[int, int] | None


def _whole_lines(lines: Lines, first: int, last: int, rng: random.Random) -> Bounds:
    """From a line's start or its first character to a line's end, before or behind its line feed."""
    start = lines.starts[first] if rng.random() < 0.6 else lines.indented_start(first)
    end = lines.starts[last + 1] if rng.random() < 0.5 else lines.end_of(last)
    return start, end


def _line(lines: Lines, index: int, rng: random.Random) -> Bounds:
    return _whole_lines(lines, index, index, rng)


def _several(lines: Lines, index: int, rng: random.Random) -> Bounds:
    last = index + rng.randint(1, 5)
    return _whole_lines(lines, index, last, rng) if last < len(lines) and lines.content(last) else None


def _rest(lines: Lines, index: int, rng: random.Random) -> Bounds:
    start, end = lines.indented_start(index), lines.end_of(index)
    return (rng.randrange(start, end), end) if end > start else None


def _inside(lines: Lines, index: int, rng: random.Random) -> Bounds:
    """Between two brackets or quotes of a line, or between any two of its characters."""
    start, end = lines.indented_start(index), lines.end_of(index)
    if rng.random() < 0.5:
        line = lines.text[start:end]
        openings = list(_OPENING.finditer(line))
        if not openings:
            return None
        opened = rng.choice(openings).start()
        closed = line.rfind(_CLOSING[line[opened]], opened + 1)
        return (start + opened + 1, start + closed) if closed > opened + 1 else None
    if end - start < 3:
        return None
    cursor = rng.randrange(start, end - 1)
    return cursor, rng.randrange(cursor + 1, end)


def _characters(lines: Lines, index: int, rng: random.Random) -> Bounds:
    start = rng.randrange(lines.starts[index], lines.starts[index + 1])
    return start, min(start + round(2 ** rng.uniform(0, 8)), len(lines.text))


def _block(lines: Lines, index: int, rng: random.Random) -> Bounds:
    """The lines below ``index`` that are indented further than it."""
    depth, last = lines.depth(index), index
    for below in range(index + 1, len(lines)):
        if lines.content(below):
            if lines.depth(below) <= depth:
                break
            last = below
    if last == index:
        return None
    at_line_end = rng.random() < 0.5
    start = lines.end_of(index) if at_line_end else lines.starts[index + 1]
    return start, lines.end_of(last)


def _empty(lines: Lines, index: int, rng: random.Random) -> Bounds:
    cursor = lines.end_of(index)
    if rng.random() < 0.5:
        cursor = rng.randrange(lines.starts[index], lines.starts[index + 1])
    cursor = previous_character(lines.text, cursor)
    return cursor, cursor


def _end(lines: Lines, index: int, rng: random.Random) -> Bounds:
    start = rng.randrange(lines.starts[index], lines.starts[index + 1])
    return start, min(start + _END_BYTES, len(lines.text))


def _last(lines: Lines, _: int, rng: random.Random) -> Bounds:
    named = (index for index in reversed(lines.usable) if _WORD.search(lines.content(index)))
    last = next(named, lines.usable[-1])
    return _line(lines, last, rng) if rng.random() < 0.7 else _rest(lines, last, rng)


_DRAW: Mapping[SpanKind, Callable[[Lines, int, random.Random], Bounds]] = {
    "line": _line,
    "lines": _several,
    "rest": _rest,
    "inside": _inside,
    "characters": _characters,
    "block": _block,
    "empty": _empty,
    "end": _end,
    "last": _last,
}
