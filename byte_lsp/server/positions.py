"""Characters in a line, counted in the editor's units, to byte offsets and back.

LSP 3.17, "Position": a character offset counts UTF-8 bytes, UTF-16 code units or code points, as
negotiated. Lines here are UTF-8 without their line end. An offset past the end of the line means its end;
an offset inside a character means the character's start.
"""

import re
from typing import Literal

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def encode_text(text: str) -> bytes:
    """UTF-8 of a JSON string.

    JSON can spell half a surrogate pair. U+FFFD takes its place: valid UTF-8, and as long as the half was
    in each of the three encodings (3 bytes, 1 unit, 1 code point), so that later positions stay right.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return LONE_SURROGATE.sub("\ufffd", text).encode()


def byte_offset(line: bytes, units: int, encoding: PositionEncoding) -> int:
    """Bytes of ``line`` before the character offset ``units``."""
    if encoding == "utf-8":
        return _character_start(line, min(units, len(line)))
    if line.isascii():
        return min(units, len(line))
    text = line.decode()
    if encoding == "utf-32":
        return len(text[:units].encode())
    # "ignore" drops the first half of a pair that the cut went through.
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").encode())


def unit_offset(line: bytes, offset: int, encoding: PositionEncoding) -> int:
    """Character offset, in units of ``encoding``, of the byte ``offset`` of ``line``."""
    offset = _character_start(line, min(offset, len(line)))
    if encoding == "utf-8" or line.isascii():
        return offset
    text = line[:offset].decode()
    return len(text) if encoding == "utf-32" else len(text.encode("utf-16-le")) // 2


def _character_start(line: bytes, offset: int) -> int:
    while 0 < offset < len(line) and line[offset] & 0xC0 == 0x80:
        offset -= 1
    return offset
