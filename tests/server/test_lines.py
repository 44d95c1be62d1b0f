"""The index of lines, beside the same text looked at as a whole."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.server import lines
from byte_lsp.server.lines import LineStarts

PIECES = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bcd", "é".encode()]), max_size=30).map(
    b"".join
)
EDITS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9), PIECES), max_size=12)


def starts_of(text: bytes) -> list[int]:
    return [0, *(found.end() for found in re.finditer(b"\r\n|\r|\n", text))]


@pytest.fixture(params=[1, 2, 3, lines.BLOCK_LINES], ids="blocks of {}".format)
def block_lines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lines, "BLOCK_LINES", request.param)
    return int(request.param)


def test_edits_anywhere(block_lines: int) -> None:
    @given(PIECES, EDITS)
    def check(content: bytes, edits: list[tuple[int, int, bytes]]) -> None:
        text = bytearray(content)
        index = LineStarts(text)
        for at, length, new in edits:
            start = min(at, len(text))
            end = min(start + length, len(text))
            text[start:end] = new
            index.splice(text, start, end, len(new))
            expected = starts_of(text)
            assert list(index) == expected
            assert [index[line] for line in range(len(index))] == expected
            assert index[-1] == expected[-1]
            lines_at = [sum(each <= offset for each in expected) - 1 for offset in range(len(text) + 1)]
            assert [index.line_at(offset) for offset in range(len(text) + 1)] == lines_at

    check()


def test_a_line_that_is_not_there() -> None:
    with pytest.raises(IndexError, match="line 1 of 1"):
        LineStarts(bytearray(b"a"))[1]
    assert LineStarts(bytearray(b"a\nb\nc"))[1:] == [2, 4]


def test_an_edit_at_the_top_of_a_long_text_touches_one_block() -> None:
    text = bytearray(b"a\n" * 10 * lines.BLOCK_LINES)
    index = LineStarts(text)
    blocks = list(index._blocks)
    text[0:0] = b"x\n"
    index.splice(text, 0, 0, 2)
    assert [new is old for new, old in zip(index._blocks, blocks, strict=True)] == [False] + [True] * 10
    assert index[-1] == len(text)
