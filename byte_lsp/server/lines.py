"""Where the lines of a text start, kept while the text is edited."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import overload

from byte_lsp.infill.window import LINE_END

BLOCK_LINES = 2048


class LineStarts(Sequence[int]):
    """Byte offsets at which lines start; the first is 0.

    They are kept in blocks, each with a shift that all its offsets have to be moved by: an edit looks at its
    own block and moves the others by one number each, so that typing at the top of 16 million lines is quick.
    """

    def __init__(self, text: bytearray) -> None:
        self._blocks = list(_blocks_of(chain((0,), (found.end() for found in LINE_END.finditer(text)))))
        self._shifts = [0] * len(self._blocks)
        self._offsets: list[int] = []
        self._firsts: list[int] = []
        self._count(0)

    def __len__(self) -> int:
        return self._firsts[-1] + len(self._blocks[-1])

    @overload
    def __getitem__(self, line: int) -> int: ...
    @overload
    def __getitem__(self, line: slice) -> list[int]: ...
    def __getitem__(self, line: int | slice) -> int | list[int]:
        if isinstance(line, slice):
            return [self[each] for each in range(*line.indices(len(self)))]
        count = len(self)
        if not -count <= line < count:
            raise IndexError(f"line {line} of {count}")
        line %= count
        at = bisect_right(self._firsts, line) - 1
        return self._blocks[at][line - self._firsts[at]] + self._shifts[at]

    def __iter__(self) -> Iterator[int]:
        for block, shift in zip(self._blocks, self._shifts, strict=True):
            yield from (start + shift for start in block)

    def line_at(self, offset: int) -> int:
        """The line that holds a byte offset."""
        at = self._block_at(offset)
        return self._firsts[at] + bisect_right(self._blocks[at], offset - self._shifts[at]) - 1

    def splice(self, text: bytearray, start: int, end: int, added: int) -> None:
        """The bytes ``[start, end)`` were replaced by ``added`` others; ``text`` is the new one.

        Whether a line starts at an offset is decided by the two bytes around it, so that only the offsets in
        and at the edges of what was added are looked at.
        """
        first, last = self._block_at(start - 1), self._block_at(end)
        before, behind = self._blocks[first], self._blocks[last]
        kept = max(1, bisect_left(before, start - self._shifts[first]))
        gone = bisect_right(behind, end - self._shifts[last])
        shift = added - (end - start)
        move = self._shifts[last] + shift - self._shifts[first]
        starts = before[:kept]
        starts.extend(found - self._shifts[first] for found in _starts_in(text, start, start + added))
        starts.extend(each + move for each in behind[gone:])
        blocks = list(_blocks_of(iter(starts))) if len(starts) > 2 * BLOCK_LINES else [starts]
        self._blocks[first : last + 1] = blocks
        behind_shifts = self._shifts[last + 1 :]
        self._shifts[first:] = [self._shifts[first]] * len(blocks) + [each + shift for each in behind_shifts]
        self._count(first)

    def _block_at(self, offset: int) -> int:
        return max(0, bisect_right(self._offsets, offset) - 1)

    def _count(self, changed: int) -> None:
        """Bring offset and number of each block's first line up to date, from a block on."""
        number = self._firsts[changed - 1] + len(self._blocks[changed - 1]) if changed else 0
        del self._offsets[changed:], self._firsts[changed:]
        for block, shift in zip(self._blocks[changed:], self._shifts[changed:], strict=True):
            self._offsets.append(block[0] + shift)
            self._firsts.append(number)
            number += len(block)


def _blocks_of(starts: Iterator[int]) -> Iterator[array[int]]:
    while block := array("q", islice(starts, BLOCK_LINES)):
        yield block


def _starts_in(text: bytearray, first: int, last: int) -> list[int]:
    """Line starts from offset ``first`` to ``last``, both included, but for the start of the text."""
    starts = [found.end() for found in LINE_END.finditer(text, max(0, first - 1), last)]
    if starts and starts[-1] == last and text[last - 1 : last + 1] == b"\r\n":
        starts.pop()
    return starts
