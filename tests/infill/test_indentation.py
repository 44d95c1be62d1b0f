"""A file's unit of indentation, and suggestions brought to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.indentation import Unit, columns, find_unit, indent

TABS, TWO, FOUR = Unit(0), Unit(2), Unit(4)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        (b"def f():\n    if x:\n        y\n", FOUR),
        (b"if (x) {\n  if (y) {\n    z();\n  }\n}\n", TWO),
        (b"func f() {\n\tif x {\n\t\ty()\n\t}\n}\n", TABS),
        (b"/**\n * a\n * b\n */\nx\n", None),
        (b"a\nb\n", None),
        (b"", None),
        (b"a\n  b\n    c\n\td\n\te\n", None),
        (b"f(a,\n  b)\nx\n    def g:\n        h\n            i\n", FOUR),
    ],
)
def test_the_unit_of_a_file(text: bytes, unit: Unit | None) -> None:
    assert find_unit(text.split(b"\n")) == unit


@pytest.mark.parametrize(
    ("line", "tab", "column"),
    [(b"  x", 8, 2), (b"\tx", 8, 8), (b"  \tx", 8, 8), (b"\t  x", 4, 6), (b"x", 8, 0), (b"   ", 8, 3)],
)
def test_columns(line: bytes, tab: int, column: int) -> None:
    assert columns(line, tab) == column


@pytest.mark.parametrize(
    ("text", "unit", "converted"),
    [
        (b"if x {\n    y()\n        z()\n}", TABS, b"if x {\n\ty()\n\t\tz()\n}"),
        (b"a,\n     b", TABS, b"a,\n\t b"),
        (b"if x {\n\ty()\n}", TABS, b"if x {\n\ty()\n}"),
        (b"if x:\n\ty\n\t\tz", FOUR, b"if x:\n    y\n        z"),
        (b"\n  if (x) {\n      y();\n  }", TWO, b"\n  if (x) {\n    y();\n  }"),
        (b"\n  f(a,\n      b)", TWO, b"\n  f(a,\n      b)"),
        (b"\n  if (x) {\n    y();\n  }", TWO, b"\n  if (x) {\n    y();\n  }"),
        (b"\n  a {\n      b(\n        c)\n  }", TWO, b"\n  a {\n      b(\n        c)\n  }"),
        (b"    x\n", TABS, b"    x\n"),
        (b"x\n\ty", None, b"x\n\ty"),
        (b"x\n    \n    y", TABS, b"x\n    \n\ty"),
    ],
)
def test_lines_are_brought_to_the_files_unit(text: bytes, unit: Unit | None, converted: bytes) -> None:
    assert indent(text, unit) == converted


def test_the_first_line_is_indented_where_it_is_a_whole_one() -> None:
    assert indent(b"    x {\n        y\n", TABS, whole=True) == b"\tx {\n\t\ty\n"
    assert indent(b"    x {\n        y\n", TABS) == b"    x {\n\t\ty\n"


@given(
    st.text(" \t\nab{:", max_size=60).map(str.encode),
    st.sampled_from([TABS, TWO, FOUR, Unit(8), None]),
    st.booleans(),
)
def test_indenting_changes_blanks_only_and_once(text: bytes, unit: Unit | None, whole: bool) -> None:
    once = indent(text, unit, whole=whole)
    assert indent(once, unit, whole=whole) == once
    assert [line.lstrip() for line in once.split(b"\n")] == [line.lstrip() for line in text.split(b"\n")]
    if not whole:
        assert once.split(b"\n")[0] == text.split(b"\n")[0]
