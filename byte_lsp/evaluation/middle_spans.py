"""Middles to be read: true pieces of files, with what stands before and behind each.

In a file one line is drawn at random, and one middle of every kind begins in it: so they share most of their
prefix. ``line`` is the whole line, ``rest`` what is left of it from a cursor on, ``inside`` characters of it
with text on both sides, ``span`` characters from a cursor on, in one line or several, and ``block`` several
whole lines. No middle is blank.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.corpus import Corpus, SourceFile
from byte_lsp.evaluation.infill_tasks import Task, language_id
from byte_lsp.infill.window import next_character, prefix_window, suffix_window

MiddleKind = Literal["line", "rest", "inside", "span", "block"]

MIDDLE_KINDS: tuple[MiddleKind, ...] = get_args(MiddleKind)
ONWARD_BYTES = 256
"""How much of the file from the cursor on is read from left to right."""

LONGEST_LINE = 160
LONGEST_SPAN = 160
LONGEST_BLOCK = 800
MOST_LINES = 8
_FRUITLESS_PASSES = 8  # over all files, before there is no more room
_TRIES = 20  # in one file


@dataclass(frozen=True, slots=True)
class Window:
    """How many bytes before and behind a middle a model sees, at most."""

    prefix_bytes: int = 1024
    suffix_bytes: int = 512


@dataclass(frozen=True, slots=True)
class Middle:
    """``prefix + truth + suffix`` is what was there, valid UTF-8, line ends as line feeds.

    ``source`` is the group it is counted in: a language's id, or a dataset. ``name`` is its own in there,
    ``cluster`` the file or problem. ``suffix_goes_on`` says that the file does not end with the suffix.
    """

    source: str
    name: str
    cluster: str
    language: str
    kind: MiddleKind
    prefix: bytes
    suffix: bytes
    truth: bytes
    suffix_goes_on: bool = False

    @property
    def is_in_one_line(self) -> bool:
        return b"\n" not in self.truth

    @property
    def onward(self) -> bytes:
        """The file from the cursor on, as far as it is read from left to right."""
        text = self.truth + self.suffix
        return text[: next_character(text, min(ONWARD_BYTES, len(text)))]

    @property
    def digest(self) -> str:
        """Equal for middles that ask the same of a model."""
        asked = (self.language, self.prefix, self.suffix, self.truth, self.suffix_goes_on)
        # Since models that fill in are told that a file ends there, they are asked something else.
        told = ("whole",) if not self.suffix_goes_on and not self.suffix.strip() else ()
        return hashlib.blake2b(repr((*asked, *told)).encode(), digest_size=8).hexdigest()


def draw_middles(folders: Sequence[Path], count: int, seed: int, window: Window) -> list[Middle]:
    """``count`` middles of every language in the files under ``folders``, or as many as there are.

    None comes twice, and a file is returned to only when all of its language have been drawn from. Errors:
    ``EvaluationError`` for folders that cannot be used, and if there is no middle at all.
    """
    corpus = Corpus(folders, seed)
    generators = {language: random.Random(f"{seed} {language}") for language in corpus.languages}
    drawn: dict[str, Middle] = {}
    counts: Counter[str] = Counter()
    for _ in range(_FRUITLESS_PASSES):
        for source in corpus.files():
            if counts[source.language] >= count:
                continue
            for middle in _draw_at_one_place(source, generators[source.language], window):
                if middle.name not in drawn and counts[source.language] < count:
                    drawn[middle.name] = middle
                    counts[source.language] += 1
        if all(counts[language] >= count for language in corpus.languages):
            break
    if not drawn:
        raise EvaluationError("the source files have no line to read; give folders with longer files")
    return sorted(drawn.values(), key=lambda middle: middle.source)


def take_middles(tasks: Iterable[Task]) -> list[Middle]:
    """The holes of a dataset, with what was there."""
    return [
        Middle(
            task.dataset,
            task.name,
            task.cluster,
            task.language,
            task.kind,
            task.prefix,
            task.suffix,
            task.truth,
            task.suffix_goes_on,
        )
        for task in tasks
    ]


def _draw_at_one_place(source: SourceFile, generator: random.Random, window: Window) -> Iterator[Middle]:
    """One middle of every kind that begins in a line drawn at random; none if the file has no such line."""
    try:
        text = source.text.decode()
    except UnicodeDecodeError:
        return
    for _ in range(_TRIES):
        at = generator.randrange(len(text))
        start, end = text.rfind("\n", 0, at) + 1, _line_end(text, at)
        if text[start:end].strip() and end - start <= LONGEST_LINE:
            break
    else:
        return
    for kind in MIDDLE_KINDS:
        first, last = _DRAWS[kind](text, start, end, generator)
        if text[first:last].strip():
            yield _cut(source, kind, len(text[:first].encode()), len(text[:last].encode()), window)


def _cut(source: SourceFile, kind: MiddleKind, start: int, end: int, window: Window) -> Middle:
    """The middle that the bytes from ``start`` to ``end`` of a file are."""
    suffix = suffix_window(source.text, end, window.suffix_bytes)
    line = source.text.count(b"\n", 0, start) + 1
    language = language_id(source.language)
    return Middle(
        source=language,
        name=f"{source.path}:{line}, bytes {start} to {end}",
        cluster=str(source.path),
        language=language,
        kind=kind,
        prefix=prefix_window(source.text, start, window.prefix_bytes),
        suffix=suffix,
        truth=source.text[start:end],
        suffix_goes_on=end + len(suffix) < len(source.text),
    )


def _draw_line(text: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    return start, end


def _draw_rest(text: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    first, last = _content(text, start, end)
    return generator.randrange(first, last), end


def _draw_inside(text: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    """Characters with more of the line on both sides; none where it has too few."""
    first, last = _content(text, start, end)
    if last - first < 3:
        return first, first
    begin = generator.randrange(first + 1, last - 1)
    return begin, generator.randrange(begin + 1, last)


def _draw_span(text: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    begin = generator.randrange(start, end)
    return begin, min(len(text), begin + generator.randint(1, LONGEST_SPAN))


def _draw_block(text: str, start: int, end: int, generator: random.Random) -> tuple[int, int]:
    """Two lines or more that end with one that is not blank; none where the file ends before."""
    last = end
    for _ in range(generator.randint(2, MOST_LINES) - 1):
        following = _line_end(text, min(last + 1, len(text)))
        if following - start > LONGEST_BLOCK:
            break
        last = following
    last = start + len(text[start:last].rstrip())
    last = _line_end(text, last)
    return (start, last) if last > end else (start, start)


def _content(text: str, start: int, end: int) -> tuple[int, int]:
    """Where the line begins and ends but for blanks."""
    line = text[start:end]
    return start + len(line) - len(line.lstrip()), start + len(line.rstrip())


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


_DRAWS: dict[MiddleKind, Callable[[str, int, int, random.Random], tuple[int, int]]] = {
    "line": _draw_line,
    "rest": _draw_rest,
    "inside": _draw_inside,
    "span": _draw_span,
    "block": _draw_block,
}
