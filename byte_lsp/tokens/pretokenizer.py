"""Splitting text into the words inside which byte-pair merges run, as llama.cpp's pre-tokenizers do.

A pre-tokenizer is a list of patterns applied one after another: each splits the words left by the one
before it into its matches and the gaps between them. What a pattern sees of a character is a matter of
llama.cpp's character table (see ``patterns``), not of the Unicode version of Python.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from byte_lsp.tokens.characters import class_of, han_edges, is_han, replace_invalid
from byte_lsp.tokens.patterns import (
    HAN_LETTER,
    HAN_OTHER,
    IGNORES_MERGES,
    LONG_WORDS,
    STAND_IN,
    STAND_INS,
    patterns_of,
)


class View(dict[int, str]):
    """What patterns see of each character: a table for ``str.translate`` that fills itself."""

    def __init__(self, show: Callable[[int], str]) -> None:
        super().__init__()
        self._show = show

    def __missing__(self, code_point: int) -> str:
        value = self[code_point] = self._show(code_point)
        return value


def _collapse(code_point: int) -> str:
    return chr(code_point) if code_point < 0x80 else STAND_IN[class_of(code_point)]


def _collapse_but_han(code_point: int) -> str:
    if is_han(code_point):
        return HAN_LETTER if class_of(code_point) == "L" else HAN_OTHER
    return _collapse(code_point)


def _collapse_spaces(code_point: int) -> str:
    wide_space = code_point > 0x7F and class_of(code_point) == "W"
    return STAND_IN["W"] if wide_space else chr(code_point)


COLLAPSED = View(_collapse)
HAN = View(_collapse_but_han)
LITERAL = View(_collapse_spaces)


@dataclass(frozen=True, slots=True)
class Level:
    """One pattern and what it sees of a text."""

    pattern: re.Pattern[str]
    view: View


class PreTokenizer:
    """Splits text into words. ``pre`` is the GGUF key ``tokenizer.ggml.pre``.

    ``edges`` are code points outside ASCII at which a pattern's own ranges begin or end; ``long_words`` are
    those that its patterns spell out. Raises ``TokenizerError`` for a pre-tokenizer it does not know.
    """

    def __init__(self, pre: str) -> None:
        sources = patterns_of(pre)
        self.levels: Sequence[Level] = [_compile(source) for source in sources]
        self.ignores_merges = pre in IGNORES_MERGES
        self.edges = _edges(sources)
        self.long_words: Sequence[str] = LONG_WORDS.get(pre, [])

    def split(self, text: str) -> list[int]:
        """The ends of the words of ``text``, as character offsets, ascending; the last is ``len(text)``."""
        return self._split(text, [])

    def split_with_restarts(self, text: str) -> tuple[list[int], list[int]]:
        """The word ends, and those among them from which splitting the rest anew gives the same ends.

        Patterns look ahead but never back further than one character, so these are all but the ends
        strictly inside an earlier pattern's match.
        """
        matches: list[tuple[int, int]] = []
        ends = self._split(text, matches)
        inside = {
            end
            for start, stop in matches
            for end in ends[bisect_right(ends, start) : bisect_left(ends, stop)]
        }
        return ends, [end for end in ends if end not in inside] if inside else ends

    def _split(self, text: str, matches: list[tuple[int, int]]) -> list[int]:
        if not text:
            return []
        ascii_only = text.isascii()
        text = replace_invalid(text)
        shown: dict[int, str] = {}
        ends = [len(text)]
        last = len(self.levels) - 1
        for at, level in enumerate(self.levels):
            seen = text if ascii_only else shown.get(id(level.view))
            if seen is None:
                seen = shown[id(level.view)] = text.translate(level.view)
            ends = _split_level(level.pattern, seen, ends, None if at == last else matches)
        return ends


def _compile(source: str) -> Level:
    names_others = any(ord(c) > 0x7F and c not in STAND_INS for c in source)
    view = LITERAL if names_others else HAN if HAN_LETTER in source else COLLAPSED
    # Python's own \s knows more characters than llama.cpp's; ASCII keeps it to space and \t\n\v\f\r.
    return Level(re.compile(source, re.ASCII), view)


def _split_level(
    pattern: re.Pattern[str], text: str, ends: Sequence[int], matches: list[tuple[int, int]] | None
) -> list[int]:
    refined: list[int] = []
    start = 0
    for end in ends:
        last = start
        for match in pattern.finditer(text, start, end):
            first, stop = match.span()
            if first > last:
                refined.append(first)
            if stop > first:
                refined.append(stop)
                if matches is not None and stop > first + 1:
                    matches.append((first, stop))
            last = stop
        if last < end:
            refined.append(end)
        start = end
    return refined


def _edges(sources: Sequence[str]) -> tuple[int, ...]:
    edges = {0x80}
    for source in sources:
        for character in source:
            if ord(character) > 0x7F and character not in STAND_INS:
                edges |= {ord(character), ord(character) + 1}
            if character == HAN_LETTER:
                edges |= han_edges()
    return tuple(sorted(edges))
