"""When a growing suggestion is finished.

A rule looks at the text so far and says at which offset it is known that the text is over, and how much of it
to keep. The one that is known first counts, so the answer for a longer text is the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from byte_lsp.infill.blocks import begins_with_closer, closes_by_word, end_of_closing, may_close, opens_block
from byte_lsp.infill.brackets import Mark, find_marks, match
from byte_lsp.infill.overlap import find_overlap, squeeze
from byte_lsp.infill.problem import InfillProblem, StopReason
from byte_lsp.infill.repetition import find_cycle, find_repeated_lines
from byte_lsp.infill.surroundings import Surroundings, Wanted
from byte_lsp.infill.window import unify_line_ends

SURE_OVERLAP_BYTES = 12
"""So much of the rest of the line, without blanks, is no coincidence."""

LEAST_OVERLAP_BYTES = 3

_ITEM = b"- "


@dataclass(frozen=True, slots=True)
class Stopped:
    """The text to keep and why it is finished."""

    text: bytes
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_lines`` counts lines that are not blank: a suggestion that begins with a line end goes on."""

    max_bytes: int
    max_lines: int = 0
    stop: tuple[bytes, ...] = ()

    def check(self, text: bytes) -> Stopped | None:
        """What to keep of ``text`` if it is finished, else None."""
        found = [at for stop in self.stop if stop and (at := text.find(stop)) >= 0]
        if found and min(found) <= self.max_bytes:
            return Stopped(text[: min(found)], "stop")
        end = self._end_of_lines(text)
        if end is not None and end <= self.max_bytes:
            return Stopped(text[:end], "max_lines")
        if len(text) >= self.max_bytes:
            return Stopped(text[: self.max_bytes], "max_bytes")
        return None

    def _end_of_lines(self, text: bytes) -> int | None:
        """Where the last allowed line ends, if it does."""
        if not self.max_lines:
            return None
        lines = 0
        start = 0
        while (end := text.find(b"\n", start)) >= 0:
            lines += bool(text[start:end].strip())
            if lines >= self.max_lines:
                return end - text[:end].endswith(b"\r")
            start = end + 1
        return None


class _End(NamedTuple):
    """It is known at offset ``seen_at`` that the text is over; its first ``keep`` bytes stay."""

    seen_at: int
    keep: int
    reason: StopReason


class _Line(NamedTuple):
    """A line of the cursor's line and the text: its bytes, its offset in the text, and whether it has ended.

    The first begins before the text: its offset is negative.
    """

    text: bytes
    offset: int
    is_whole: bool

    @property
    def end(self) -> int:
        return self.offset + len(self.text)


@dataclass(frozen=True)
class Stopping:
    """Where a person would end what is written between a prefix and a suffix."""

    around: Surroundings
    limits: Limits

    @classmethod
    def of(cls, problem: InfillProblem) -> "Stopping":
        """How texts at a problem's cursor end."""
        around = Surroundings.of(problem)
        lines = problem.max_lines if around.wanted is Wanted.BLOCK else 1
        return cls(around, Limits(problem.max_bytes, lines))

    def check(self, text: bytes) -> Stopped | None:
        """What to keep of ``text`` if it is finished, else None. Line ends become line feeds."""
        text = unify_line_ends(text)
        ends = [end for rule in self._rules for end in [rule(text)] if end]
        if not ends:
            return None
        end = min(ends)
        return Stopped(text[: end.keep], end.reason)

    def finish(self, text: bytes) -> bytes:
        """What to keep of a text that does not grow any more."""
        stopped = self.check(text + b"\n")
        return stopped.text if stopped else text

    @cached_property
    def _rules(self) -> list[Callable[[bytes], _End | None]]:
        common = [self._find_limit, self._find_bracket, self._find_cycle]
        if self.around.wanted is Wanted.PART:
            return [*common, self._find_line_end, self._find_rest]
        if self.around.wanted is Wanted.LINE:
            return [*common, self._find_next_line]
        block = [self._find_same_line, self._find_dedent, self._find_repeated_lines]
        return [*common, self._find_next_line, *block]

    def _find_limit(self, text: bytes) -> _End | None:
        stopped = self.limits.check(text)
        if stopped is None:
            return None
        keep = len(stopped.text)
        if stopped.reason == "max_lines":
            return _End(keep + 1, keep, "max_lines")
        # A block is better without its last line than with half of it.
        whole = text.rfind(b"\n", 0, keep) if self.around.wanted is Wanted.BLOCK else -1
        return _End(keep, whole if text[: max(whole, 0)].strip() else keep, "max_bytes")

    def _find_line_end(self, text: bytes) -> _End | None:
        at = text.find(b"\n")
        return _End(at + 1, at, "max_lines") if at >= 0 else None

    def _find_rest(self, text: bytes) -> _End | None:
        """Where the text runs into the rest of the line."""
        rest = self._begins_rest
        if len(rest) < LEAST_OVERLAP_BYTES or self.around.may_replace_rest:
            return None
        found = find_overlap(text, rest)
        return _End(found.end, found.start, "suffix") if found else None

    @cached_property
    def _begins_rest(self) -> bytes:
        return squeeze(self.around.rest)[0][:SURE_OVERLAP_BYTES]

    def _find_bracket(self, text: bytes) -> _End | None:
        """The first closer that the suffix has already.

        A bracket behind a quote may still turn out to be in a literal, until the line ends; where more stands
        on the line, the literal may end there.
        """
        shift = len(self.around.line)
        whole = self.around.line + text
        marks = find_marks(whole)
        own = [mark for mark in marks if mark.offset >= shift]
        unfree = self._first_unfree(own)
        if unfree is None:
            return None
        start, end = _line_of(whole, unfree.offset)
        seen_at = unfree.offset + 1
        if any(mark.is_quote and start <= mark.offset < unfree.offset for mark in marks):
            if end < 0 or self.around.wanted is Wanted.PART:
                return None
            seen_at = end + 1
        return _End(seen_at - shift, self._end_before(unfree, text, unfree.offset - shift), "bracket")

    def _end_before(self, closer: Mark, text: bytes, offset: int) -> int:
        """``offset``, without blanks before it unless the suffix goes on with that closer: ``{ a }``."""
        if self.around.rest.lstrip()[:1] == bytes([closer.sign]):
            return offset
        return len(text[:offset].rstrip())

    def _first_unfree(self, marks: list[Mark]) -> Mark | None:
        closers, _ = match(marks)
        instead = self.around.may_replace_rest
        for closed, mark in enumerate(closers):
            if not self.around.admits(mark.sign, closed, instead=instead):
                return mark
        return None

    def _find_cycle(self, text: bytes) -> _End | None:
        for line in _lines(b"", text):
            cycle = find_cycle(line.text)
            if cycle:
                return _End(line.offset + cycle.seen_at, line.offset + cycle.first_ends, "repetition")
        return None

    def _find_repeated_lines(self, text: bytes) -> _End | None:
        lines = [line for line in _lines(b"", text) if line.is_whole]
        found = find_repeated_lines([line.text for line in lines])
        return _End(lines[found[0] - 1].end + 1, lines[found[1] - 1].end, "repetition") if found else None

    def _find_next_line(self, text: bytes) -> _End | None:
        """A line that the suffix goes on with: same text, same indentation."""
        wanted = self.around.next_line
        if not wanted.strip():
            return None
        for line in _lines(self.around.line, text):
            if line.end < 0 or not text[: line.end].strip():
                continue
            if line.is_whole and line.text.strip() == wanted.strip() and self._same_column(line.text, wanted):
                return _End(line.end + 1, max(line.offset - 1, 0), "suffix")
        return None

    def _same_column(self, line: bytes, other: bytes) -> bool:
        return self.around.column(line) == self.around.column(other)

    def _find_same_line(self, text: bytes) -> _End | None:
        """The end of the line that opened the block, if the text goes on with it so that it opens none."""
        first = next(_lines(self.around.line, text))
        goes_on = first.is_whole and self.around.line.strip() and text[: max(first.end, 0)].strip()
        if not goes_on or opens_block(first.text, self.around.language):
            return None
        return _End(first.end + 1, first.end, "max_lines")

    def _find_dedent(self, text: bytes) -> _End | None:
        """Where the block is over: behind the line that closes it, or before the first that is not in it."""
        lines = self._written(text)
        if not lines:
            return None
        first, *others = lines
        column = self.around.column(first.text)
        if column > self.around.opener_column:
            outside = (line for line in others if self.around.column(line.text) < column)
        elif _may_be_item(first.text):
            outside = (line for line in others if self._ends_list(line.text, column))
        else:
            return self._end_shallow(first)
        line = next(outside, None)
        return self._end_at(line) if line else None

    def _ends_list(self, line: bytes, column: int) -> bool:
        """Whether a line ends a list that is no deeper than the key it belongs to, as YAML allows."""
        own = self.around.column(line)
        return own < column or (own == column and not _may_be_item(line))

    def _written(self, text: bytes) -> list[_Line]:
        """The block's lines that are not blank; without the cursor's own if the block begins below it."""
        lines = list(_lines(self.around.line, text))
        if self.around.line.strip():
            del lines[0]
        return [line for line in lines if line.text.strip()]

    def _end_shallow(self, line: _Line) -> _End | None:
        """A block that is no deeper than what opened it: one line, if a bracket did; else it is none."""
        end = self._end_at(line)
        if end is None or begins_with_closer(line.text) or not self.around.opened_by_bracket:
            return end
        return _End(line.end + 1, line.end, "dedent") if line.is_whole else None

    def _end_at(self, line: _Line) -> _End | None:
        """The end at a line that is outside the block, unless it is what closes the block."""
        before = max(line.offset - 1, 0)
        known = line.text.strip()
        begins = line.end - len(line.text.lstrip())
        for length in range(1, len(known) + 1):
            if not may_close(known[:length]):
                return _End(begins + length, before, "dedent")
        if not line.is_whole:
            return None
        if not begins_with_closer(known) or (closes_by_word(known) and self._closes_outer(line.text)):
            return _End(line.end + 1, before, "dedent")
        end = line.offset + end_of_closing(line.text, self.around.language)
        return _End(line.end + 1, end, "dedent")

    def _closes_outer(self, line: bytes) -> bool:
        """Whether the suffix has this closing word, or the block's opener stands elsewhere."""
        next_line = self.around.next_line
        if self.around.column(line) != self.around.opener_column:
            return True
        return line.strip() == next_line.strip() and self._same_column(line, next_line)


def _may_be_item(line: bytes) -> bool:
    return _ITEM.startswith(line.lstrip()[: len(_ITEM)])


def _lines(before: bytes, text: bytes) -> Iterator[_Line]:
    """The lines of a text that goes on the line ``before``."""
    offset = -len(before)
    *whole, last = (before + text).split(b"\n")
    for line in whole:
        yield _Line(line, offset, True)
        offset += len(line) + 1
    yield _Line(last, offset, False)


def _line_of(text: bytes, offset: int) -> tuple[int, int]:
    """Where the line at an offset begins and ends; -1 if it does not end."""
    return text.rfind(b"\n", 0, offset) + 1, text.find(b"\n", offset)
