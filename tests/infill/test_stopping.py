"""When a growing suggestion is finished, and what of it is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.stopping import Limits, Stopped


@pytest.mark.parametrize(
    ("limits", "text", "expected"),
    [
        (Limits(10), b"abc", None),
        (Limits(10), b"", None),
        (Limits(3), b"abc", Stopped(b"abc", "max_bytes")),
        (Limits(3), b"abcdef", Stopped(b"abc", "max_bytes")),
        (Limits(10, 1), b"abc\n", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"abc\nde", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"abc\r\nde", Stopped(b"abc", "max_lines")),
        (Limits(10, 1), b"\n  \n", None),
        (Limits(10, 1), b"\n  ab", None),
        (Limits(10, 1), b"\n  ab\n", Stopped(b"\n  ab", "max_lines")),
        (Limits(10, 2), b"ab\n\ncd", None),
        (Limits(10, 2), b"ab\n\ncd\n", Stopped(b"ab\n\ncd", "max_lines")),
        (Limits(10, 0), b"a\nb\nc\n", None),
        (Limits(3, 1), b"abcd\n", Stopped(b"abc", "max_bytes")),
        (Limits(3, 1), b"abc\n", Stopped(b"abc", "max_lines")),
        (Limits(10, 0, (b"<", b"//")), b"a//b<", Stopped(b"a", "stop")),
        (Limits(10, 0, (b"<", b"//")), b"a/", None),
        (Limits(10, 0, (b"",)), b"a", None),
        (Limits(3, 0, (b"<",)), b"abcd<", Stopped(b"abc", "max_bytes")),
        (Limits(10, 1, (b"<",)), b"a\nb<", Stopped(b"a\nb", "stop")),
    ],
)
def test_what_is_kept_and_why(limits: Limits, text: bytes, expected: Stopped | None) -> None:
    assert limits.check(text) == expected


@given(
    st.text("ab\n\r <", max_size=30).map(str.encode),
    st.integers(1, 20),
    st.integers(0, 3),
    st.sampled_from([(), (b"<",), (b"ab", b" <")]),
)
def test_no_text_kept_breaks_a_limit(text: bytes, most: int, lines: int, stop: tuple[bytes, ...]) -> None:
    stopped = Limits(most, lines, stop).check(text)
    if stopped is None:
        assert len(text) < most
        assert not any(each in text for each in stop)
        return
    assert text.startswith(stopped.text)
    assert len(stopped.text) <= most
    assert not any(each in stopped.text for each in stop)
