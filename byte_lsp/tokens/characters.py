"""Characters as pre-tokenizers see them: text as code points, each in one of seven classes.

``decode`` keeps one character per invalid byte (PEP 383), so that offsets in the text and offsets in its
bytes can be told from each other, and ``encode`` gives the bytes back. Invalid bytes are classified as
U+FFFD, as llama.cpp does.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

LETTER, MARK, NUMBER, PUNCTUATION, SYMBOL, WHITESPACE, OTHER = "LMNPSWO"

REPLACEMENT = "\ufffd"
_ESCAPED_BYTES = {0xDC00 + byte: REPLACEMENT for byte in range(0x80, 0x100)}


@cache
def _runs() -> tuple[list[int], str]:
    lines = (files("byte_lsp.tokens") / "unicode_classes.txt").read_text("utf-8").splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return [int(first, 16) for first, _ in rows], "".join(kind for _, kind in rows)


@cache
def class_of(code_point: int) -> str:
    """The class of one code point, by llama.cpp's table."""
    starts, kinds = _runs()
    return kinds[bisect_right(starts, code_point) - 1]


def sort_of(character: str) -> str:
    """The class of one character of a text, invalid bytes counting as U+FFFD; empty for no character."""
    return class_of(ord(character.translate(_ESCAPED_BYTES))) if character else ""


def class_edges() -> Sequence[int]:
    """Code points at which the class changes, ascending."""
    return _runs()[0]


# unicode_cpt_is_han of llama.cpp: blocks of Chinese characters, with what is not assigned in them.
_HAN_BLOCKS = (
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xF900, 0xFB00),
    range(0x20000, 0x2A6E0),
    range(0x2A700, 0x2EBF0),
    range(0x2F800, 0x2FA20),
)


def is_han(code_point: int) -> bool:
    """Whether llama.cpp takes this for a Chinese character."""
    return any(code_point in block for block in _HAN_BLOCKS)


def han_edges() -> set[int]:
    """Code points at which ``is_han`` changes."""
    return {edge for block in _HAN_BLOCKS for edge in (block.start, block.stop)}


def decode(data: bytes) -> str:
    """Bytes to text, invalid bytes escaped one by one."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The inverse of ``decode``."""
    return text.encode("utf-8", "surrogateescape")


def replace_invalid(text: str) -> str:
    """Escaped bytes become U+FFFD, character for character."""
    return text if text.isascii() else text.translate(_ESCAPED_BYTES)


def incomplete_tail(data: bytes) -> int:
    """How many bytes at the end of ``data`` begin a UTF-8 character that does not end there (0 to 3)."""
    for length in range(1, min(3, len(data)) + 1):
        byte = data[-length]
        if byte & 0xC0 == 0x80:
            continue
        return length if _could_begin(data[-length:]) else 0
    return 0


def is_invalid_start(data: bytes) -> bool:
    """Whether the first byte of ``data`` neither is, nor begins, nor can come to begin a valid character."""
    head = incomplete_tail(data[:4])
    return head != len(data) and 0xDC80 <= ord(decode(data[:4])[0]) <= 0xDCFF


def _could_begin(head: bytes) -> bool:
    low, high = completions_range(head)
    return low <= high


@cache
def completions_range(head: bytes) -> tuple[int, int]:
    """First and last code point whose UTF-8 form properly begins with ``head``; (1, 0) if there is none."""
    lead = head[0]
    if 0xC2 <= lead <= 0xDF:
        length, low = 2, lead & 0x1F
    elif 0xE0 <= lead <= 0xEF:
        length, low = 3, lead & 0x0F
    elif 0xF0 <= lead <= 0xF4:
        length, low = 4, lead & 0x07
    else:
        return 1, 0
    if len(head) >= length:
        return 1, 0
    for byte in head[1:]:
        if byte & 0xC0 != 0x80:
            return 1, 0
        low = low << 6 | byte & 0x3F
    missing = 6 * (length - len(head))
    first, last = low << missing, (low << missing) | ((1 << missing) - 1)
    smallest = {2: 0x80, 3: 0x800, 4: 0x10000}[length]
    first, last = max(first, smallest), min(last, 0x10FFFF)
    if first >= 0xD800 and last <= 0xDFFF:
        return 1, 0
    if first <= 0xDFFF and last >= 0xD800:  # surrogates are no characters: only E0..ED D.. reach here
        last = 0xD7FF if first < 0xD800 else last
        first = 0xE000 if first >= 0xD800 else first
    return first, last
