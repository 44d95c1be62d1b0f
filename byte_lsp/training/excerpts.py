"""One definition as a text of its own: what people write in scripts, exercises and new files.

A model that only ever fills in the middle of long library files forgets how a short text goes that says what
it wants and then does it. An excerpt is such a text: a function, a method or a small class with the comments
above it, indented as if it stood alone. It is found by indentation, in every language alike.
"""

import random
import re
from dataclasses import dataclass

from byte_lsp.training.documents import Document
from byte_lsp.training.python_names import docstring_lines, foreign_names
from byte_lsp.training.spans import Lines

FEWEST_LINES, MOST_LINES = 4, 60

_UNDOCUMENTED = 0.4  # the share that is kept: what has a comment says what it is for
_FOREIGN = 0.15  # the share that is kept of Python that uses more than one name from elsewhere
_PROSE = 0.2  # the share in which docstrings are filled in like code
_MOST_TRIES = 20
_MOST_LINES_ABOVE = 30
_MOST_LINES_OF_HEAD = 8
_CONTROL = (
    rb"if|elif|else|for|while|until|do|switch|case|select|match|loop|try|except|catch|finally|with|return"
)
_DEFINES = re.compile(
    rb"(?!(?:\}\s*)?(?:" + _CONTROL + rb")\b)"
    rb"(?:.*\b(?:class|function|func|fn|impl|interface|struct|enum|trait)\b|[^=;]*\w\s*\(|.*=>\s*\{)"
)
_DEFINES_IN_PYTHON = re.compile(rb"(?:async\s+)?(?:def|class)\b")
_LABEL = re.compile(rb"#|\w+:$")
_CLOSES = re.compile(rb"[)\]}]")
_ENDS_ANOTHER = (b";", b"}", b"{", b":", b",", b"*/")
_COMMENTS = (b"#", b"//", b"/*", b"*", b"@")
_DOCSTRING = re.compile(rb"[rbuRBU]*(?:\"\"\"|''')")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines ``first`` up to ``last``, that one included; the definition itself begins in line ``head``."""

    first: int
    head: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def draw_excerpt(document: Document, rng: random.Random) -> Document | None:
    """A definition of ``document`` without what surrounds it, None where twenty tries found none."""
    lines = document.lines
    if not lines.usable:
        return None
    for _ in range(_MOST_TRIES):
        in_python = document.language == "python"
        heads = _heads(lines, rng.choice(lines.usable), _DEFINES_IN_PYTHON if in_python else _DEFINES)
        blocks = [_block(lines, head, in_python) for head in heads]
        fitting = [
            block
            for block in blocks
            if FEWEST_LINES <= len(block) <= MOST_LINES
            and (in_python or lines.content(block.last).startswith(b"}"))
        ]
        if not fitting:
            continue
        block = max(fitting, key=len)
        if not _is_documented(lines, block) and rng.random() >= _UNDOCUMENTED:
            continue
        text = _text(lines, block)
        if in_python and rng.random() >= _FOREIGN and not _is_at_home(text):
            continue
        prose = docstring_lines(text) if in_python and rng.random() >= _PROSE else frozenset[int]()
        return Document(document.package, document.path, document.language, text, prose)
    return None


def _heads(lines: Lines, index: int, defines: re.Pattern[bytes]) -> list[int]:
    """The lines at or above ``index`` that begin a definition it belongs to."""
    heads = []
    depth = lines.depth(index) + 1
    for above in range(index, -1, -1):
        content = lines.content(above)
        if not content or lines.depth(above) >= depth or _CLOSES.match(content):
            continue
        if content == b"{" or content.startswith(_COMMENTS):
            continue
        depth = lines.depth(above)
        if defines.match(content):
            heads.append(above)
        if depth == 0:
            break
    return heads


def _block(lines: Lines, head: int, in_python: bool) -> _Block:
    depth, last = lines.depth(head), head
    for below in range(head + 1, len(lines)):
        content = lines.content(below)
        if not content:
            continue
        if lines.depth(below) <= depth and not _belongs(content, lines.depth(below) == depth, in_python):
            break
        last = below
        if lines.depth(below) == depth and content.startswith(b"}"):
            break
    return _Block(_first_above(lines, head), head, last)


def _belongs(content: bytes, same_depth: bool, in_python: bool) -> bool:
    """Is a line that is not indented further still part of the block: a bracket, a label, ``#if``?"""
    if not in_python and _LABEL.match(content):
        return True
    return same_depth and (bool(_CLOSES.match(content)) or content == b"{")


def _first_above(lines: Lines, head: int) -> int:
    """Comments, decorators and the return type above a definition belong to it."""
    depth, first = lines.depth(head), head
    for above in range(head - 1, max(head - _MOST_LINES_ABOVE, 0) - 1, -1):
        content = lines.content(above)
        if not content or lines.depth(above) not in (depth, depth + 1):
            break
        if not content.startswith(_COMMENTS) and (
            lines.depth(above) != depth or content.endswith(_ENDS_ANOTHER) or _CLOSES.match(content)
        ):
            break
        first = above
    return first


def _is_documented(lines: Lines, block: _Block) -> bool:
    if lines.content(block.first).startswith(_COMMENTS[:-1]):
        return True
    below = range(block.head + 1, min(block.head + _MOST_LINES_OF_HEAD, block.last) + 1)
    return any(_DOCSTRING.match(lines.content(index)) for index in below)


def _is_at_home(text: bytes) -> bool:
    """Does a reader of this text alone know what nearly all of its names stand for?"""
    foreign = foreign_names(text)
    return foreign is not None and len(foreign) <= 1


def _text(lines: Lines, block: _Block) -> bytes:
    margin = lines.text[lines.starts[block.head] : lines.indented_start(block.head)]
    found = (lines.line(index) for index in range(block.first, block.last + 1))
    text = b"".join(line.removeprefix(margin) if line.strip() else b"\n" for line in found)
    return text.rstrip(b"\n") + b"\n"
