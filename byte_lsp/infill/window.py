"""Which bytes around the cursor the model sees.

A window is as long as its limit allows, begins and ends between characters, and stays where it is while
the user types, so that the worker's KV cache survives. Both functions take any UTF-8 text.
"""

import re
from collections.abc import Callable

LINE_END = re.compile(rb"\r\n?|\n")


def prefix_window(text: bytes | bytearray, cursor: int, limit_bytes: int) -> bytes:
    """The last bytes before ``cursor``, at most ``limit_bytes`` and at least half of it.

    The start moves in steps of a quarter of the limit and rests at the first line start after the step, or
    at the first character where a line is longer than a step.
    """
    if cursor <= limit_bytes:
        return bytes(text[:cursor])
    step = max(1, limit_bytes // 4)
    floor = -(-(cursor - limit_bytes) // step) * step
    line_end = LINE_END.search(text, floor - 1, floor + step)
    start = line_end.end() if line_end else _next_character(text, floor)
    return bytes(text[start:cursor])


def suffix_window(text: bytes | bytearray, cursor: int, limit_bytes: int) -> bytes:
    """The first bytes from ``cursor`` on, at most ``limit_bytes``; whole lines if one fits."""
    if len(text) - cursor <= limit_bytes:
        return bytes(text[cursor:])
    window = bytes(text[cursor : _previous_character(text, cursor + limit_bytes)])
    return window[: window.rfind(b"\n") + 1] or window


def fit_window(prefix: bytes, room: int, count_tokens: Callable[[bytes], int]) -> bytes:
    """The end of ``prefix`` that is at most ``room`` tokens; nothing where there is no room."""
    room = max(room, 0)
    # A token spells at least one byte, so most prefixes need not be encoded to know that they fit.
    while len(prefix) > room and (count := count_tokens(prefix)) > room:
        prefix = prefix_window(prefix, len(prefix), len(prefix) * room // (count + 1))
    return prefix


def unify_line_ends(text: bytes) -> bytes:
    """Every line end as one line feed: what models were trained on."""
    return LINE_END.sub(b"\n", text)


def _next_character(text: bytes | bytearray, offset: int) -> int:
    while offset < len(text) and text[offset] & 0xC0 == 0x80:
        offset += 1
    return offset


def _previous_character(text: bytes | bytearray, offset: int) -> int:
    while 0 < offset < len(text) and text[offset] & 0xC0 == 0x80:
        offset -= 1
    return offset
