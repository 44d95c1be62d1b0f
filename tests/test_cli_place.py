"""``FILE:LINE:COL``: reading it, and finding the place."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from byte_lsp.cli_place import Place, find_offset, parse_place, read_file
from byte_lsp.errors import PlaceError

FILE = Path("file.py")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("file.py:3:7", Place(FILE, 3, 7)),
        ("file.py:3", Place(FILE, 3, None)),
        ("C:\\file.py:3:7", Place(Path("C:\\file.py"), 3, 7)),
        ("a:b:3:7", Place(Path("a:b"), 3, 7)),
        ("1:2:3", Place(Path("1"), 2, 3)),
    ],
)
def test_a_place_is_read(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize("text", ["file.py", "file.py:", ":3", "file.py:x", "file.py:-1", "file.py:٣"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not FILE:LINE:COL"):
        parse_place(text)


@pytest.mark.parametrize(
    ("text", "line", "column", "before"),
    [
        ("a = 1\nb = 2", 2, 3, "a = 1\nb "),
        ("a = 1\nb = 2", 1, None, "a = 1"),
        ("a = 1\r\nb = 2", 1, None, "a = 1"),
        ("a\rb\r\nc", 3, 2, "a\rb\r\nc"),
        ("a\n", 2, 1, "a\n"),
        ("", 1, 1, ""),
        ("s = 'Zürich'", 1, 7, "s = 'Z"),
        ("s = 'Zürich'", 1, 8, "s = 'Zü"),
        ("s = '🦄!'", 1, 7, "s = '🦄"),
        ("a\u2028b\fc", 1, 5, "a\u2028b\f"),
    ],
)
def test_columns_count_characters_and_lines_end_as_in_an_editor(
    text: str, line: int, column: int | None, before: str
) -> None:
    data = text.encode()
    assert data[: find_offset(data, Place(FILE, line, column))].decode() == before


def test_a_byte_that_is_no_text_counts_as_a_character() -> None:
    assert find_offset(b"a\xffb", Place(FILE, 1, 3)) == 2


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        (0, 1, "file.py has no line 0; its lines are 1 to 3"),
        (4, None, "file.py has no line 4; its lines are 1 to 3"),
        (1, 0, "file.py:1 has no column 0; its columns are 1 to 6"),
        (1, 7, "file.py:1 has no column 7; its columns are 1 to 6"),
    ],
)
def test_a_place_that_is_not_there_is_an_error(line: int, column: int | None, reason: str) -> None:
    with pytest.raises(PlaceError, match=reason):
        find_offset("größe\nb\n".encode(), Place(FILE, line, column))


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "file.py"
    file.write_bytes(b"\xef\xbb\xbfa = 1")
    assert read_file(file) == b"a = 1"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="cannot be read"):
        read_file(tmp_path / "none.py")
