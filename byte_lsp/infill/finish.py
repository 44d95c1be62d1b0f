"""What happens to a candidate's bytes before a person sees them.

The model answers at the cursor and knows nothing of the rest of the line, of the file's line ends, or of
being cut short. Each function mends one of these, on bytes.
"""

import re
from collections.abc import Iterable

BLANK_TAIL = re.compile(rb"[ \t]*\n\s*\Z")


def finish(candidates: Iterable[bytes], rest_of_line: bytes, line_end: bytes) -> tuple[bytes, ...]:
    """The texts worth showing, in order, each once.

    ``rest_of_line`` is what follows the cursor on its line, without the line end. ``line_end`` is the
    file's own: line feeds become that.
    """
    texts = dict.fromkeys(finish_one(text, rest_of_line, line_end) for text in candidates)
    return tuple(text for text in texts if text.decode().strip())


def finish_one(text: bytes, rest_of_line: bytes, line_end: bytes) -> bytes:
    """One candidate as it will be inserted; it may come out empty."""
    text = drop_blank_tail(cut_to_characters(text))
    return set_line_ends(drop_overlap(text, rest_of_line), line_end)


def cut_to_characters(text: bytes) -> bytes:
    """The longest beginning of ``text`` that is valid UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return text[: error.start]
    return text


def drop_blank_tail(text: bytes) -> bytes:
    """``text`` without blank lines at its end."""
    return BLANK_TAIL.sub(b"", text)


def drop_overlap(text: bytes, rest_of_line: bytes) -> bytes:
    """``text`` without the longest end that the rest of the line already begins with.

    A blank rest of the line overlaps nothing.
    """
    if not rest_of_line.strip():
        return text
    for length in range(min(len(text), len(rest_of_line)), 0, -1):
        if text.endswith(rest_of_line[:length]):
            return text[:-length]
    return text


def set_line_ends(text: bytes, line_end: bytes) -> bytes:
    """``text`` with each of its line ends replaced by ``line_end``."""
    return re.sub(rb"\r\n?|\n", lambda _: line_end, text)
