"""Cursors drawn at random in real files. Those of one window share most of their text, as a typist's do."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.corpus import Corpus, SourceFile
from byte_lsp.tokens.tokenizer import Tokenizer

STRETCH_BYTES = 400
LONGEST_LINE_BYTES = 200
_FRUITLESS_PASSES = 8  # over all files, before there is no more room


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor that stands before something: ``rest`` is the rest of its line and not blank.

    ``text`` is the whole window's, the file from ``start`` on; the cursor is at ``offset`` in it. ``window``
    numbers the windows from 0.
    """

    window: int
    file: Path
    language: str
    start: int
    text: bytes
    offset: int

    @property
    def prefix(self) -> bytes:
        return self.text[: self.offset]

    @property
    def rest(self) -> bytes:
        end = self.text.find(b"\n", self.offset)
        return self.text[self.offset : end if end >= 0 else None]


@dataclass(frozen=True, slots=True)
class Unspellable:
    """Cursors left out because a vocabulary has no tokens for some bytes of their window's text."""

    windows: int
    cursors: int


@dataclass(frozen=True, slots=True)
class Shape:
    """What windows look like: bytes before the first cursor, about and at least, and cursors in one."""

    context_bytes: int = 1024
    fewest_bytes: int = 1
    cursors: int = 8


def draw_cursors(corpus: Corpus, count: int, seed: int, shape: Shape = Shape()) -> list[Cursor]:
    """``count`` cursors, one window after another, ascending inside a window.

    A file is returned to only when all have been drawn from. A prefix begins at a line start. Errors:
    ``EvaluationError`` if the files do not have that many places.
    """
    cursors: list[Cursor] = []
    for number, (source, start, offsets) in enumerate(_windows(corpus, random.Random(seed), shape)):
        text = source.text[start:]
        cursors += [Cursor(number, source.path, source.language, start, text, at) for at in offsets]
        if len(cursors) >= count:
            return cursors[:count]
    raise EvaluationError(
        f"the source files have room for {len(cursors)} cursors, not {count}; "
        "give more folders or ask for fewer"
    )


def token_boundaries(tokenizer: Tokenizer, text: bytes) -> frozenset[int] | None:
    """The offsets at which a token of ``encode(text)`` begins or ends; None if no tokens spell the text."""
    tokens = tokenizer.encode(text)
    ends = list(accumulate((len(tokenizer.pieces[token]) for token in tokens), initial=0))
    return frozenset(ends) if ends[-1] == len(text) else None


def _windows(
    corpus: Corpus, generator: random.Random, shape: Shape
) -> Iterator[tuple[SourceFile, int, list[int]]]:
    """Windows in the files: where each begins, and its cursors' offsets in it. No place comes twice."""
    used: set[tuple[Path, int]] = set()
    fruitless = 0
    while fruitless < _FRUITLESS_PASSES:
        fruitless += 1
        for source in corpus.files():
            start, offsets = _draw_window(source.text, generator, shape)
            fresh = [at for at in offsets if (source.path, start + at) not in used]
            if fresh:
                used.update((source.path, start + at) for at in fresh)
                fruitless = 0
                yield source, start, fresh


def _draw_window(text: bytes, generator: random.Random, shape: Shape) -> tuple[int, list[int]]:
    """Where a window begins in ``text``, and the cursors in it; none where no line is fit."""
    stretch = _line_start(text, generator.randrange(len(text)))
    start = text.find(b"\n", stretch - shape.context_bytes) + 1 if stretch > shape.context_bytes else 0
    if max(map(len, text[start:stretch].split(b"\n"))) > LONGEST_LINE_BYTES:
        return start, []
    places = _places(text, stretch, min(len(text), stretch + STRETCH_BYTES))
    fit = [at - start for at in places if at - start >= shape.fewest_bytes]
    return start, sorted(generator.sample(fit, min(len(fit), shape.cursors)))


def _places(text: bytes, start: int, end: int) -> Iterator[int]:
    """Offsets after which something is left on the line, in the lines that begin between two offsets.

    A line too long for people to write is not passed.
    """
    while start < end:
        line_end = text.find(b"\n", start)
        line_end = line_end if line_end >= 0 else len(text)
        if line_end - start > LONGEST_LINE_BYTES:
            return
        yield from range(start, start + len(text[start:line_end].rstrip()))
        start = line_end + 1


def _line_start(text: bytes, offset: int) -> int:
    return text.rfind(b"\n", 0, offset) + 1
