"""Which bytes around the cursor the model sees.

A window is as long as its limit allows, begins and ends between characters, and stays where it is while
the user types, so that the worker's KV cache survives. Both functions take any UTF-8 text.
"""

import re
from collections.abc import Callable

LINE_END = re.compile(rb"\r\n?|\n")

MOST_RUN_BYTES = 128
"""Of letters and digits without anything between: no word is so long, but encoded data is, and how it falls
into tokens depends on all of it. The window begins inside of such a run."""

_RUN = re.compile(rb"[0-9A-Za-z_]{%d}" % MOST_RUN_BYTES)


def prefix_window(text: bytes | bytearray, cursor: int, limit_bytes: int) -> bytes:
    """The last bytes before ``cursor``, at most ``limit_bytes`` and at least half of it.

    The start moves in steps of a quarter of the limit and rests at the first line start after the step, or
    at the first character where a line is longer than a step. Inside a run of ``MOST_RUN_BYTES`` letters and
    digits it is less.
    """
    start = 0
    if cursor > limit_bytes:
        step = max(1, limit_bytes // 4)
        floor = -(-(cursor - limit_bytes) // step) * step
        line_end = LINE_END.search(text, floor - 1, floor + step)
        start = line_end.end() if line_end else next_character(text, floor)
    return bytes(text[max(start, _start_in_run(text, cursor)) : cursor])


def suffix_window(text: bytes | bytearray, cursor: int, limit_bytes: int) -> bytes:
    """The first bytes from ``cursor`` on, at most ``limit_bytes`` and mostly at least half of it.

    The end stays where it is in the text behind the cursor while that text is not edited: it moves in steps
    of a quarter of the limit, counted from the end of ``text``, and rests behind the last line end before the
    step, or at the last character where a line is longer than a step.
    """
    if len(text) - cursor <= limit_bytes:
        return bytes(text[cursor:])
    step = max(1, limit_bytes // 4)
    beyond = -(-(len(text) - cursor - limit_bytes) // step) * step
    ceiling = max(len(text) - beyond, cursor)
    line_end = text.rfind(b"\n", max(ceiling - step, cursor), ceiling) + 1
    return bytes(text[cursor : line_end or max(previous_character(text, ceiling), cursor)])


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


def _start_in_run(text: bytes | bytearray, cursor: int) -> int:
    """Where to begin inside a run that is too long, 0 where there is none. It moves in steps, too."""
    first = cursor - MOST_RUN_BYTES
    if first <= 0 or not _RUN.match(text, first, cursor):
        return 0
    step = MOST_RUN_BYTES // 2
    return -(-first // step) * step


def next_character(text: bytes | bytearray, offset: int) -> int:
    """The first offset from ``offset`` on at which a character begins, or the end."""
    while offset < len(text) and text[offset] & 0xC0 == 0x80:
        offset += 1
    return offset


def previous_character(text: bytes | bytearray, offset: int) -> int:
    """The last offset up to ``offset`` at which a character begins."""
    while 0 < offset < len(text) and text[offset] & 0xC0 == 0x80:
        offset -= 1
    return offset
