"""Fifty cursors behind text that editors and servers count differently.

Bytes, code points, UTF-16 units, cells on the screen and what a person calls a character all differ here.
Each case is a line with a cursor inside the identifier ``self.ite|ms``; ``document`` puts the line into a
file, ``accepted`` says what that file is after a suggestion was accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEAD = '''\
class Stack:
    """A stack of items."""

    def __init__(self):
        self.items = []

    def push(self, item):
'''

TAIL = """
    def pop(self):
        return self.items.pop()
"""

SCRIPTS = (
    ("latin", "naïve café"),
    ("emoji", "😀"),
    ("emoji family, joined", "👩\u200d👩\u200d👧"),
    ("emoji with a skin tone", "👍🏽"),
    ("emoji with a variation selector", "❤\ufe0f"),
    ("keycap", "1\ufe0f\u20e3"),
    ("flag", "🇨🇭"),
    ("several emoji", "🎉 🚀🚀 🐍"),
    ("japanese", "日本語のテキスト"),
    ("chinese", "数据结构"),
    ("korean", "한국어"),
    ("korean, decomposed", "\u1112\u1161\u11ab"),
    ("full width", "ＡＢＣ１２３"),
    ("half width katakana", "ｶﾀｶﾅ"),
    ("ideographs beyond the first plane", "𠮷野家𩸽"),
    ("mathematical letters", "𝒳 ∈ ℝⁿ"),
    ("combining accents", "e\u0301a\u0308o\u0302"),
    ("many combining marks", "Z\u0351\u036b\u0343a\u0329\u034e\u0318"),
    ("devanagari", "नमस्ते"),
    ("thai", "สวัสดี"),
    ("arabic", "مرحبا"),
    ("hebrew with points", "שָׁלוֹם"),
    ("tabs", "\tone\ttwo\t"),
    ("zero width and no-break space", "a\u200bb\u00a0c"),
    ("all together", "\té\u0301日👩\u200d🚀𠮷"),
)
"""What stands before the cursor: a name and the text."""


@dataclass(frozen=True, slots=True)
class Case:
    """A line and a cursor in it: the text before and the text behind."""

    name: str
    before: str
    after: str


def _at_line_end(name: str, text: str) -> Case:
    return Case(f"{name}, at the end of the line", f'        name = "{text}"; self.ite', "")


def _within_line(name: str, text: str) -> Case:
    return Case(f"{name}, within the line", f'        self.log("{text}", self.ite', f")  # {text}")


CASES: tuple[Case, ...] = tuple(make(*script) for script in SCRIPTS for make in (_at_line_end, _within_line))


def document(case: Case) -> tuple[str, int, int]:
    """The whole file, and the cursor's row and column, both from 0, the column in code points."""
    return f"{HEAD}{case.before}{case.after}\n{TAIL}", HEAD.count("\n"), len(case.before)


def accepted(case: Case, item: Mapping[str, Any], encoding: str = "utf-16") -> str:
    """The whole file after an LSP inline completion ``item`` was accepted.

    ``encoding`` is the session's position encoding: ``utf-8``, ``utf-16`` or ``utf-32``.
    """
    text, row, column = document(case)
    lines = text.split("\n")
    line = lines[row]
    start = end = column
    if "range" in item:
        places = item["range"]["start"], item["range"]["end"]
        if any(place["line"] != row for place in places):
            raise ValueError(f"{item} reaches beyond line {row}")
        start, end = (_code_points(line, place["character"], encoding) for place in places)
    lines[row] = line[:start] + item["insertText"] + line[end:]
    return "\n".join(lines)


def _code_points(line: str, character: int, encoding: str) -> int:
    """So many units of ``encoding`` as code points. Errors: ``ValueError`` inside a code point."""
    codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    units = line.encode(codec)
    if character * size > len(units):
        raise ValueError(f"{character} is behind the end of {line!r}")
    return len(units[: character * size].decode(codec))
