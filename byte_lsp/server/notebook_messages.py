"""The messages about notebooks. What happens to a cell's text is what happens to any document."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from lsprotocol import types

from byte_lsp.server.asking import look_at
from byte_lsp.server.notebooks import Notebook
from byte_lsp.server.server import ByteLspServer

logger = logging.getLogger(__name__)


def did_open(ls: ByteLspServer, params: types.DidOpenNotebookDocumentParams) -> None:
    close(ls, params.notebook_document.uri)
    notebook = ls.notebooks.open(params.notebook_document)
    open_cells(ls, notebook, params.cell_text_documents)
    look_at(ls, notebook.uri)


def did_change(ls: ByteLspServer, params: types.DidChangeNotebookDocumentParams) -> None:
    notebook = ls.notebooks.get(params.notebook_document.uri)
    if notebook is None:
        logger.warning("ignored a change of a notebook that is not open")
        return
    cells = params.change.cells or types.NotebookDocumentCellChanges()
    if cells.structure is not None:
        restructure(ls, notebook, cells.structure)
    for cell in cells.data or ():
        notebook.describe(cell)
    for content in cells.text_content or ():
        ls.change_document(types.DidChangeTextDocumentParams(content.document, content.changes))


def did_save(ls: ByteLspServer, params: types.DidSaveNotebookDocumentParams) -> None:
    """What is suggested does not depend on it."""


def did_close(ls: ByteLspServer, params: types.DidCloseNotebookDocumentParams) -> None:
    close(ls, params.notebook_document.uri)


def restructure(
    ls: ByteLspServer, notebook: Notebook, change: types.NotebookDocumentCellChangeStructure
) -> None:
    """Cells come, go or move. Who has made a new one is as if typing in it."""
    notebook.splice(change.array)
    for closed in change.did_close or ():
        close_cell(ls, notebook, closed.uri)
    open_cells(ls, notebook, change.did_open or ())
    ls.suggester.wake(notebook.uri)


def open_cells(ls: ByteLspServer, notebook: Notebook, items: Iterable[types.TextDocumentItem]) -> None:
    for item in items:
        ls.open_document(notebook.open(item, ls.documents.encoding))


def close_cell(ls: ByteLspServer, notebook: Notebook, uri: str) -> None:
    if uri in notebook.cells:
        notebook.close(uri)
        ls.close_document(uri)


def close(ls: ByteLspServer, uri: str) -> None:
    """Close a notebook if it is open, and all of its cells, whichever are named."""
    notebook = ls.notebooks.close(uri)
    if notebook is None:
        return
    for cell in list(notebook.cells):
        close_cell(ls, notebook, cell)
    ls.privacy.closed(uri)
    ls.forget(uri)


FEATURES: dict[str, Callable[..., Any]] = {
    types.NOTEBOOK_DOCUMENT_DID_OPEN: did_open,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE: did_change,
    types.NOTEBOOK_DOCUMENT_DID_SAVE: did_save,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE: did_close,
}
