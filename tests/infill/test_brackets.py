"""Brackets without a parser: what is one, what closes what, what an insertion may close."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.brackets import (
    Line,
    Mark,
    Opener,
    closers_behind,
    find_marks,
    free_closers,
    hide_literals,
    match,
    open_before,
)

TEXTS = st.text("""()[]{}"'`\\ab &<\n""", max_size=40).map(str.encode)


def signs(marks: list[Mark]) -> bytes:
    return bytes(mark.sign for mark in marks)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"f(a[0])", b"([])"),
        (b'print(")")', b"()"),
        (b"print(')')", b"()"),
        (b"let s = `)`;", b""),
        (rb'print("\")")', b"()"),
        (rb"x.match(/\(/)", b"()"),
        (b"# don't (really)", b"()"),
        (b"auto n = 1'000'000; f(n)", b"()"),
        (b"fn f<'a>(x: &'a str, c: &'a str) {", b"(){"),
        (b"fn f<'a, 'b>(x: &'b str) {", b"(){"),
        (b"if c == '(' {", b"{"),
        (b"x = f'{a}(' + b')' + rb'['", b""),
        (b'x = "unclosed (\ny = (1)', b'"(()'),
        (b'"""doc (not closed', b'"('),
        (b'"""one line ("""', b""),
        (b"users' files (all of them)", b"()"),
        ("é(ü)".encode(), b"()"),
    ],
)
def test_what_is_a_bracket(text: bytes, found: bytes) -> None:
    assert signs(find_marks(text)) == found


@given(TEXTS)
def test_hiding_keeps_length_and_lines(text: bytes) -> None:
    hidden = hide_literals(text)
    assert len(hidden) == len(text)
    assert [len(line) for line in hidden.split(b"\n")] == [len(line) for line in text.split(b"\n")]


@given(TEXTS)
def test_marks_are_in_order_and_where_they_say(text: bytes) -> None:
    marks = find_marks(text)
    assert marks == sorted(marks)
    assert all(text[mark.offset] == mark.sign for mark in marks)


@given(
    st.recursive(
        st.just(b"x"),
        lambda inner: st.tuples(st.sampled_from([b"()", b"[]", b"{}"]), inner, inner).map(
            lambda parts: parts[0][:1] + parts[1] + parts[0][1:] + parts[2]
        ),
    )
)
def test_nested_brackets_match(text: bytes) -> None:
    assert match(find_marks(text)) == ([], [])


@pytest.mark.parametrize(
    ("text", "closers", "openers"),
    [(b"a) + b(", b")", b"("), (b"(]", b"]", b"("), (b"}})", b"}})", b""), (b"([{", b"", b"([{")],
)
def test_what_is_unmatched(text: bytes, closers: bytes, openers: bytes) -> None:
    found = match(find_marks(text))
    assert (signs(found[0]), signs(found[1])) == (closers, openers)


@pytest.mark.parametrize(
    ("text", "openers"),
    [
        (b"class A {\n void f() {\n  g(", b"{{("),
        (
            b"f(a, (b\n}\n",
            b"((",
        ),
        (b"{ f(a; }\n", b""),
        (b"case $x in a) f;; esac; {", b"{"),
    ],
)
def test_what_is_open_before_a_cursor(text: bytes, openers: bytes) -> None:
    assert signs(open_before(find_marks(text))) == openers


@pytest.mark.parametrize(
    ("openers", "closers", "free"),
    [
        (b"(", b"", b")"),
        (b"(", b")", b""),
        (b"((", b")", b")"),
        (b"{(", b"}", b")"),
        (b"{(", b")", b""),
        (b"{{", b"}", b"}"),
        (b"", b"", b""),
        (b"[{(", b"", b")}]"),
        (b"(", b"}", b")"),
    ],
)
def test_what_an_insertion_may_close(openers: bytes, closers: bytes, free: bytes) -> None:
    assert free_closers(openers, closers) == free


def lines(*texts: bytes) -> list[Line]:
    return [
        Line(len(text) - len(text.lstrip()), text.lstrip()[:1] in (b")", b"]", b"}"), find_marks(text))
        for text in texts
    ]


CLASS_AND_METHOD = [Opener(ord("{"), 0), Opener(ord("{"), 2)]


def test_a_line_no_deeper_shows_that_a_block_was_left_open() -> None:
    behind = lines(b"  void g() { h(); }", b"}")
    assert closers_behind(CLASS_AND_METHOD, b"", [], behind, goes_on=False) == b"}"
    assert free_closers(b"{{", closers_behind(CLASS_AND_METHOD, b"", [], behind, goes_on=True)) == b"}"


def test_what_stays_open_is_closed_behind_the_window() -> None:
    behind = lines(b"    h();")
    assert closers_behind(CLASS_AND_METHOD, b"", [], behind, goes_on=True) == b"}}"
    assert closers_behind(CLASS_AND_METHOD, b"", [], behind, goes_on=False) == b""


def test_the_rest_of_a_line_closes_what_its_lines_do_not_contradict() -> None:
    call = [Opener(ord("("), 0)]
    assert closers_behind(call, b"b)", find_marks(b"b)"), lines(b"x"), goes_on=True) == b")"
    assert closers_behind(call, b"b", [], lines(b"x"), goes_on=True) == b")"
    assert closers_behind(call, b"", [], lines(b"x"), goes_on=True) == b""
