"""What of a text that is still being written can be shown: whole lines, or else whole words."""

import re

_LAST_WORD = re.compile(rb"[\w\x80-\xff]+\Z")


def complete_piece(text: bytes) -> bytes:
    """The longest beginning of a growing text that is whole, perhaps empty.

    Its lines but the last, if there is something on them; else all before its last word, which the next
    token may go on with.
    """
    lines, separator, _ = text.rpartition(b"\n")
    if separator and lines.strip():
        return lines
    words = _LAST_WORD.sub(b"", text)
    return words if words.strip() else b""
