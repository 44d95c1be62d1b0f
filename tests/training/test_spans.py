"""Spans are pieces of the text of the kind that they say."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.training.spans import KIND_WEIGHTS, Lines, SpanKind, draw_kind, draw_span

TEXT = '''# Copyright somebody
# Licence something

import os


def first(names: list[str]) -> str:
    """The first name, älter als \U0001f600."""
    for name in names:
        if name.startswith("a"):
            return os.path.join(name, "b")

    return names[0]


class Other:
    value = 1
'''.encode()

KINDS = tuple(KIND_WEIGHTS)


def draw_many(kind: SpanKind, text: bytes = TEXT, count: int = 300) -> list[tuple[bytes, bytes, bytes]]:
    rng = random.Random(3)
    spans = [draw_span(Lines(text), kind, rng) for _ in range(count)]
    assert all(span is not None and span.kind == kind for span in spans)
    return [(text[: s.start], text[s.start : s.end], text[s.end :]) for s in spans if s]


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_whole_characters(kind: SpanKind) -> None:
    for parts in draw_many(kind):
        assert b"".join(parts) == TEXT
        for part in parts:
            part.decode()


def test_a_line_is_one_line() -> None:
    drawn = draw_many("line")
    for before, middle, after in drawn:
        assert middle.strip()
        assert b"\n" not in middle.rstrip(b"\n")
        assert not before.rpartition(b"\n")[2].strip()
        assert middle.endswith(b"\n") or after.startswith(b"\n")
    assert {middle.endswith(b"\n") for _, middle, _ in drawn} == {True, False}
    assert {middle[:1].isspace() for _, middle, _ in drawn} == {True, False}


@pytest.mark.parametrize(
    ("text", "line", "behind"),
    [
        (TEXT, b"    value = 1", (b"", b"\n")),
        (b"int one() {\n  if (x) {\n    return 1;\n  }\n}\n", b"    return 1;", (b"  }\n}\n", b"\n  }\n}\n")),
        (b"{\n}\n", b"}", (b"", b"\n")),
    ],
)
def test_the_last_line_is_the_last_that_says_something(
    text: bytes, line: bytes, behind: tuple[bytes, ...]
) -> None:
    drawn = draw_many("last", text)
    assert {after for _, _, after in drawn} == set(behind)
    for before, middle, _ in drawn:
        assert middle.strip()
        assert (before + middle).rstrip(b"\n").endswith(line)
        assert line.endswith(middle.rstrip(b"\n"))
    assert any(middle.rstrip(b"\n") == line for _, middle, _ in drawn)
    rests = [middle for _, middle, _ in drawn if not line.strip().startswith(middle.strip())]
    assert bool(rests) == (len(line) > 1), "cursors stand inside the line, too"


def test_several_lines_are_two_to_six() -> None:
    for _, middle, _ in draw_many("lines"):
        assert 2 <= len(middle.splitlines()) <= 6


def test_a_rest_goes_to_the_end_of_its_line() -> None:
    drawn = draw_many("rest")
    for _, middle, after in drawn:
        assert middle
        assert b"\n" not in middle
        assert after.startswith(b"\n")
    assert len({before[-1:].isalnum() for before, _, _ in drawn}) == 2, "cursors stand inside words, too"


def test_inside_stays_in_its_line() -> None:
    drawn = draw_many("inside")
    for before, middle, after in drawn:
        assert middle
        assert b"\n" not in middle
        assert before.rpartition(b"\n")[2].strip() or middle[:1].strip()
        assert not after.startswith(b"\n") or not after
    assert any(before.endswith(b"(") and after.startswith(b")") for before, _, after in drawn)


def test_a_block_is_what_is_indented_further() -> None:
    for before, middle, after in draw_many("block"):
        header = before.rstrip(b"\n").rpartition(b"\n")[2]
        depth = len(header) - len(header.lstrip())
        inside = [line for line in middle.split(b"\n") if line.strip()]
        assert all(len(line) - len(line.lstrip()) > depth for line in inside)
        below = [line for line in after.split(b"\n") if line.strip()]
        assert not below or len(below[0]) - len(below[0].lstrip()) <= depth


def test_nothing_and_what_follows() -> None:
    assert {middle for _, middle, _ in draw_many("empty")} == {b""}
    ends = draw_many("end")
    assert all(middle and (len(middle) > 76 or not after) for _, middle, after in ends)
    assert len({before for before, _, _ in ends}) > 50, "they lie everywhere in a file"


def test_the_comment_that_opens_a_file_is_left_alone() -> None:
    header = TEXT.index(b"import")
    for kind in KINDS:
        assert all(len(before) >= header for before, _, _ in draw_many(kind))


def test_texts_without_a_block_have_none() -> None:
    assert draw_span(Lines(b"a\nb\nc\n"), "block", random.Random(0)) is None
    assert draw_span(Lines(b"\n \n"), "line", random.Random(0)) is None


def test_kinds_come_in_their_shares() -> None:
    rng = random.Random(0)
    drawn = Counter(draw_kind(rng) for _ in range(20_000))
    for kind, weight in KIND_WEIGHTS.items():
        assert drawn[kind] / 20_000 == pytest.approx(weight / sum(KIND_WEIGHTS.values()), abs=0.01)


@given(st.text(alphabet="ab \t\n(){}é\U0001f600#", max_size=80), st.sampled_from(KINDS), st.integers(0, 9))
def test_any_text(text: str, kind: SpanKind, seed: int) -> None:
    data = text.encode()
    span = draw_span(Lines(data), kind, random.Random(seed))
    if span is None:
        return
    assert 0 <= span.start <= span.end <= len(data)
    for part in (data[: span.start], data[span.start : span.end], data[span.end :]):
        part.decode()
