"""A notebook as an editor has it, and what it tells a server when cells are edited, added, moved, removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types

from byte_lsp.client import Client, ClientDocument

CODE, PROSE = types.NotebookCellKind.Code, types.NotebookCellKind.Markup


@dataclass(frozen=True, slots=True)
class Source:
    """A cell to be made."""

    text: str
    language: str = "python"
    kind: types.NotebookCellKind = CODE


def as_comments(prose: str, language: str) -> str:
    """The first eight lines of prose, as a person would write them into code."""
    lines = re.split("\r\n|\r|\n", prose.strip(" \t\r\n"))[:8]
    begin, end = ("<!--", "-->") if language == "markdown" else ("#", "")
    return "\n".join(" ".join(filter(None, (begin, line, end))) for line in lines)


class NotebookEditor:
    """An open notebook. Cells' URIs have a scheme of this editor's own, and say nothing of the file."""

    def __init__(self, client: Client, uri: str, sources: Sequence[Source | str]) -> None:
        self.client = client
        self.uri = uri
        self.version = 0
        self._made = 0
        self._kinds: dict[str, types.NotebookCellKind] = {}
        self.cells = [self._make(source) for source in sources]
        notebook = types.NotebookDocument(uri, "jupyter-notebook", 0, self._listed(self.cells))
        params = types.DidOpenNotebookDocumentParams(notebook, [self._item(cell) for cell in self.cells])
        client.notify(types.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    def replace(self, cell: ClientDocument, start: int, end: int, text: str) -> None:
        """Replace the text ``[start, end)`` of a cell."""
        edit = cell.replace(start, end, text)
        content = types.NotebookDocumentCellContentChanges(edit.text_document, edit.content_changes)
        self._change(types.NotebookDocumentCellChanges(text_content=[content]))

    def insert(self, at: int, source: Source | str) -> ClientDocument:
        """Put a new cell before the one at an index."""
        cell = self._make(source)
        self.cells.insert(at, cell)
        array = types.NotebookCellArrayChange(at, 0, self._listed([cell]))
        self._restructure(array, did_open=[self._item(cell)])
        return cell

    def remove(self, at: int) -> None:
        """Remove the cell at an index."""
        cell = self.cells.pop(at)
        self._restructure(types.NotebookCellArrayChange(at, 1), did_close=[cell.identifier])

    def move(self, at: int, to: int) -> None:
        """Take a cell from one index to another, as one change of all cells between."""
        self.cells.insert(to, self.cells.pop(at))
        first, last = min(at, to), max(at, to) + 1
        moved = self._listed(self.cells[first:last])
        self._restructure(types.NotebookCellArrayChange(first, last - first, moved))

    def run(self, cell: ClientDocument) -> None:
        """A cell was executed."""
        summary = types.ExecutionSummary(execution_order=self.version + 1, success=True)
        (listed,) = self._listed([cell])
        listed.execution_summary = summary
        self._change(types.NotebookDocumentCellChanges(data=[listed]))

    def describe(self) -> None:
        """Something about the notebook changed, and nothing in its cells."""
        self._change(None)

    def save(self) -> None:
        notebook = types.NotebookDocumentIdentifier(self.uri)
        params = types.DidSaveNotebookDocumentParams(notebook)
        self.client.notify(types.NOTEBOOK_DOCUMENT_DID_SAVE, params)

    def close(self) -> None:
        notebook = types.NotebookDocumentIdentifier(self.uri)
        cells = [cell.identifier for cell in self.cells]
        params = types.DidCloseNotebookDocumentParams(notebook, cells)
        self.client.notify(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)

    def page(self, cell: ClientDocument) -> str:
        """The text that the cell is to be read in."""
        kind, at = self._kinds[cell.uri], self.cells.index(cell)
        texts = []
        for number, each in enumerate(self.cells):
            other = self._kinds[each.uri]
            if each is cell:
                texts.append(each.text)
            elif not each.text.strip():
                continue
            elif (other, each.language) == (kind, cell.language):
                texts.append(each.text)
            elif (other, kind) == (PROSE, CODE) and number < at:
                texts.append(as_comments(each.text, cell.language))
        return "\n\n".join(texts)

    def _make(self, source: Source | str) -> ClientDocument:
        source = Source(source) if isinstance(source, str) else source
        self._made += 1
        uri = f"example-cell:{self._made}#{self.uri.rpartition('/')[2]}"
        self._kinds[uri] = source.kind
        return ClientDocument(uri, source.text, source.language, self.client.encoding)

    def _item(self, cell: ClientDocument) -> types.TextDocumentItem:
        return types.TextDocumentItem(cell.uri, cell.language, cell.version, cell.text)

    def _listed(self, cells: Sequence[ClientDocument]) -> list[types.NotebookCell]:
        return [types.NotebookCell(self._kinds[cell.uri], cell.uri) for cell in cells]

    def _restructure(self, array: types.NotebookCellArrayChange, **documents: Any) -> None:
        structure = types.NotebookDocumentCellChangeStructure(array, **documents)
        self._change(types.NotebookDocumentCellChanges(structure=structure))

    def _change(self, cells: types.NotebookDocumentCellChanges | None) -> None:
        self.version += 1
        notebook = types.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        event = types.NotebookDocumentChangeEvent(cells=cells)
        params = types.DidChangeNotebookDocumentParams(notebook, event)
        self.client.notify(types.NOTEBOOK_DOCUMENT_DID_CHANGE, params)
