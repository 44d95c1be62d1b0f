"""What is whole of a text that is being written."""

import pytest

from byte_lsp.infill.pieces import complete_piece


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (b"return self.items.ge", b"return self.items."),
        (b"return", b""),
        (b"  \n  ", b""),
        (b"x = 1\n    y", b"x = 1"),
        (b"\n    x = f(", b"\n    x = f("),
        (b"\n    x = f(a", b"\n    x = f("),
        (b"a, \xc3", b"a, "),
        (b"", b""),
    ],
)
def test_whole_lines_or_whole_words(text: bytes, whole: bytes) -> None:
    assert complete_piece(text) == whole
