"""Positions against a reference that counts one character at a time."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.server.positions import PositionEncoding, byte_offset, encode_text, unit_offset

ENCODINGS: tuple[PositionEncoding, ...] = ("utf-8", "utf-16", "utf-32")
LINES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n"), max_size=20)


def width(character: str, encoding: PositionEncoding) -> int:
    code = ord(character)
    if encoding == "utf-32":
        return 1
    if encoding == "utf-16":
        return 1 if code < 0x10000 else 2
    return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)


def reference_offset(line: str, units: int, encoding: PositionEncoding) -> int:
    offset = 0
    for character in line:
        units -= width(character, encoding)
        if units < 0:
            break
        offset += width(character, "utf-8")
    return offset


@given(LINES, st.integers(min_value=0, max_value=90), st.sampled_from(ENCODINGS))
def test_offset_agrees_with_counting(line: str, units: int, encoding: PositionEncoding) -> None:
    assert byte_offset(line.encode(), units, encoding) == reference_offset(line, units, encoding)


@given(LINES, st.data(), st.sampled_from(ENCODINGS))
def test_units_agree_with_counting(line: str, data: st.DataObject, encoding: PositionEncoding) -> None:
    count = data.draw(st.integers(min_value=0, max_value=len(line)))
    offset = len(line[:count].encode())
    assert unit_offset(line.encode(), offset, encoding) == sum(width(c, encoding) for c in line[:count])


@pytest.mark.parametrize(
    ("encoding", "units", "offset"),
    [
        ("utf-16", 1, 1),
        ("utf-16", 2, 1),
        ("utf-16", 3, 5),
        ("utf-16", 4, 6),
        ("utf-16", 99, 6),
        ("utf-32", 2, 5),
        ("utf-32", 3, 6),
        ("utf-8", 2, 1),
        ("utf-8", 3, 1),
        ("utf-8", 4, 1),
        ("utf-8", 5, 5),
        ("utf-8", 99, 6),
    ],
)
def test_a_position_inside_a_character_is_its_start(
    encoding: PositionEncoding, units: int, offset: int
) -> None:
    assert byte_offset("a😀\t".encode(), units, encoding) == offset


def test_an_offset_inside_a_character_is_its_start() -> None:
    line = "a😀\t".encode()
    assert [unit_offset(line, offset, "utf-16") for offset in range(8)] == [0, 1, 1, 1, 1, 3, 4, 4]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00"])
def test_half_a_pair_keeps_later_positions(half: str, encoding: PositionEncoding) -> None:
    text = json.loads(f'"é{half}x"')
    line = encode_text(text)
    line.decode()
    units = {"utf-8": 2 + 3, "utf-16": 2, "utf-32": 2}[encoding]
    assert line[byte_offset(line, units, encoding) :] == b"x"


def test_a_whole_pair_is_one_character() -> None:
    assert encode_text(json.loads('"\\ud83d\\ude00"')) == "😀".encode()
