"""When a growing suggestion is finished, and what of it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.problem import InfillProblem, StopReason
from byte_lsp.infill.stopping import Limits, Stopped, Stopping


@pytest.mark.parametrize(
    ("limits", "text", "expected"),
    [
        (Limits(10), b"abc", None),
        (Limits(10), b"", None),
        (Limits(3), b"abc", Stopped(b"abc", "max_bytes")),
        (Limits(3), b"abcdef", Stopped(b"abc", "max_bytes")),
        (Limits(10, 1), b"abc\n", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"abc\nde", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"abc\r\nde", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"\n  \n", None),
        (Limits(10, 1), b"\n  ab", None),
        (Limits(10, 1), b"\n  ab\n", Stopped(b"\n  ab", "max_lines")),
        (Limits(10, 2), b"ab\n\ncd", None),
        (Limits(10, 2), b"ab\n\ncd\n", Stopped(b"ab\n\ncd", "max_lines")),
        (Limits(10, 0), b"a\nb\nc\n", None),
        (Limits(3, 1), b"abcd\n", Stopped(b"abc", "max_bytes")),
        (Limits(3, 1), b"abc\n", Stopped(b"abc", "max_lines")),
        (Limits(10, 0, (b"<", b"//")), b"a//b<", Stopped(b"a", "stop")),
        (Limits(10, 0, (b"<", b"//")), b"a/", None),
        (Limits(10, 0, (b"",)), b"a", None),
        (Limits(3, 0, (b"<",)), b"abcd<", Stopped(b"abc", "max_bytes")),
        (Limits(10, 1, (b"<",)), b"a\nb<", Stopped(b"a\nb", "stop")),
    ],
)
def test_what_is_kept_and_why(limits: Limits, text: bytes, expected: Stopped | None) -> None:
    assert limits.check(text) == expected


@given(
    st.text("ab\n\r <", max_size=30).map(str.encode),
    st.integers(1, 20),
    st.integers(0, 3),
    st.sampled_from([(), (b"<",), (b"ab", b" <")]),
)
def test_no_text_kept_breaks_a_limit(text: bytes, most: int, lines: int, stop: tuple[bytes, ...]) -> None:
    stopped = Limits(most, lines, stop).check(text)
    if stopped is None:
        assert len(text) < most
        assert not any(each in text for each in stop)
        return
    assert text.startswith(stopped.text)
    assert len(stopped.text) <= most
    assert not any(each in stopped.text for each in stop)


def stop(
    prefix: bytes,
    suffix: bytes,
    text: bytes,
    language: str = "",
    max_lines: int = 0,
    *,
    goes_on: bool = False,
) -> tuple[bytes, StopReason | None]:
    """What is kept of a text that grows byte by byte, and why it ended."""
    problem = InfillProblem(
        prefix, suffix, language, max_bytes=400, max_lines=max_lines, suffix_goes_on=goes_on
    )
    stopping = Stopping.of(problem)
    for end in range(1, len(text) + 1):
        stopped = stopping.check(text[:end])
        if stopped:
            return stopped.text, stopped.reason
    return text, None


@pytest.mark.parametrize(
    ("language", "prefix", "suffix", "text", "kept", "reason"),
    [
        # The middle of a line: never a line end, never into what follows.
        ("python", b"x = ", b" + b\n", b"a\nb", b"a", "max_lines"),
        ("python", b"f(", b", c)\n", b"a, b, c)\n", b"a, b", "suffix"),
        ("java", b"int x = ", b" + offset;\n", b"base+offset;\n", b"base", "suffix"),
        ("javascript", b"if (", b") {\n", b"a.b(c)) {\n", b"a.b(c)", "bracket"),
        ("c", b"f(", b" * 2);\n", b"a, b[1]);\n", b"a, b[1]", "bracket"),
        ("python", b"f({", b" : 1})\n", b'"a" }, x', b'"a"', "bracket"),
        ("python", b"f(", b" + 1)\n", b'")" + g(")")) - 1', b'")" + g(")")', "bracket"),
        ("python", b'f("', b' b", c)\n', b'(a) ) b", c)', b"(a) ) ", "suffix"),
        # What an editor has closed: the text may go on beyond it, up to the line end.
        ("python", b"foo(", b")\n", b"a) + b(c)\nx", b"a) + b(c)", "max_lines"),
        ("python", b"def f(", b"):\n", b"self, x) -> int:\n", b"self, x) -> int:", "max_lines"),
        ("python", b"foo(", b")\n", b"a))\n", b"a)", "bracket"),
        # The end of a line.
        ("python", b"x = ", b"\ny = 2\n", b"1\nz = 3\n", b"1", "max_lines"),
        ("python", b"x = 1", b"\n", b"\n\ny = 2\nz = 3\n", b"\n\ny = 2", "max_lines"),
        ("python", b"x = 1\n", b"\ny = 2\n", b"y = 2\n", b"", "suffix"),
        ("python", b"x = 1", b"\ny = 2\n", b"\ny = 2\n", b"", "suffix"),
        ("python", b"x = 1\n  ", b"\ny = 2\n", b"y = 2\n", b"y = 2", "max_lines"),
        ("python", b"f(\n    a", b"\n)\n", b", b)\n", b", b", "bracket"),
        ("lua", b"local t = {", b" }\n", b"1, 2 }\n", b"1, 2 }", "max_lines"),
        # A block, up to the line that is no part of it.
        ("python", b"def f():\n", b"\n", b"    a\n\n    b\nc\n", b"    a\n\n    b\n", "dedent"),
        ("python", b"def f():\n    ", b"\n\nx\n", b"a\n    b\ndef", b"a\n    b", "dedent"),
        ("python", b"def f():", b"\n\nx\n", b"\n    a\n    b\nc", b"\n    a\n    b", "dedent"),
        ("python", b"if a:\n", b"\n", b"    b\nelse:\n    c\n", b"    b", "dedent"),
        ("python", b"def f():\n", b"\n", b"x = 1\n", b"", "dedent"),
        ("python", b"def f():\n", b"\n    b\nc\n", b"    a\n    b\n", b"    a", "max_lines"),
        ("javascript", b"f() {\n", b"", b"  a;\n}\n\ng", b"  a;\n}", "dedent"),
        ("javascript", b"f() {\n", b"\n}\n", b"  a;\n}\n\ng", b"  a;", "bracket"),
        ("javascript", b"f() {\n", b"\n}\n", b"  a;\n  }\n", b"  a;", "bracket"),
        ("javascript", b"on(x, () => {\n", b"", b"  a;\n}, [x]);\nb", b"  a;\n}, [x]);", "dedent"),
        ("typescript", b"try {\n", b"", b"  a;\n} catch (e) {\n", b"  a;\n}", "dedent"),
        (
            "java",
            b"class A {\n  void f() {\n",
            b"\n  void g() {}\n",
            b"    a;\n  }\n}\n",
            b"    a;\n  }",
            "dedent",
        ),
        ("c", b"do {\n", b"", b"\ta;\n} while (x);\nb", b"\ta;\n} while (x);", "dedent"),
        ("cpp", b"namespace a {\n", b"", b"class B;\nclass C;\n", b"class B;", "dedent"),
        ("go", b"func f() {\n", b"\nfunc g() {\n}\n", b"\ta()\n}\n\nfunc", b"\ta()\n}", "dedent"),
        ("rust", b"fn f<'a>(x: &'a str) {\n", b"", b"    '{';\n}\nfn", b"    '{';\n}", "dedent"),
        ("php", b"if ($a) {\n", b"\n} else {\n}\n", b"    b();\n}\n", b"    b();", "bracket"),
        ("ruby", b"def f\n", b"", b"  a\nend\n\ndef g", b"  a\nend", "dedent"),
        ("ruby", b"a.each do |b|\n", b"\nend\n", b"  b.c\nend\n", b"  b.c", "dedent"),
        ("lua", b"if a then\n", b"\n", b"  b()\nend\nc()\n", b"  b()\nend", "dedent"),
        (
            "lua",
            b"function f()\n  if a then\n",
            b"\nend\n",
            b"    b\n  end\nend\n",
            b"    b\n  end",
            "dedent",
        ),
        ("lua", b"f(function()\n", b"", b"  a\nend)\nb\n", b"  a\nend)", "dedent"),
        ("lua", b"if a then\n", b"\n", b"  b\nend_of = 1\n", b"  b", "dedent"),
        ("shellscript", b"if a; then\n", b"", b"  b\nfi\nc\n", b"  b\nfi", "dedent"),
        ("shellscript", b"for a in *; do\n", b"\ndone\n", b"  b\ndone\n", b"  b", "dedent"),
        ("shellscript", b"case $a in\n", b"", b"  b) c;;\nesac\nd", b"  b) c;;\nesac", "dedent"),
        ("html", b"<ul class='a'>\n", b"", b"  <li>b</li>\n</ul>\n<p>", b"  <li>b</li>\n</ul>", "dedent"),
        ("html", b"<ul>\n", b"\n</ul>\n", b"  <li>b</li>\n</ul>\n", b"  <li>b</li>", "dedent"),
        ("html", b"<br>\n", b"", b"<p>\n  b\n", b"<p>", "max_lines"),
        ("yaml", b"a:\n", b"", b"  b: 1\n  c: 2\nd: 3\n", b"  b: 1\n  c: 2", "dedent"),
        ("yaml", b"a:\n", b"", b"- b\n- c\nd: 3\n", b"- b\n- c", "dedent"),
        ("markdown", b"Note:\n", b"", b"One.\nTwo.\n", b"One.", "max_lines"),
        ("python", b"x = f(", b"", b"a, b)\ny", b"a, b)", "max_lines"),
        # The suffix goes on with a line; texts that run in circles.
        ("python", b"def f():\n", b"\nc = 1\n", b"    a\n    b\nc = 1\n", b"    a\n    b", "dedent"),
        ("css", b"a {\n", b"\nb {\n", b"  top: 0;\n  top: 0;\n  top: 0;\n", b"  top: 0;", "repetition"),
        ("python", b"x = ", b"\n", b"None, " * 9, b"None, ", "repetition"),
        ("python", b"x = a", b"", b".next" * 12, b".next", "repetition"),
        ("markdown", b"-", b"\n", b"-" * 79 + b"\nx", b"-" * 79, "max_lines"),
        ("c", b"int x[] = {", b"\n", b"0, " * 30 + b"0\n", b"0, " * 30 + b"0", "max_lines"),
        ("c", b"int x[] = {", b"\n", b"0xff, " * 40, b"0xff, ", "repetition"),
    ],
)
def test_where_a_person_would_end_it(
    language: str, prefix: bytes, suffix: bytes, text: bytes, kept: bytes, reason: StopReason
) -> None:
    assert stop(prefix, suffix, text, language) == (
        kept.rstrip(b"\n") if reason == "dedent" else kept,
        reason,
    )


def test_more_lines_than_allowed_are_not_kept() -> None:
    text = b"    a\n\n    b\n    c\n"
    assert stop(b"def f():\n", b"\n", text, max_lines=2) == (b"    a\n\n    b", "max_lines")
    assert stop(b"def f():\n", b"\n", text, max_lines=1) == (b"    a", "max_lines")


def test_a_block_that_is_too_long_ends_with_a_whole_line() -> None:
    problem = InfillProblem(b"def f():\n", max_bytes=14, max_lines=0)
    assert Stopping.of(problem).check(b"    abc\n    defghi") == Stopped(b"    abc", "max_bytes")
    assert Stopping.of(problem).check(b"    abcdefghijklm") == Stopped(b"    abcdefghij", "max_bytes")


def test_brackets_that_stay_open_are_closed_behind_the_window() -> None:
    assert stop(b"f() {\n", b"", b"  a;\n}\n", goes_on=True) == (b"  a;", "bracket")
    assert stop(b"f() {\n", b"\ng() {}\n", b"  a;\n}\n", goes_on=True) == (b"  a;\n}", "dedent")


def test_a_text_that_ends_is_finished_as_if_its_line_had_ended() -> None:
    stopping = Stopping.of(InfillProblem(b"a\n", b"\nreturn b\n", max_lines=0))
    assert stopping.check(b"return b") is None
    assert stopping.finish(b"return b") == b""
    assert stopping.finish(b"return c") == b"return c"


LINES = st.lists(
    st.sampled_from(
        [
            "if a:",
            "  b",
            "    c",
            "}",
            "  }",
            ") {",
            "end",
            "{",
            "",
            "f(x",
            "'a",
            '"b"',
            "a, b)",
            "- c",
            "</p>",
        ]
    ),
    max_size=6,
).map(lambda lines: "\n".join(lines).encode())


@given(LINES, LINES, LINES, st.sampled_from(["python", "lua", "html", ""]), st.integers(0, 2), st.booleans())
def test_a_text_that_has_ended_stays_ended(
    prefix: bytes, suffix: bytes, text: bytes, language: str, max_lines: int, goes_on: bool
) -> None:
    problem = InfillProblem(
        prefix, suffix, language, max_bytes=60, max_lines=max_lines, suffix_goes_on=goes_on
    )
    stopping = Stopping.of(problem)
    kept = [stopped.text for end in range(len(text) + 1) if (stopped := stopping.check(text[:end]))]
    assert len(set(kept)) <= 1
    assert all(text.startswith(each) for each in kept)
