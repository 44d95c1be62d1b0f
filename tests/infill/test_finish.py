"""What happens to candidates before they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.finish import (
    cut_to_characters,
    drop_blank_tail,
    drop_overlap,
    finish,
    finish_one,
    set_line_ends,
)


@given(st.binary(max_size=40))
def test_cut_is_the_longest_valid_beginning(text: bytes) -> None:
    cut = cut_to_characters(text)
    assert text.startswith(cut)
    cut.decode()
    for longer in range(len(cut) + 1, len(text) + 1):
        with pytest.raises(UnicodeDecodeError):
            text[:longer].decode()


@pytest.mark.parametrize("missing_bytes", [1, 2, 3])
def test_half_a_character_is_cut_off(missing_bytes: int) -> None:
    assert cut_to_characters("ok 😀".encode()[:-missing_bytes]) == b"ok "


@pytest.mark.parametrize(
    ("text", "rest", "kept"),
    [
        (b"item)", b")", b"item"),
        (b"item))", b"))", b"item"),
        (b"item)", b"):", b"item"),
        (b"a, b)", b", b)", b"a"),
        (b"item", b")", b"item"),
        (b"same", b"same", b""),
        (b"a b ", b"   ", b"a b "),
        (b"a b ", b"", b"a b "),
        (b"xx", b"xxx", b""),
        ("é".encode(), "é)".encode(), b""),
    ],
)
def test_the_longest_overlap_with_the_rest_of_the_line_goes(text: bytes, rest: bytes, kept: bytes) -> None:
    assert drop_overlap(text, rest) == kept


@given(st.binary(max_size=12), st.binary(min_size=1, max_size=12))
def test_what_is_dropped_stands_in_the_file_already(text: bytes, rest: bytes) -> None:
    kept = drop_overlap(text, rest)
    assert text.startswith(kept)
    assert rest.startswith(text[len(kept) :])


@pytest.mark.parametrize(
    ("text", "kept"),
    [(b"a\n", b"a"), (b"a\n    ", b"a"), (b"a \n\n b", b"a \n\n b"), (b"a  ", b"a  "), (b"\n\n", b"")],
)
def test_blank_lines_at_the_end_go(text: bytes, kept: bytes) -> None:
    assert drop_blank_tail(text) == kept


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_become_the_files_own(line_end: bytes) -> None:
    assert set_line_ends(b"a\nb\r\nc\rd", line_end) == line_end.join([b"a", b"b", b"c", b"d"])


def test_candidates_are_finished_in_order_without_blanks_and_twins() -> None:
    candidates = [b"x)\n", b"  ", b"y", b"x)", b"", b"\xf0\x9f"]
    assert finish(candidates, b")", b"\n") == (b"x", b"y")


def test_line_ends_are_set_after_the_overlap_was_found() -> None:
    assert finish_one(b"a(\n  b)", b")", b"\r\n") == b"a(\r\n  b"
