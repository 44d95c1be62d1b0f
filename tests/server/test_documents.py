"""Documents under random edits, against a ``str`` that is edited the slow way."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lsprotocol import types

from byte_lsp.server.documents import Document, DocumentStore
from byte_lsp.server.positions import PositionEncoding

URI = "file:///a.py"
ALPHABET = "ab\n\r\t é中😀\u2028\x0b\x0c\x85"
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=30)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
POSITIONS = st.tuples(st.integers(0, 8), st.integers(0, 12))
EDITS = st.lists(st.tuples(POSITIONS, POSITIONS, TEXTS), min_size=1, max_size=12)


def open_document(text: str, encoding: PositionEncoding = "utf-16") -> Document:
    return Document(types.TextDocumentItem(URI, "python", 1, text), encoding)


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(
        types.Range(types.Position(*start), types.Position(*end)), text
    )


def lines_of(text: str) -> list[str]:
    """Lines without their ends."""
    return re.split("\r\n|\r|\n", text)


def index_of(text: str, position: tuple[int, int], encoding: PositionEncoding) -> int:
    """The reference: an index into a ``str``, found by walking."""
    line, units = position
    starts = [0, *(found.end() for found in re.finditer("\r\n|\r|\n", text))]
    if line >= len(starts):
        return len(text)
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    unit_bytes = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    index = starts[line]
    for character in lines_of(text)[line]:
        units -= len(character.encode(codec)) // unit_bytes
        if units < 0:
            break
        index += 1
    return index


@given(TEXTS, EDITS, ENCODINGS)
@example("a\rb", [((1, 0), (1, 0), "\n")], "utf-16")
@example("a\rx\nb", [((1, 0), (1, 1), "")], "utf-16")
@example("a\r\nb", [((0, 1), (1, 0), "\r")], "utf-16")
@example("", [((0, 0), (0, 0), "\r"), ((1, 0), (1, 0), "\n")], "utf-8")
def test_edits_agree_with_a_string(
    text: str, edits: list[tuple[tuple[int, int], tuple[int, int], str]], encoding: PositionEncoding
) -> None:
    document = open_document(text, encoding)
    for start, end, new in edits:
        first, last = sorted((index_of(text, start, encoding), index_of(text, end, encoding)))
        document.change(edit(start, end, new))
        text = text[:first] + new + text[last:]
        assert document.text.decode() == text
        expected = [0, *(found.end() for found in re.finditer(b"\r\n|\r|\n", bytes(document.text)))]
        assert list(document.line_starts) == expected


@given(TEXTS, ENCODINGS)
def test_positions_and_offsets_are_inverse(text: str, encoding: PositionEncoding) -> None:
    document = open_document(text, encoding)
    for count in range(len(text) + 1):
        inside_line_end = text[count - 1 : count + 1] == "\r\n"
        offset = len(text[:count].encode()) - inside_line_end
        position = document.position(offset)
        assert document.offset(position) == offset
        assert index_of(text, (position.line, position.character), encoding) == count - inside_line_end


@given(TEXTS)
def test_lines_end_where_lsp_says(text: str) -> None:
    document = open_document(text)
    spans = [document.line_span(line) for line in range(len(document.line_starts))]
    assert [document.text[start:end].decode() for start, end in spans] == lines_of(text)


def test_a_change_without_range_replaces_everything() -> None:
    document = open_document("old\ntext")
    document.change(types.TextDocumentContentChangeWholeDocument("n\new"))
    assert bytes(document.text) == b"n\new"
    assert list(document.line_starts) == [0, 2]


@pytest.mark.parametrize(("text", "line_end"), [("a", b"\n"), ("a\r\nb\n", b"\r\n"), ("a\rb", b"\r")])
def test_the_first_line_end_is_the_documents(text: str, line_end: bytes) -> None:
    assert open_document(text).line_end == line_end


def test_a_character_inserted_in_two_halves_keeps_positions() -> None:
    document = open_document("ab")
    document.change(edit((0, 1), (0, 1), "\ud83d"))
    document.change(edit((0, 2), (0, 2), "\ude00"))
    document.change(edit((0, 3), (0, 4), "X"))
    assert document.text.decode() == "a\ufffd\ufffdX"


def test_the_store_applies_changes_in_order_and_forgets_closed_documents() -> None:
    store = DocumentStore("utf-8")
    store.open(types.TextDocumentItem(URI, "python", 1, "ab"))
    changes = [edit((0, 2), (0, 2), "c"), edit((0, 3), (0, 3), "d")]
    identifier = types.VersionedTextDocumentIdentifier(7, URI)
    store.change(types.DidChangeTextDocumentParams(identifier, changes))
    document = store.get(URI)
    assert document is not None
    assert (bytes(document.text), document.version) == (b"abcd", 7)
    store.close(URI)
    store.change(types.DidChangeTextDocumentParams(identifier, changes))
    assert store.get(URI) is None
