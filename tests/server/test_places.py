"""A place is known again after typing, and after nothing else."""

from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from byte_lsp.server.documents import Document
from byte_lsp.server.places import Place, Typed
from byte_lsp.server.suggestions import Slot

LONG = "x = 1\n" * 2000


def open_document(text: str, uri: str = "file:///a.py") -> Document:
    return Document(types.TextDocumentItem(uri, "python", 1, text), "utf-8")


def place(text: str, offset: int, typed: bytes = b"", uri: str = "file:///a.py") -> Place:
    return Place.of(open_document(text, uri), Slot(offset, offset, typed))


@given(st.text("ab\n", max_size=6), st.text("ab\n)", max_size=6), st.text("abc)\n", max_size=8))
def test_whatever_is_typed_is_found(before: str, after: str, typed: str) -> None:
    for start, end in (("", ""), (LONG, ""), ("", LONG), (LONG, LONG)):
        at = len(start + before)
        earlier = place(start + before + after + end, at)
        later = place(start + before + typed + after + end, at + len(typed))
        assert later.typed_since(earlier) == Typed(typed.encode())


def test_a_popups_text_counts_as_typed() -> None:
    assert place("a.it b", 4, b"ems").typed_since(place("a.it b", 4)) == Typed(b"ems")


def test_other_edits_are_no_typing() -> None:
    earlier = place("one two three", 4)
    assert place("one two three", 4, uri="file:///b.py").typed_since(earlier) is None
    assert place("one two three", 3).typed_since(earlier) is None, "the cursor went back"
    assert place("One xtwo three", 5).typed_since(earlier) is None, "something else changed before it"
    assert place("one xtwo thre", 5).typed_since(earlier) is None, "something else changed behind it"


def test_closers_of_the_editor() -> None:
    earlier = place("f\ng", 1)
    assert place("f(a)\ng", 3).typed_since(earlier) == Typed(b"(a", closed=b")")
    assert place("f([])\ng", 3).typed_since(earlier) == Typed(b"([", closed=b"])")
    assert place("f(a)\ng", 4).typed_since(place("f()\ng", 2)) == Typed(b"a)", passed=1)
    assert place("f(a\ng", 3).typed_since(place("f()\ng", 2)) is None, "deleted, not typed over"
    assert place("f(a)\ng", 4).typed_since(place("f(a)\ng", 3)) == Typed(b")", passed=1)
    assert place("f(ab\ng", 3).typed_since(earlier) is None, "b is no closer"
    at = len(LONG) // 2
    assert place(LONG[:at] + "()" + LONG[at:], at + 1).typed_since(place(LONG, at)) == Typed(
        b"(", closed=b")"
    )


def test_what_was_inserted_at_a_place() -> None:
    earlier = place("self.x\ny", 5)
    assert earlier.inserted_since(open_document("self.x\ny")) == b""
    assert earlier.inserted_since(open_document("self.items(x\ny")) == b"items("
    assert earlier.inserted_since(open_document("self.items()x\ny")) == b"items("
    assert earlier.inserted_since(open_document("self.\ny")) is None
    assert earlier.inserted_since(open_document("Self.ix\ny")) is None
    assert earlier.inserted_since(open_document("self.ix\nyy")) is None
