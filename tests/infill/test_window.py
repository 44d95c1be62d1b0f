"""The windows of text around the cursor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.window import fit_window, prefix_window, suffix_window, unify_line_ends

TEXTS = st.text(st.sampled_from("ab \n\ré😀"), max_size=400).map(str.encode)
LIMITS = st.integers(min_value=8, max_value=64)


def boundaries(text: bytes) -> list[int]:
    return [n for n in range(len(text) + 1) if n == len(text) or text[n] & 0xC0 != 0x80]


@given(TEXTS, LIMITS, st.data())
def test_windows_are_what_surrounds_the_cursor(text: bytes, limit: int, data: st.DataObject) -> None:
    cursor = data.draw(st.sampled_from(boundaries(text)))
    prefix = prefix_window(text, cursor, limit)
    suffix = suffix_window(text, cursor, limit)
    assert text[:cursor].endswith(prefix)
    assert text[cursor:].startswith(suffix)
    assert len(prefix) <= limit
    assert len(suffix) <= limit
    prefix.decode()
    suffix.decode()


@given(TEXTS, LIMITS)
def test_a_prefix_that_is_cut_is_at_least_half_of_its_limit(text: bytes, limit: int) -> None:
    prefix = prefix_window(text, len(text), limit)
    assert prefix == text or len(prefix) >= limit // 2


def test_prefix_starts_at_a_line_start_where_lines_are_short() -> None:
    text = b"".join(b"line %03d\n" % n for n in range(100))
    for cursor in range(400, len(text)):
        prefix = prefix_window(text, cursor, 256)
        assert text[: cursor - len(prefix)].endswith(b"\n")


def test_prefix_start_stays_put_while_typing() -> None:
    head = b"".join(b"line %03d\n" % n for n in range(100))
    starts = {len(head) + n - len(prefix_window(head + b"x" * n, len(head) + n, 256)) for n in range(200)}
    assert len(starts) <= 200 // 64 + 2


def test_a_line_start_right_at_the_step_is_taken() -> None:
    text = b"fifteen bytes..\n" * 20
    assert len(prefix_window(text, 200, 64)) == 200 - 144


def test_prefix_of_one_long_line_starts_at_a_character() -> None:
    text = "é".encode() * 500
    prefix = prefix_window(text, len(text), 100)
    assert 70 <= len(prefix) <= 100
    assert prefix.decode().strip("é") == ""


@pytest.mark.parametrize("cursor", [6, 7, 8, 9])
def test_suffix_ends_with_a_whole_line_and_stays_put_while_typing(cursor: int) -> None:
    text = b"before" + b"typ" + b" rest\nnext line\nlast"
    assert suffix_window(text[:cursor] + text[9:], cursor, 18) == b" rest\nnext line\n"


def test_suffix_of_one_long_line_is_cut_at_a_character() -> None:
    assert suffix_window("aé".encode() * 9, 0, 5) == "aéa".encode() + b""


def test_no_suffix_is_asked_for() -> None:
    assert suffix_window(b"abc\ndef", 2, 0) == b""


def test_line_ends_become_line_feeds() -> None:
    assert unify_line_ends(b"a\r\nb\rc\n\r\r\n") == b"a\nb\nc\n\n\n"


@pytest.mark.parametrize("room", [-12, 0, 1, 40, 1000])
def test_a_window_fits_into_whatever_room_there_is(room: int) -> None:
    text = "def größe(x):\n    return x\n".encode() * 20
    window = fit_window(text, room, len)
    assert text.endswith(window)
    assert len(window) <= max(room, 0)
    assert (window == text) == (room >= len(text))


def test_suffix_end_stays_put_while_the_cursor_moves_and_text_before_it_changes() -> None:
    rest = b"".join(b"line %03d\n" % n for n in range(100))
    ends = set()
    for typed in range(60):
        text = b"x" * (200 + typed) + b" end\n" + rest
        for cursor in range(200 + typed, 204 + typed):
            ends.add(len(text) - cursor - len(suffix_window(text, cursor, 256)))
    assert len(ends) == 1


@given(TEXTS, LIMITS, st.data())
def test_a_suffix_that_is_cut_is_at_least_a_third_of_its_limit(
    text: bytes, limit: int, data: st.DataObject
) -> None:
    cursor = data.draw(st.sampled_from(boundaries(text)))
    suffix = suffix_window(text, cursor, limit)
    assert text[cursor:] == suffix or len(suffix) >= limit // 3
