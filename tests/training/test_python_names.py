"""Names that come from elsewhere, in Python."""

import pytest

from byte_lsp.training.python_names import docstring_lines, foreign_names


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("def f(a, *b, c=1, **d):\n    e = len(b)\n    return a, b, c, d, e, f\n", set()),
        ("def f(a):\n    return helper(a) + LIMIT\n", {"helper", "LIMIT"}),
        ("def f():\n    import os as o\n    from a.b import c\n    return o, c, np, math, List\n", set()),
        ("def f():\n    import a.b\n    return a\n", set()),
        ("def f(x):\n    return [y for y in x if (z := y)] + z\n", set()),
        ("try:\n    pass\nexcept OSError as error:\n    print(error)\n", set()),
        ("match x:\n    case [first, *_] as whole:\n        print(first, whole)\n", {"x"}),
        ("def f(self):\n    self.a = 1\n    return self.a + self.b\n", {".b"}),
        ("class C:\n    a = 1\n    def b(self):\n        return self.a, self.b, cls.c\n", {"cls", ".c"}),
        ("@decorated\ndef f(x: Shape) -> None: ...\n", {"decorated", "Shape"}),
    ],
)
def test_foreign_names(text: str, foreign: set[str]) -> None:
    assert foreign_names(text.encode()) == foreign


@pytest.mark.parametrize("text", ["def f(:\n", "x = 1\0\n", "(" * 5000])
def test_what_python_cannot_parse(text: str) -> None:
    assert foreign_names(text.encode()) is None
    assert docstring_lines(text.encode()) == frozenset()


def test_docstrings() -> None:
    text = 'def f():\n    """One\n\n    two."""\n    x = """no\n    docstring"""\n    "one more"\n    ...\n'
    assert docstring_lines(text.encode()) == {1, 2, 3, 6}
