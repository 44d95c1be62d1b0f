"""Problems and suggestions at a cursor in a text."""

from byte_lsp.cli_cursor import Cursor
from byte_lsp.infill.problem import Candidate, InfillResult


def test_a_problem_has_the_text_around_the_cursor_with_line_feeds() -> None:
    problem = Cursor(b"a = 1\r\nb = 2\r\n", 8).pose(max_lines=3)
    assert (problem.prefix, problem.suffix, problem.max_lines) == (b"a = 1\nb", b" = 2\n", 3)


def test_a_problem_says_whether_the_file_goes_on() -> None:
    assert not Cursor(b"a\nb\n", 1).pose().suffix_goes_on
    assert Cursor(b"a\n" * 5000, 1).pose().suffix_goes_on


def test_suggestions_are_shown_as_they_would_be_inserted() -> None:
    texts = (b"x(y):\n  z", b"x", b"caf\xc3")
    result = InfillResult(tuple(Candidate(text, -1.0, "max_bytes", 1) for text in texts), 1.0, 1)
    shown = Cursor(b"def f():\r\n", 6).read(result)
    assert list(shown) == ["x(y):\r\n  z", "x", "caf\ufffd"]
    assert shown["x"].text == b"x"
