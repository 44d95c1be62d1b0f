"""A definition taken out of its file, in languages of every form."""

import random
from collections import Counter
from textwrap import dedent

import pytest

from byte_lsp.training.documents import Document
from byte_lsp.training.excerpts import FEWEST_LINES, MOST_LINES, draw_excerpt

PYTHON = '''
"""A module."""
import os

LIMIT = 3


@cache
def area(
    width: int,
    height: int,
) -> int:
    """The area of a rectangle."""
    if width < 0:
        raise ValueError(width)

    return width * height


# Not a part of it.
class Shelf:
    """Things in a row."""

    def count(self) -> int:
        """How many there are."""
        total = 0
        for each in self.things:
            total += each
        return total
'''

C = """
#include <stdio.h>

static int last;

/* Adds two numbers,
 * carefully. */
static int
add(int a, int b)
{
	if (a > LIMIT) {
		return LIMIT;
	}
#ifdef DEBUG
	printf("%d\\n", a);
#endif
out:
	return a + b;
}

int other;
"""

TYPESCRIPT = """
import { a } from "b";

export class Box {
  private size = 1;

  /** Grows the box. */
  grow(by: number): void {
    if (by > 0) {
      this.size += by;
    }
  }
}

const table = compute(
  1,
  2,
  3,
);
"""

SHELL = """
set -e

# Say it.
greet() {
    local name=$1
    if [ -n "$name" ]; then
        echo "$name"
    fi
}

greet world
"""


def excerpts(language: str, text: str) -> Counter[str]:
    """What 200 draws gave."""
    document = Document("package", "path", language, text.lstrip("\n").encode())
    found = (draw_excerpt(document, random.Random(seed)) for seed in range(200))
    return Counter(each.text.decode() for each in found if each)


def between(text: str, first: str, last: str) -> str:
    start = text.index(first)
    return dedent(text[start : text.index(last, start) + len(last)]) + "\n"


def test_python() -> None:
    found = excerpts("python", PYTHON)
    assert set(found) == {
        between(PYTHON, "@cache", "return width * height"),
        between(PYTHON, "# Not a part", "return total"),
    }


def test_c_with_a_label_and_a_directive_at_the_margin() -> None:
    assert set(excerpts("c", C)) == {between(C, "/* Adds", "return a + b;\n}")}


def test_typescript_without_a_call_that_defines_nothing() -> None:
    assert set(excerpts("typescript", TYPESCRIPT)) == {between(TYPESCRIPT, "export class", "\n}")}


def test_shell() -> None:
    assert set(excerpts("shellscript", SHELL)) == {between(SHELL, "# Say it.", "fi\n}")}


def test_a_method_of_a_class_that_is_too_long_stands_alone() -> None:
    fields = "".join(f"    field_{index} = {index}\n" for index in range(MOST_LINES))
    text = PYTHON.replace('    """Things in a row."""\n', fields)
    method = dedent(text[text.index("    def count") :])
    assert method in excerpts("python", text)
    assert not any("field_" in each for each in excerpts("python", text))


def test_what_is_not_documented_comes_less_often() -> None:
    plain = PYTHON.replace('    """The area of a rectangle."""\n', "").replace("@cache\n", "")
    often, rarely = excerpts("python", PYTHON), excerpts("python", plain)
    assert next(n for text, n in rarely.items() if "area" in text) < 0.7 * next(
        n for text, n in often.items() if "area" in text
    )


def test_python_that_needs_names_from_elsewhere_comes_less_often() -> None:
    method = PYTHON[PYTHON.index("# Not a part") :]
    needy = method.replace("total = 0", "total = START + self.first(FEWEST)")
    often, rarely = excerpts("python", method), excerpts("python", needy)
    assert often.total() == 200
    assert 150 < rarely.total() < 199, "each draw tries twenty times"
    assert excerpts("c", C).total() == 200


def test_spans_mostly_begin_in_code_and_not_in_docstrings() -> None:
    document = Document("package", "path", "python", PYTHON.lstrip("\n").encode())
    found = [each for seed in range(200) if (each := draw_excerpt(document, random.Random(seed)))]
    spared = [each for each in found if each.prose]
    assert 0.7 < len(spared) / len(found) < 0.9
    for each in spared:
        lines = each.text.split(b"\n")
        assert {index for index, line in enumerate(lines) if b'"""' in line} == each.prose
        assert not each.prose & set(each.lines.usable)
        assert len(each.lines.usable) > 3


@pytest.mark.parametrize(
    "text", ["", "x = 1\n", "def f():\n    pass\n", "if x:\n    a\n    b\n    c\n    d\n"]
)
def test_nothing_to_take(text: str) -> None:
    assert excerpts("python", text) == {}


def test_real_files_keep_to_the_limits(documents: list[Document]) -> None:
    rng = random.Random(2)
    drawn = [draw_excerpt(rng.choice(documents), rng) for _ in range(300)]
    found = [each for each in drawn if each]
    assert len(found) > 200
    for each in found:
        assert FEWEST_LINES <= each.text.count(b"\n") <= MOST_LINES
        assert not each.text.startswith((b" ", b"\n"))
        compile(each.text, each.path, "exec")
