"""Indentation: the unit that a file uses, and a suggestion's lines brought to it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import gcd

from byte_lsp.infill.brackets import OPENERS

USUAL_STEP = 4
"""Spaces that a model writes where it has seen too little of the file."""

TAB_COLUMNS = 8
"""What a tab stands for where the file does not say."""

_STEPS = (2, 3, 4, 8)
_LEADING = re.compile(rb"[ \t]*")
_MOSTLY = 0.9
_OPENS_BLOCK = (b":", *(bytes([opener]) for opener in OPENERS))


@dataclass(frozen=True, slots=True)
class Unit:
    """One step of indentation: a tab (0 spaces), or so many spaces."""

    spaces: int

    @property
    def tab_columns(self) -> int:
        """What a tab counts: one step, which is what ``indent`` makes of it. Else a text would be judged as
        deeper than it is when it stands in the file.
        """
        return self.spaces or USUAL_STEP

    @property
    def text(self) -> bytes:
        return b" " * self.spaces or b"\t"


def leading(line: bytes) -> bytes:
    """The blanks that a line begins with."""
    found = _LEADING.match(line)
    return found[0] if found else b""


def columns(line: bytes, tab_columns: int = TAB_COLUMNS) -> int:
    """The column at which a line's text begins; of a blank line, its length."""
    column = 0
    for byte in leading(line):
        column += tab_columns - column % tab_columns if byte == ord("\t") else 1
    return column


def find_unit(lines: Iterable[bytes]) -> Unit | None:
    """The unit of a text; None if its lines do not say, or disagree.

    Spaces are counted by the steps from one line to a deeper one. A single space is no step: comments that
    begin with a star take it.
    """
    written = [line for line in lines if line.strip()]
    tabs = sum(line.startswith(b"\t") for line in written)
    spaces = sum(line.startswith(b"  ") for line in written)
    if not tabs and not spaces:
        return None
    if tabs >= _MOSTLY * (tabs + spaces):
        return Unit(0)
    if spaces < _MOSTLY * (tabs + spaces):
        return None
    depths = [len(leading(line)) for line in written]
    steps = Counter(step for before, after in pairwise(depths) if (step := after - before) in _STEPS)
    return Unit(steps.most_common(1)[0][0]) if steps else None


def indent(text: bytes, unit: Unit | None, *, whole: bool = False) -> bytes:
    """``text`` with its lines indented by the file's unit.

    Tabs become the file's spaces, spaces its tabs where the file has them, and steps of four spaces steps of
    two where nothing else can be meant. Blank lines stay as they are, and the first one too unless it is
    ``whole``: it goes on with what is there.
    """
    lines = text.split(b"\n")
    first = [] if whole else [lines.pop(0)]
    if unit is None or not any(line.strip() for line in lines):
        return text
    if unit.spaces == 0:
        lines = [_to_tabs(line) for line in lines]
    else:
        lines = [_to_spaces(line, unit.spaces) for line in lines]
        if unit.spaces == USUAL_STEP // 2 and _steps_by(USUAL_STEP, lines):
            lines = _halve(lines)
    return b"\n".join([*first, *lines])


def _to_tabs(line: bytes) -> bytes:
    blanks = leading(line)
    if b"\t" in blanks or not line.strip():
        return line
    tabs, spaces = divmod(len(blanks), USUAL_STEP)
    return b"\t" * tabs + b" " * spaces + line[len(blanks) :]


def _to_spaces(line: bytes, spaces: int) -> bytes:
    blanks = leading(line)
    return b" " * columns(blanks, spaces) + line[len(blanks) :] if line.strip() else line


def _steps_by(step: int, lines: Sequence[bytes]) -> bool:
    """Whether every line goes in by that step behind one that opens a block, and no line by another."""
    written = [line for line in lines if line.strip()]
    depths = [len(leading(line)) for line in written]
    inner = [
        depths[at + 1] - depths[at]
        for at, line in enumerate(written[:-1])
        if line.rstrip().endswith(_OPENS_BLOCK)
    ]
    moves = [depth - min(depths) for depth in depths]
    return bool(inner) and set(inner) == {step} and reduce(gcd, moves) == step


def _halve(lines: Sequence[bytes]) -> list[bytes]:
    """The lines with half of what they are deeper than the shallowest."""
    base = min(len(leading(line)) for line in lines if line.strip())
    halved = []
    for line in lines:
        blanks = leading(line)
        keep = base + (len(blanks) - base) // 2 if line.strip() else len(blanks)
        halved.append(line[len(blanks) - keep :])
    return halved
