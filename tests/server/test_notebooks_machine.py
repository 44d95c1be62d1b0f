"""Whatever an editor does to notebooks, the server has them as a simple reference has."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from lsprotocol import types

from byte_lsp.server import notebook_messages
from byte_lsp.server.app import build_server, did_change
from tests.server.notebook_editor import as_comments

URIS = ("file:///a.ipynb", "untitled:b")
LANGUAGES = ("python", "r", "markdown")
KINDS = (types.NotebookCellKind.Code, types.NotebookCellKind.Markup)
GAP = b"\n\n"

uris = st.sampled_from(URIS)
indices = st.integers(0, 5)
texts = st.lists(st.sampled_from(("a", "x = 1", "\n", " ", "é", "😀")), max_size=5).map("".join)


@dataclass(slots=True)
class ReferenceCell:
    uri: str
    language: str
    text: str
    kind: types.NotebookCellKind
    version: int = 0

    @property
    def item(self) -> types.TextDocumentItem:
        return types.TextDocumentItem(self.uri, self.language, self.version, self.text)

    @property
    def listed(self) -> types.NotebookCell:
        return types.NotebookCell(self.kind, self.uri)


@dataclass(slots=True)
class ReferenceNotebook:
    cells: list[ReferenceCell] = field(default_factory=list)

    def page(self, cell: ReferenceCell) -> tuple[bytes, int]:
        """The text that a cell is read in, and where it begins there."""
        at = self.cells.index(cell)
        before = [self._read(each, cell, is_before=True) for each in self.cells[:at]]
        behind = [self._read(each, cell, is_before=False) for each in self.cells[at + 1 :]]
        before, behind = ([text for text in texts if text] for texts in (before, behind))
        start = len(GAP.join(text.encode() for text in [*before, ""]))
        whole = GAP.join(text.encode() for text in [*before, cell.text, *behind])
        return whole, start

    def _read(self, other: ReferenceCell, cell: ReferenceCell, *, is_before: bool) -> str:
        if not other.text.strip():
            return ""
        if (other.kind, other.language) == (cell.kind, cell.language):
            return other.text
        is_prose = (other.kind, cell.kind) == (KINDS[1], KINDS[0])
        return as_comments(other.text, cell.language) if is_prose and is_before else ""


class Notebooks(RuleBasedStateMachine):
    """A server's notebooks, in this process, beside references."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.server = build_server()
        self.references: dict[str, ReferenceNotebook] = {}
        self.closed: list[str] = []
        self.made = 0

    def teardown(self) -> None:
        self.runner.run(self._close())
        self.runner.close()

    @rule(uri=uris, sources=st.lists(st.tuples(texts, st.sampled_from(LANGUAGES)), max_size=3))
    def open(self, uri: str, sources: list[tuple[str, str]]) -> None:
        self._forget(uri)
        reference = self.references[uri] = ReferenceNotebook()
        reference.cells = [self._make(text, language, KINDS[0]) for text, language in sources]
        listed = [cell.listed for cell in reference.cells]
        notebook = types.NotebookDocument(uri, "jupyter-notebook", 0, listed)
        items = [cell.item for cell in reference.cells]
        self._tell(notebook_messages.did_open, types.DidOpenNotebookDocumentParams(notebook, items))

    @rule(uri=uris)
    def close(self, uri: str) -> None:
        self._forget(uri)
        notebook = types.NotebookDocumentIdentifier(uri)
        self._tell(notebook_messages.did_close, types.DidCloseNotebookDocumentParams(notebook, []))

    @rule(
        uri=uris,
        start=indices,
        count=indices,
        keeps=st.lists(indices, max_size=3),
        new=st.lists(st.tuples(texts, st.sampled_from(LANGUAGES), st.sampled_from(KINDS)), max_size=2),
    )
    def splice(
        self,
        uri: str,
        start: int,
        count: int,
        keeps: list[int],
        new: list[tuple[str, str, types.NotebookCellKind]],
    ) -> None:
        """Take some cells out, and put some of them back in another order, with new ones behind."""
        reference = self.references.get(uri, ReferenceNotebook())
        cells = reference.cells
        taken = cells[start : start + count]
        kept = [taken[at] for at in dict.fromkeys(keeps) if at < len(taken)]
        made = [self._make(*each) for each in new]
        gone = [cell for cell in taken if cell not in kept]
        cells[start : start + count] = [*kept, *made]
        self.closed += [cell.uri for cell in gone]
        array = types.NotebookCellArrayChange(start, count, [cell.listed for cell in (*kept, *made)])
        self._change(
            uri,
            structure=types.NotebookDocumentCellChangeStructure(
                array,
                did_open=[cell.item for cell in made],
                did_close=[types.TextDocumentIdentifier(cell.uri) for cell in gone],
            ),
        )

    @rule(uri=uris, at=indices, kind=st.sampled_from(KINDS), order=indices)
    def describe(self, uri: str, at: int, kind: types.NotebookCellKind, order: int) -> None:
        """A cell was executed, or is of another kind now."""
        cells = self.references.get(uri, ReferenceNotebook()).cells
        if at < len(cells):
            cells[at].kind = kind
            data = cells[at].listed
            data.execution_summary = types.ExecutionSummary(order)
            self._change(uri, data=[data])

    @rule(uri=uris, at=indices, start=indices, end=indices, text=texts, is_cell_message=st.booleans())
    def edit(self, uri: str, at: int, start: int, end: int, text: str, is_cell_message: bool) -> None:
        """Edit a cell's first line, as the notebook's change or as one of a text document."""
        cells = self.references.get(uri, ReferenceNotebook()).cells
        if at >= len(cells):
            return
        cell = cells[at]
        line = len(cell.text.partition("\n")[0].encode("utf-8"))
        first, last = sorted((min(start, line), min(end, line)))
        head = cell.text.encode()
        first, last = (len(head[:each].decode(errors="ignore").encode()) for each in (first, last))
        range_ = types.Range(*(types.Position(0, _units(head[:each])) for each in (first, last)))
        cell.text = (head[:first] + text.encode() + head[last:]).decode()
        cell.version += 1
        identifier = types.VersionedTextDocumentIdentifier(cell.version, cell.uri)
        changes = [types.TextDocumentContentChangePartial(range_, text)]
        if is_cell_message:
            self._tell(did_change, types.DidChangeTextDocumentParams(identifier, changes))
        else:
            content = types.NotebookDocumentCellContentChanges(identifier, changes)
            self._change(uri, text_content=[content])

    @invariant()
    def same(self) -> None:
        for uri, reference in self.references.items():
            for cell in reference.cells:
                document = self.server.documents.get(cell.uri)
                assert document is not None
                assert (document.file_uri, document.version) == (uri, cell.version)
                assert document.text.decode() == cell.text
                page = document.page
                assert (bytes(page.text), page.start) == reference.page(cell)
        for uri in self.closed:
            assert self.server.documents.get(uri) is None

    def _make(self, text: str, language: str, kind: types.NotebookCellKind) -> ReferenceCell:
        self.made += 1
        return ReferenceCell(f"cell:{self.made}", language, text, kind)

    def _forget(self, uri: str) -> None:
        reference = self.references.pop(uri, ReferenceNotebook())
        self.closed += [cell.uri for cell in reference.cells]

    def _change(self, uri: str, **cells: object) -> None:
        identifier = types.VersionedNotebookDocumentIdentifier(1, uri)
        event = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(**cells))  # type: ignore[arg-type]
        self._tell(notebook_messages.did_change, types.DidChangeNotebookDocumentParams(identifier, event))

    def _tell(self, handler: object, params: object) -> None:
        async def tell() -> None:
            assert callable(handler)
            handler(self.server, params)

        self.runner.run(tell())

    async def _close(self) -> None:
        self.server.close()


def _units(text: bytes) -> int:
    return len(text.decode().encode("utf-16-le")) // 2


TestNotebooks = Notebooks.TestCase
TestNotebooks.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
