"""Notebooks: the cells around a cell are read with it, and everything else works as in any document."""

import random
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
import pytest_asyncio
from lsprotocol import types

from byte_lsp.client import Client, ServerError
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document
from byte_lsp.server.notebooks import Cell, Notebook
from byte_lsp.server.paths import Roots
from byte_lsp.server.places import Place, Typed
from byte_lsp.server.privacy import Privacy
from byte_lsp.server.suggestions import Slot, pose, slot_at
from byte_lsp.settings import ContextSettings, PrivacySettings, Settings
from tests.server.notebook_editor import CODE, PROSE, NotebookEditor, Source

with_server = pytest.mark.asyncio(loop_scope="module")

CONTENT_MODIFIED = -32801
STEPS = 150
PIECES = ("a", "x = 1\n", "\n", "\n\n", "    ", "é", "中", "😀", "e\u0301", "print(")
LOADING = "average_of_totals = sum(totals) / len(totals)\ncount_of_totals = len(totals)"
FIRST = "# the numbers of each day\ntotals = [3, 5, 8]"


def notebook_of(*sources: Source | str, uri: str = "file:///w/analysis.ipynb") -> tuple[Notebook, list[Cell]]:
    made = [Source(each) if isinstance(each, str) else each for each in sources]
    uris = [f"cell:{number}" for number in range(len(made))]
    listed = [types.NotebookCell(each.kind, cell) for each, cell in zip(made, uris, strict=True)]
    notebook = Notebook(uri, listed)
    items = [
        types.TextDocumentItem(cell, each.language, 1, each.text)
        for each, cell in zip(made, uris, strict=True)
    ]
    return notebook, [notebook.open(item, "utf-16") for item in items]


def test_a_page_is_the_cells_of_one_language_in_order() -> None:
    prose, script = Source("# Title", "markdown", PROSE), Source("ls", "shellscript")
    blank = Source(" \n", "python")
    _, cells = notebook_of("a = 1", blank, script, "b\n", "c", Source("d", "python", PROSE), prose)
    first, empty, shell, second, third, odd, title = cells
    for cell, start in ((first, 0), (second, 7), (third, 11)):
        assert (bytes(cell.page.text), cell.page.start) == (b"a = 1\n\nb\n\n\nc", start)
    assert bytes(empty.page.text) == b"a = 1\n\n \n\n\nb\n\n\nc"
    assert [bytes(each.page.text) for each in (title, shell, odd)] == [b"# Title", b"ls", b"d"]
    assert first.page.parts == {first.uri: 0, second.uri: 7, third.uri: 11}
    assert {each.file_uri for each in cells} == {"file:///w/analysis.ipynb"}


def test_prose_before_code_is_on_its_page_as_comments() -> None:
    prose = Source("## Totals\r\n\r\nof *each* day\n", "markdown", PROSE)
    long = Source("\n".join("123456789"), "markdown", PROSE)
    _, (title, first, _, _, second) = notebook_of(prose, "a = 1", long, Source("ls", "shellscript"), "b")
    assert bytes(first.page.text) == b"# ## Totals\n#\n# of *each* day\n\na = 1\n\nb"
    assert second.page.text.endswith(b"a = 1\n\n# 1\n# 2\n# 3\n# 4\n# 5\n# 6\n# 7\n# 8\n\nb")
    assert bytes(title.page.text).startswith(b"## Totals\r\n")
    assert b"a = 1" not in title.page.text
    assert title.uri in first.page.parts, "and so it is not shown twice"


def test_what_an_editor_gets_wrong_costs_the_cell_its_place() -> None:
    notebook, (first, second, third) = notebook_of("a", "b", "c")
    again = types.NotebookCell(CODE, first.uri)
    missing = types.NotebookCell(CODE, "cell:none")
    notebook.splice(types.NotebookCellArrayChange(2, 99, [again, missing]))
    assert bytes(second.page.text) == b"a\n\nb"
    assert (bytes(third.page.text), third.page.start) == (b"c", 0)
    notebook.splice(types.NotebookCellArrayChange(50, 1, [types.NotebookCell(CODE, third.uri)]))
    assert bytes(third.page.text) == b"a\n\nb\n\nc"


def test_the_cells_around_are_prefix_and_suffix() -> None:
    _, (_, cell, _) = notebook_of("a = 1\r\n", "b = é\nc", "d")
    problem = pose(cell, slot_at(cell, types.Position(0, 5)), Settings(), Neighbours(), invoked=False)
    assert problem.prefix.decode() == "a = 1\n\n\nb = é"
    assert problem.suffix == b"\nc\n\nd"
    assert (problem.path, problem.language) == (b"analysis.ipynb", "python")
    assert not problem.suffix_goes_on
    short = Settings(context=ContextSettings(prefix_bytes=64, suffix_bytes=2))
    assert pose(cell, slot_at(cell, types.Position(1, 1)), short, Neighbours(), invoked=False).suffix_goes_on


def test_the_path_that_the_model_sees_is_the_notebooks() -> None:
    neighbours = Neighbours(Roots(["file:///w"]))
    _, (cell,) = notebook_of("a", uri="file:///w/reports/analysis.ipynb")
    problem = pose(cell, slot_at(cell, types.Position(0, 1)), Settings(), neighbours, invoked=False)
    assert (problem.repo, problem.path) == (b"w", b"reports/analysis.ipynb")


def test_a_place_is_another_once_the_cells_before_it_changed() -> None:
    notebook, (first, second) = notebook_of("a = 1", "b")
    slot = Slot(1, 1)
    earlier = Place.of(second, slot)
    assert Place.of(second, Slot(1, 1, b"cd")).typed_since(earlier) == Typed(b"cd")
    first.change(types.TextDocumentContentChangeWholeDocument("a = 2"))
    assert Place.of(second, slot).typed_since(earlier) is None
    earlier = Place.of(second, slot)
    assert earlier.inserted_since(second) == b""
    notebook.splice(types.NotebookCellArrayChange(0, 1))
    assert Place.of(second, slot).typed_since(earlier) is None
    assert earlier.inserted_since(second) is None


WORDS = "def settle_invoice(customer_account, outstanding_balance):\n    return customer_account\n"
USE = "settle_invoice(customer_account, outstanding_balance)\n"


def neighbours_of(*documents: Document, privacy: Privacy | None = None) -> Neighbours:
    neighbours = Neighbours(Roots(["file:///w"]), privacy)
    for each in documents:
        neighbours.opened(each)
    return neighbours


def test_cells_on_the_page_are_not_shown_twice_but_those_out_of_sight_are() -> None:
    short = ContextSettings(prefix_bytes=1024, suffix_bytes=64)
    _, cells = notebook_of(WORDS, USE)
    assert neighbours_of(*cells).chunks(cells[1], len(USE), short) == ()
    far = "\n".join(f"value_{number} = {number}" for number in range(400))
    _, cells = notebook_of(WORDS, far, USE)
    (chunk,) = neighbours_of(*cells).chunks(cells[2], len(USE), short)
    assert (chunk.path, chunk.text) == (b"analysis.ipynb", WORDS.encode())


def test_cells_are_neighbours_of_other_files_unless_their_notebook_stays_out() -> None:
    file = Document(types.TextDocumentItem("file:///w/a.py", "python", 1, USE), "utf-16")
    _, cells = notebook_of(WORDS)
    (chunk,) = neighbours_of(*cells, file).chunks(file, len(USE), ContextSettings())
    assert chunk.text == WORDS.encode()
    private = Privacy(Roots(["file:///w"]), PrivacySettings(exclude="*.ipynb"))
    assert neighbours_of(*cells, file, privacy=private).chunks(file, len(USE), ContextSettings()) == ()
    _, cells = notebook_of(WORDS, uri="git:/w/analysis.ipynb")
    assert neighbours_of(*cells, file).chunks(file, len(USE), ContextSettings()) == ()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[Client]:
    client = await Client.start()
    suggest = {"confidence": 0, "deadline_ms": 0, "debounce_ms": 0, "ahead": False, "max_lines": 1}
    await client.initialize(options={"model": model_path, "suggest": suggest})
    await client.wait_for_ready()
    yield client
    assert await client.stop() == 0
    assert client.stray == b""


@pytest.fixture
def notebook(client: Client, request: pytest.FixtureRequest) -> Iterator[NotebookEditor]:
    """Two cells of code, prose between them, and a third one to write in."""
    prose = Source("# What is in the average?", "markdown", PROSE)
    uri = f"file:///{request.node.name}.ipynb"
    editor = NotebookEditor(client, uri, [FIRST, prose, LOADING, "print(average_of_"])
    yield editor
    editor.close()


async def asked(client: Client) -> int:
    return int((await client.status())["counters"].get("asked", 0))


async def suggestion(editor: NotebookEditor, number: int, at: int | None = None) -> str:
    cell = editor.cells[number]
    items = await editor.client.inline_completion(cell, len(cell.text) if at is None else at)
    return str(items[0].insert_text) if items else ""


@with_server
async def test_the_server_says_that_it_takes_all_cells(client: Client) -> None:
    sync = client.capabilities.notebook_document_sync
    assert sync is not None
    (selector,) = sync.notebook_selector
    assert (selector.notebook, selector.cells) == ("*", None)


@with_server
async def test_names_of_the_cells_before_are_known(client: Client, notebook: NotebookEditor) -> None:
    cell = notebook.cells[3]
    (item,) = await client.inline_completion(cell, len(cell.text))
    assert str(item.insert_text).startswith("totals")
    cursor = types.Position(0, len("print(average_of_"))
    assert item.range == types.Range(cursor, cursor)


@with_server
async def test_typing_along_in_a_cell_asks_nothing_and_other_cells_count(
    client: Client, notebook: NotebookEditor
) -> None:
    first = await suggestion(notebook, 3)
    before = await asked(client)
    end = len(notebook.cells[3].text)
    notebook.replace(notebook.cells[3], end, end, first[:3])
    assert await suggestion(notebook, 3) == first[3:]
    assert await asked(client) == before
    notebook.replace(notebook.cells[0], 0, 0, "# other numbers\n")
    await suggestion(notebook, 3)
    assert await asked(client) == before + 1


@with_server
async def test_running_saving_and_moving_between_cells_ask_nothing(
    client: Client, notebook: NotebookEditor
) -> None:
    first = await suggestion(notebook, 3)
    before = await asked(client)
    notebook.run(notebook.cells[3])
    notebook.describe()
    notebook.save()
    for number in (0, 2, 1, 0, 2):
        assert await suggestion(notebook, number, 3) == ""
    assert await suggestion(notebook, 3) == first
    assert await asked(client) == before


@with_server
async def test_a_new_cell_is_asked_about_at_once(client: Client, notebook: NotebookEditor) -> None:
    await suggestion(notebook, 3)
    before = await asked(client)
    notebook.insert(3, "print(count_of_")
    assert (await suggestion(notebook, 3)).startswith("totals")
    assert await asked(client) == before + 1


@with_server
async def test_an_edit_of_the_cell_overtakes_its_request_and_of_another_cell_does_not(
    client: Client, notebook: NotebookEditor
) -> None:
    cell = notebook.cells[3]
    kept = client.ask_inline(cell, len(cell.text))
    notebook.replace(notebook.cells[0], 0, 0, "#")
    assert await kept.answer
    overtaken = client.ask_inline(cell, len(cell.text), invoked=True)
    notebook.replace(cell, 0, 0, "#")
    with pytest.raises(ServerError) as raised:
        await overtaken.answer
    assert raised.value.code == CONTENT_MODIFIED


@with_server
async def test_a_closed_cell_has_no_suggestions(client: Client, notebook: NotebookEditor) -> None:
    cell = notebook.cells[3]
    notebook.remove(3)
    assert await client.inline_completion(cell, 3) == []
    assert await client.document(cell.uri) is None
    notebook.close()
    for each in notebook.cells:
        assert await client.document(each.uri) is None


@with_server
async def test_privacy_and_status_go_by_the_notebooks_path(client: Client, tmp_path: Path) -> None:
    change = types.DidChangeConfigurationParams({"byteLsp": {"privacy": {"exclude": "private.ipynb"}}})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, change)
    hidden = NotebookEditor(client, (tmp_path / "private.ipynb").as_uri(), [FIRST, "print(tot"])
    assert (await client.status())["status"]["state"] == "excluded"
    assert await suggestion(hidden, 1) == ""
    assert (await client.status())["status"]["state"] == "excluded"
    hidden.close()
    assert (await client.status())["status"]["state"] != "excluded"


@with_server
async def test_a_notebook_that_misses_an_edit_is_closed(client: Client, notebook: NotebookEditor) -> None:
    broken = {"notebookDocument": {"uri": notebook.uri, "version": "x"}, "change": {"cells": 1}}
    client.notify(types.NOTEBOOK_DOCUMENT_DID_CHANGE, broken)
    assert await client.document(notebook.cells[0].uri) is None


@with_server
@pytest.mark.parametrize("seed", range(3))
async def test_a_server_has_the_notebook_that_the_editor_has(client: Client, seed: int) -> None:
    draw = random.Random(seed)
    editor = NotebookEditor(client, f"file:///walk{seed}.ipynb", ["a", "b"])
    for _ in range(STEPS):
        do_something(editor, draw)
        if editor.cells:
            cell = draw.choice(editor.cells)
            found = await client.document(cell.uri)
            assert found is not None
            assert found["version"] == cell.version
            assert found["sha256"] == sha256(cell.text.encode()).hexdigest()
            assert found["page_sha256"] == sha256(editor.page(cell).encode()).hexdigest()
    editor.close()


def do_something(editor: NotebookEditor, draw: random.Random) -> None:
    text = "".join(draw.choice(PIECES) for _ in range(draw.randrange(5)))
    choice = draw.random()
    if choice < 0.15 or not editor.cells:
        languages = ("python", "python", "r", "markdown")
        editor.insert(
            draw.randrange(len(editor.cells) + 1),
            Source(text, draw.choice(languages), draw.choice((CODE, CODE, PROSE))),
        )
        return
    at, to = (draw.randrange(len(editor.cells)) for _ in range(2))
    cell = editor.cells[at]
    if choice < 0.25:
        editor.remove(at)
    elif choice < 0.4:
        editor.move(at, to)
    elif choice < 0.45:
        editor.run(cell)
    else:
        start, end = sorted(draw.randrange(len(cell.text) + 1) for _ in range(2))
        editor.replace(cell, start, end, text)
