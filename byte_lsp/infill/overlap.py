"""What two texts have in common, whatever the blanks between it."""

import re
from typing import NamedTuple

_WORD = re.compile(rb"[\w\x80-\xff]")


class Span(NamedTuple):
    """Bytes ``[start, end)`` of a text."""

    start: int
    end: int


def squeeze(text: bytes) -> tuple[bytes, list[int]]:
    """The bytes of a text that are not blank, and the offset of each."""
    offsets = [at for at, byte in enumerate(text) if byte not in b" \t\r\n\f\v"]
    return bytes(text[at] for at in offsets), offsets


def first_characters(text: bytes, count: int) -> bytes:
    """The first characters of a text that are not blank, at most so many."""
    return "".join(text.decode(errors="ignore").split())[:count].encode()


def find_overlap(text: bytes, squeezed: bytes) -> Span | None:
    """Where ``text``, without blanks, first has ``squeezed``."""
    own, offsets = squeeze(text)
    at = own.find(squeezed)
    return Span(offsets[at], offsets[at + len(squeezed) - 1] + 1) if at >= 0 else None


def end_overlaps(text: bytes, behind: bytes) -> list[tuple[int, int]]:
    """All ways in which ``text`` ends with what ``behind`` begins with, blanks aside, the longest first.

    Each as the offset at which the common part begins in ``text``, and its length without blanks.
    """
    own, offsets = squeeze(text)
    other = squeeze(behind)[0]
    lengths = range(min(len(own), len(other)), 0, -1)
    return [(offsets[-length], length) for length in lengths if own.endswith(other[:length])]


def splits_word(text: bytes, offset: int) -> bool:
    """Whether an offset has word characters on both sides."""
    return bool(0 < offset < len(text) and _WORD.match(text[offset - 1 :]) and _WORD.match(text[offset:]))
