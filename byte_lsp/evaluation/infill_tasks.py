"""Holes to fill: what stands before and behind each, and what was there.

Those of a dataset have tests (``humaneval``); those of a folder are drawn at random in its files. A line is a
whole line without its line end. A block is what is indented deeper than the line above it, from where an
editor leaves the cursor after that line. A span begins and ends anywhere. No hole is blank.
"""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.corpus import Corpus, SourceFile
from byte_lsp.infill.window import prefix_window, suffix_window

Kind = Literal["span", "line", "block"]

KINDS: tuple[Kind, ...] = get_args(Kind)
PREFIX_BYTES = 2048
SUFFIX_BYTES = 1024
LONGEST = {"span": 160, "line": 160, "block": 800}
"""Characters of the longest hole of a kind."""

_FRUITLESS_PASSES = 8  # over all files, before there is no more room
_TRIES = 20  # in one file
_LANGUAGE_IDS = {"C#": "csharp", "C++": "cpp", "Emacs Lisp": "emacs-lisp", "Shell": "shellscript"}


@dataclass(frozen=True, slots=True)
class Suite:
    """Python that defines ``check(candidate)``, and the name in the program that it is called with."""

    entry_point: str
    code: str


@dataclass(frozen=True, slots=True)
class Task:
    """One hole: ``prefix + truth + suffix`` is what was there, valid UTF-8, line ends as line feeds.

    ``dataset`` is the table that it belongs to, ``name`` its own in there, ``cluster`` what it shares with
    tasks that are not independent of it: the problem or the file. ``language`` is an editor's language id.
    ``suffix_goes_on`` says that the file does not end with the suffix.
    """

    dataset: str
    name: str
    cluster: str
    language: str
    kind: Kind
    prefix: bytes
    suffix: bytes
    truth: bytes
    suffix_goes_on: bool = False
    tests: Suite | None = None

    @property
    def full_name(self) -> str:
        """The only one of that name in any dataset."""
        return f"{self.dataset}: {self.name}"

    @property
    def digest(self) -> str:
        """Equal for tasks that ask the same of a model."""
        asked = (self.kind, self.language, self.prefix, self.suffix, self.truth, self.suffix_goes_on)
        # Since models that fill in are told that a file ends there, they are asked something else.
        told = ("whole",) if not self.suffix_goes_on and not self.suffix.strip() else ()
        return hashlib.blake2b(repr((*asked, *told)).encode(), digest_size=8).hexdigest()


def draw_holes(folders: Sequence[Path], kinds: Sequence[Kind], count: int, seed: int) -> list[Task]:
    """``count`` holes of each kind in the files under ``folders``, none twice.

    A file is returned to only when all have been drawn from. Errors: ``EvaluationError`` for folders that
    cannot be used, and if the files do not have that many holes.
    """
    corpus = Corpus(folders, seed)
    return [task for kind in kinds for task in _draw_kind(corpus, kind, count, seed)]


def sample_tasks(tasks: Sequence[Task], count: int, seed: int) -> list[Task]:
    """At most ``count`` of the tasks of each dataset, drawn at random, in the order they have."""
    kept: set[int] = set()
    for dataset in dict.fromkeys(task.dataset for task in tasks):
        places = [at for at, task in enumerate(tasks) if task.dataset == dataset]
        kept.update(random.Random(f"{seed} {dataset}").sample(places, min(count, len(places))))
    return [tasks[at] for at in sorted(kept)]


def language_id(language: str) -> str:
    """An editor's id of a language that ``corpus`` names."""
    return _LANGUAGE_IDS.get(language, language.lower())


def _draw_kind(corpus: Corpus, kind: Kind, count: int, seed: int) -> list[Task]:
    generator = random.Random(f"{seed} {kind}")
    drawn: dict[str, Task] = {}
    fruitless = 0
    while fruitless < _FRUITLESS_PASSES:
        fruitless += 1
        for source in corpus.files():
            task = _draw_one(source, kind, generator)
            if task is not None and task.name not in drawn:
                fruitless = 0
                drawn[task.name] = task
            if len(drawn) == count:
                return list(drawn.values())
    raise EvaluationError(
        f"the source files have room for {len(drawn)} holes of the kind {kind}, not {count}; "
        "give more folders or ask for fewer"
    )


def _draw_one(source: SourceFile, kind: Kind, generator: random.Random) -> Task | None:
    """A hole in a file, or None if it is not UTF-8 or no place was fit."""
    try:
        text = source.text.decode()
    except UnicodeDecodeError:
        return None
    for _ in range(_TRIES):
        start, end = _DRAWS[kind](text, generator)
        if text[start:end].strip() and end - start <= LONGEST[kind]:
            return _cut(source, kind, len(text[:start].encode()), len(text[:end].encode()))
    return None


def _cut(source: SourceFile, kind: Kind, start: int, end: int) -> Task:
    """The task that the bytes from ``start`` to ``end`` of a file make."""
    suffix = suffix_window(source.text, end, SUFFIX_BYTES)
    line = source.text.count(b"\n", 0, start) + 1
    return Task(
        dataset=f"files, {kind}s",
        name=f"{source.path}:{line}, bytes {start} to {end}",
        cluster=str(source.path),
        language=language_id(source.language),
        kind=kind,
        prefix=prefix_window(source.text, start, PREFIX_BYTES),
        suffix=suffix,
        truth=source.text[start:end],
        suffix_goes_on=end + len(suffix) < len(source.text),
    )


def _draw_span(text: str, generator: random.Random) -> tuple[int, int]:
    start = generator.randrange(len(text))
    return start, min(len(text), start + generator.randint(1, LONGEST["span"]))


def _draw_line(text: str, generator: random.Random) -> tuple[int, int]:
    at = generator.randrange(len(text))
    return text.rfind("\n", 0, at) + 1, _line_end(text, at)


def _draw_block(text: str, generator: random.Random) -> tuple[int, int]:
    """The block below a line drawn at random, empty if it has none."""
    header, header_end = _draw_line(text, generator)
    first = header_end + 1
    indentation = _indentation(text, first)
    outside = _indentation(text, header)
    start = end = first + len(indentation)
    if not text[header:header_end].strip() or not _is_deeper(indentation, outside):
        return start, start
    line = first
    while line < len(text):
        line_end = _line_end(text, line)
        if text[line:line_end].strip():
            if not _is_deeper(_indentation(text, line), outside):
                break
            end = line_end
        line = line_end + 1
    return start, end


def _is_deeper(indentation: str, outside: str) -> bool:
    return len(indentation) > len(outside) and indentation.startswith(outside)


def _indentation(text: str, line: int) -> str:
    """The blanks that the line beginning at ``line`` begins with."""
    content = text[line : _line_end(text, line)]
    return content[: len(content) - len(content.lstrip())]


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return end if end >= 0 else len(text)


_DRAWS: dict[Kind, Callable[[str, random.Random], tuple[int, int]]] = {
    "span": _draw_span,
    "line": _draw_line,
    "block": _draw_block,
}
