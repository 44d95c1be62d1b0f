"""Brackets in any language's text, without a parser.

A literal counts as one if it opens and closes on one line: what is in it is no bracket, and a quote that
never closes on its line is no quote. So a stray apostrophe in a comment or a string over several lines costs
its own line at most. An apostrophe behind a word character opens nothing (``don't``, ``1'000``), nor does
that of a Rust lifetime (``&'a str``), and a backslash takes the meaning from the byte behind it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OPENERS = b"([{"
CLOSERS = b")]}"
_CLOSER_OF = dict(zip(OPENERS, CLOSERS, strict=True))
_LITERAL = re.compile(
    rb"""\\.
    | "(?:\\.|[^"\\\n])*"
    | `(?:\\.|[^`\\\n])*`
    | (?<=[&<])'\w+\b(?!')
    | '(?:\w+>|static\b(?!'))
    | (?<!\w)[bBfFrRuULtT]{0,2}'(?:\\.|[^'\\\n])*'
    | (?<=\w)'""",
    re.VERBOSE | re.DOTALL,
)
_MARK = re.compile(rb"""[()\[\]{}"'`]""")
_DEEPEST = 1 << 30


class Mark(NamedTuple):
    """A bracket outside literals, or a quote that does not close on its line, at a byte offset."""

    offset: int
    sign: int

    @property
    def opens(self) -> bool:
        return self.sign in OPENERS

    @property
    def closes(self) -> bool:
        return self.sign in CLOSERS

    @property
    def is_quote(self) -> bool:
        return not self.opens and not self.closes

    def shifted(self, offset: int) -> "Mark":
        """The same, so many bytes further on."""
        return Mark(self.offset + offset, self.sign)


class Opener(NamedTuple):
    """An open bracket, and the column at which the text of its line begins."""

    sign: int
    column: int


class Line(NamedTuple):
    """A line as brackets see it: where its text begins, whether that is a closer, and its marks."""

    column: int
    begins_with_closer: bool
    marks: Sequence[Mark]


def hide_literals(text: bytes) -> bytes:
    """``text``, as long and with the same lines, with zero bytes in the place of literals and escapes."""
    return _LITERAL.sub(lambda found: b"\n".join(b"\0" * len(part) for part in found[0].split(b"\n")), text)


def is_balanced_as_code(text: bytes) -> bool:
    """Whether brackets match if no literal hides any: what is in a template literal may be code."""
    closers, openers = match(Mark(at, byte) for at, byte in enumerate(text) if byte in OPENERS + CLOSERS)
    return not closers and not openers


def find_marks(text: bytes) -> list[Mark]:
    """The marks of a text that begins at a line start, in order."""
    return [Mark(found.start(), found[0][0]) for found in _MARK.finditer(hide_literals(text))]


def match(marks: Iterable[Mark]) -> tuple[list[Mark], list[Mark]]:
    """The closers that close nothing in the text, and the openers that nothing closes, each in order.

    A closer of another kind than the innermost opener closes nothing and leaves it open.
    """
    closers: list[Mark] = []
    openers: list[Mark] = []
    for mark in marks:
        if mark.opens:
            openers.append(mark)
        elif mark.closes and openers and _CLOSER_OF[openers[-1].sign] == mark.sign:
            openers.pop()
        elif mark.closes:
            closers.append(mark)
    return closers, openers


def open_before(marks: Iterable[Mark]) -> list[Mark]:
    """The brackets open at the end of a real text, the outermost first.

    Other than in ``match``, a closer of another kind than the innermost opener closes the nearest of its own
    kind: the brackets between are taken for mistakes, or for prose.
    """
    openers: list[Mark] = []
    for mark in marks:
        if mark.opens:
            openers.append(mark)
        elif mark.closes:
            at = _nearest(bytes(opener.sign for opener in openers), mark.sign)
            del openers[at if at >= 0 else len(openers) :]
    return openers


def free_closers(openers: bytes, closers: bytes) -> bytes:
    """The closers that an insertion between two texts may have of its own, the first of them first.

    ``openers`` are open before it, the outermost first; ``closers`` close something behind it. An opener is
    free if all that is closed behind the insertion is still closed when the insertion closes it.
    """
    closed = _count_closed(openers, closers)
    free = 0
    while free < len(openers) and _count_closed(openers[: len(openers) - free - 1], closers) == closed:
        free += 1
    return bytes(_CLOSER_OF[opener] for opener in reversed(openers[len(openers) - free :]))


def closers_behind(
    openers: Sequence[Opener], rest: bytes, marks: Sequence[Mark], lines: Sequence[Line], *, goes_on: bool
) -> bytes:
    """The closers behind the cursor that close one of ``openers``, in order.

    ``rest`` is the rest of the cursor's line, with its ``marks``; ``lines`` are those of code below. Where
    the rest is blank, a line that begins no deeper than an opener's own, and not with a closer, shows that
    the opener was left open. If the text ``goes_on``, other openers that are still open are taken to be
    closed there.
    """
    at_line_end = not rest.strip()
    left = list(openers)
    found = bytearray()
    own: list[int] = []
    for line in (Line(_DEEPEST, True, marks), *lines):
        while at_line_end and left and not own and _leaves(line, left[-1]):
            left.pop()
        for mark in line.marks:
            if mark.opens:
                own.append(mark.sign)
            elif mark.closes and own:
                own.pop()
            elif mark.closes:
                at = _nearest(bytes(opener.sign for opener in left), mark.sign)
                if at >= 0:
                    del left[at:]
                    found.append(mark.sign)
    if goes_on:
        left = [
            opener for opener in left if not (at_line_end and any(_leaves(line, opener) for line in lines))
        ]
        found += bytes(_CLOSER_OF[opener.sign] for opener in reversed(left))
    return bytes(found)


def _leaves(line: Line, opener: Opener) -> bool:
    return line.column <= opener.column and not line.begins_with_closer


def _nearest(openers: bytes, closer: int) -> int:
    """Where the innermost opener of a closer's kind is, or -1."""
    return openers.rfind(OPENERS[CLOSERS.index(closer)])


def _count_closed(openers: bytes, closers: bytes) -> int:
    count = 0
    for closer in closers:
        at = _nearest(openers, closer)
        if at >= 0:
            openers = openers[:at]
            count += 1
    return count
