"""The editor's open documents, as UTF-8 bytes with an index of their lines.

A line ends at ``\\n``, ``\\r\\n`` or ``\\r`` and nowhere else (LSP 3.17, "Text Documents"); vertical tabs,
form feeds and U+2028 are text. Positions become byte offsets here; everything inward takes offsets.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lsprotocol import types

from byte_lsp.infill.window import previous_character
from byte_lsp.server.lines import LineStarts
from byte_lsp.server.positions import (
    MOST_BYTES_A_UNIT,
    PositionEncoding,
    byte_offset,
    encode_text,
    unit_offset,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """The text that a document is read in, by the model and by what is remembered of a place in it.

    A file is a page of its own. A notebook's cells share one (``server.notebooks``): the document begins at
    the byte ``start`` of it, and ``parts`` says where each of them does, by URI.
    """

    text: bytes | bytearray
    start: int = 0
    parts: Mapping[str, int] = field(default_factory=dict)


class Document:
    """One open document. ``text`` is valid UTF-8 at all times; ``version`` is the editor's."""

    def __init__(self, item: types.TextDocumentItem, encoding: PositionEncoding) -> None:
        self.uri = item.uri
        language: object = item.language_id  # which lsprotocol does not look at
        self.language = encode_text(language).decode() if isinstance(language, str) else ""
        self.version = item.version
        self._encoding = encoding
        self._replace_all(item.text)

    @property
    def file_uri(self) -> str:
        """The URI of the file that the document is, or is a part of."""
        return self.uri

    @property
    def page(self) -> Page:
        """The text around the document's own, with it."""
        return Page(self.text)

    def change(self, event: types.TextDocumentContentChangeEvent) -> None:
        """Apply one incremental or whole-document change."""
        if isinstance(event, types.TextDocumentContentChangePartial):
            start, end = self.span(event.range)
            self._splice(start, end, encode_text(event.text))
        else:
            self._replace_all(event.text)

    def offset(self, position: types.Position) -> int:
        """Byte offset of a position. A line past the last means the end of the document."""
        if position.line >= len(self._line_starts):
            return len(self.text)
        start, end = self.line_span(position.line)
        reach = start + MOST_BYTES_A_UNIT * position.character
        if reach < end:
            end = previous_character(self.text, reach)
        return start + byte_offset(self._slice(start, end), position.character, self._encoding)

    def span(self, range_: types.Range) -> tuple[int, int]:
        """Byte offsets of a range's ends, in order."""
        first, second = self.offset(range_.start), self.offset(range_.end)
        return min(first, second), max(first, second)

    def position(self, offset: int) -> types.Position:
        """Position of a byte offset in the editor's units. Inside a line end it is the end of the line."""
        line = self.line_at(offset)
        start, end = self.line_span(line)
        offset = previous_character(self.text, min(offset, end))
        return types.Position(line, unit_offset(self._slice(start, offset), offset - start, self._encoding))

    def range(self, start: int, end: int) -> types.Range:
        """The range of the bytes ``[start, end)``."""
        return types.Range(self.position(start), self.position(end))

    def line_at(self, offset: int) -> int:
        """Zero-based number of the line that holds a byte offset."""
        return self._line_starts.line_at(offset)

    def line_span(self, line: int) -> tuple[int, int]:
        """Byte offsets of a line's first byte and of its line end."""
        start = self._line_starts[line]
        if line + 1 == len(self._line_starts):
            return start, len(self.text)
        end = self._line_starts[line + 1]
        return start, end - (2 if self.text.endswith(b"\r\n", start, end) else 1)

    @property
    def line_end(self) -> bytes:
        """The line end that the document uses first; a line feed when it has none."""
        _, end = self.line_span(0)
        return bytes(self.text[end : self._line_starts[1]]) if len(self._line_starts) > 1 else b"\n"

    @property
    def line_starts(self) -> Sequence[int]:
        """Byte offsets at which lines start; the first is 0."""
        return self._line_starts

    def _replace_all(self, text: str) -> None:
        self.text = bytearray(encode_text(text))
        self._line_starts = LineStarts(self.text)

    def _splice(self, start: int, end: int, new: bytes) -> None:
        self.text[start:end] = new
        self._line_starts.splice(self.text, start, end, len(new))

    def _slice(self, start: int, end: int) -> bytes:
        with memoryview(self.text) as view:
            return bytes(view[start:end])


class DocumentStore:
    """The documents the editor has open, by URI."""

    def __init__(self, encoding: PositionEncoding) -> None:
        self.encoding = encoding
        self._documents: dict[str, Document] = {}

    def open(self, item: types.TextDocumentItem) -> Document:
        document = Document(item, self.encoding)
        self.add(document)
        return document

    def add(self, document: Document) -> None:
        """Keep a document, in place of one with the same URI."""
        self._documents[document.uri] = document

    def get(self, uri: str) -> Document | None:
        return self._documents.get(uri)

    def change(self, params: types.DidChangeTextDocumentParams) -> None:
        """Apply an edit's changes in order. An edit of a document that is not open is ignored."""
        document = self.get(params.text_document.uri)
        if document is None:
            logger.warning("ignored a change of a document that is not open")
            return
        for event in params.content_changes:
            document.change(event)
        document.version = params.text_document.version

    def close(self, uri: str) -> None:
        self._documents.pop(uri, None)
