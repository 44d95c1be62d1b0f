"""Characters in a line, counted in the editor's units, to byte offsets and back.

LSP 3.17, "Position": a character offset counts UTF-8 bytes, UTF-16 code units or code points, as
negotiated. Lines here are UTF-8 without their line end. An offset past the end of the line means its end;
an offset inside a character means the character's start.
"""

from typing import Literal

from byte_lsp.infill.window import previous_character

PositionEncoding = Literal["utf-8", "utf-16", "utf-32"]

MOST_BYTES_A_UNIT = 4
"""Of UTF-8 for one unit of any encoding."""

CHUNK_BYTES = 1 << 16
"""A line is looked at piece by piece: one of megabytes is mostly passed over."""


def encode_text(text: str) -> bytes:
    """UTF-8 of a JSON string.

    JSON can spell half a surrogate pair. U+FFFD takes its place: valid UTF-8, and as long as the half was
    in each of the three encodings (3 bytes, 1 unit, 1 code point), so that later positions stay right. Two
    halves that came as bytes of their own are one character.
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def byte_offset(line: bytes, units: int, encoding: PositionEncoding) -> int:
    """Bytes of ``line`` before the character offset ``units``."""
    if encoding == "utf-8":
        return previous_character(line, min(units, len(line)))
    at = 0
    while at < len(line):
        end = previous_character(line, at + CHUNK_BYTES) if at + CHUNK_BYTES < len(line) else len(line)
        chunk = line[at:end]
        width = unit_offset(chunk, len(chunk), encoding)
        if width > units:
            return at + _offset_in_chunk(chunk, units, encoding)
        at, units = end, units - width
    return at


def unit_offset(line: bytes, offset: int, encoding: PositionEncoding) -> int:
    """Character offset, in units of ``encoding``, of the byte ``offset`` of ``line``."""
    offset = previous_character(line, min(offset, len(line)))
    if encoding == "utf-8" or line.isascii():
        return offset
    text = line[:offset].decode()
    return len(text) if encoding == "utf-32" else len(text.encode("utf-16-le")) // 2


def _offset_in_chunk(chunk: bytes, units: int, encoding: PositionEncoding) -> int:
    if chunk.isascii():
        return units
    text = chunk.decode()[:units]
    if encoding == "utf-32":
        return len(text.encode())
    # "ignore" drops the first half of a pair that the cut went through.
    return len(text.encode("utf-16-le")[: 2 * units].decode("utf-16-le", "ignore").encode())
