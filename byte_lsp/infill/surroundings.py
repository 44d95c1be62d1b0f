"""What the text around a cursor says: is a line or a block wanted, which brackets are still to be closed."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from byte_lsp.infill.blocks import begins_with_closer, opens_block
from byte_lsp.infill.brackets import (
    Line,
    Mark,
    Opener,
    closers_behind,
    find_marks,
    free_closers,
    open_before,
)
from byte_lsp.infill.indentation import TAB_COLUMNS, Unit, columns, find_unit
from byte_lsp.infill.problem import InfillProblem

INSERTED_BY_EDITORS = frozenset(b")]}\"'`;:, \t")
"""What an editor puts behind the cursor by itself, and what it is put before."""

_KEPT = 8
_DEEPEST = 64  # brackets around a cursor, the innermost: the time to match them grows with the square
_NOT_CODE = (b"#", b"//", b"/*", b"*", b"--", b"<!--", b"%")
_SHELLS = {"shellscript", "shell", "bash", "sh"}


class Wanted(Enum):
    """What a suggestion is: part of a line with text behind it, the end of a line, or a block."""

    PART = "part"
    LINE = "line"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """``line`` and ``rest`` are the cursor's line before and behind it, ``behind`` are the lines below, and
    ``next_line`` is the first of them that is not blank.

    ``free`` are the closers that an insertion may have beyond its own brackets, ``free_instead`` those of a
    text that takes the place of ``rest``; in order. ``opener_column`` is the indentation of the line whose
    block is wanted.
    """

    language: str
    wanted: Wanted
    line: bytes
    rest: bytes
    behind: bytes
    next_line: bytes
    free: bytes
    free_instead: bytes
    unit: Unit | None
    opener_column: int
    opened_by_bracket: bool

    @classmethod
    @lru_cache(_KEPT)
    def of(cls, problem: InfillProblem) -> "Surroundings":
        """Read the text around a problem's cursor. Every candidate asks: the last few answers are kept."""
        *before, line = problem.prefix.split(b"\n")
        rest, *after = problem.suffix.split(b"\n")
        next_line = next((each for each in after if each.strip()), b"")
        unit = find_unit([*before, line + rest, *after])
        tab = unit.tab_columns if unit else TAB_COLUMNS
        opening = line if line.strip() else next((each for each in reversed(before) if each.strip()), b"")
        marks = find_marks(line + rest)
        openers = _find_openers([*before, line], [mark for mark in marks if mark.offset < len(line)], tab)
        marks = [mark for mark in marks if mark.offset >= len(line)]
        lines = [_read_line(each, tab) for each in after if _is_code(each)]
        goes_on = problem.suffix_goes_on
        signs = bytes(opener.sign for opener in openers)
        return cls(
            language=problem.language,
            wanted=_decide(problem, rest, opening, next_line, tab),
            line=line,
            rest=rest,
            behind=problem.suffix[len(rest) + 1 :],
            next_line=next_line,
            free=free_closers(signs, closers_behind(openers, rest, marks, lines, goes_on=goes_on)),
            free_instead=free_closers(signs, closers_behind(openers, b"", [], lines, goes_on=goes_on)),
            unit=unit,
            opener_column=columns(opening, tab),
            opened_by_bracket=opening.rstrip()[-1:] in (b"{", b"(", b"["),
        )

    @property
    def tab_columns(self) -> int:
        return self.unit.tab_columns if self.unit else TAB_COLUMNS

    @property
    def may_replace_rest(self) -> bool:
        """Whether the rest of the line is only what an editor may have put there, with a bracket or quote."""
        rest = self.rest.strip()
        return INSERTED_BY_EDITORS.issuperset(rest) and not _PUNCTUATION.issuperset(rest)

    def admits(self, closer: int, closed: int, *, instead: bool = False) -> bool:
        """Whether a text may have this closer without an opener, behind ``closed`` others."""
        free = self.free_instead if instead else self.free
        if closed < len(free) and free[closed] == closer:
            return True
        return self.language.lower() in _SHELLS and closer == ord(")") and not self.rest.strip() and not free

    def column(self, line: bytes) -> int:
        """The column at which a line's text begins."""
        return columns(line, self.tab_columns)


_PUNCTUATION = frozenset(b";:, \t")


def _decide(problem: InfillProblem, rest: bytes, opening: bytes, next_line: bytes, tab: int) -> Wanted:
    if rest.strip():
        return Wanted.PART
    is_empty = not next_line or columns(next_line, tab) <= columns(opening, tab)
    if problem.max_lines != 1 and is_empty and opens_block(opening, problem.language):
        return Wanted.BLOCK
    return Wanted.LINE


def _find_openers(lines: list[bytes], on_last: list[Mark], tab: int) -> list[Opener]:
    """What is open behind the lines. ``on_last`` are the marks of the last: its end may be in the suffix."""
    above = b"".join(line + b"\n" for line in lines[:-1])
    text = above + lines[-1]
    openers = []
    marks = [*find_marks(above), *(mark.shifted(len(above)) for mark in on_last)]
    for mark in open_before(marks)[-_DEEPEST:]:
        start = text.rfind(b"\n", 0, mark.offset) + 1
        openers.append(Opener(mark.sign, columns(text[start : mark.offset + 1], tab)))
    return openers


def _is_code(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(_NOT_CODE)


def _read_line(line: bytes, tab: int) -> Line:
    return Line(columns(line, tab), begins_with_closer(line), find_marks(line))
