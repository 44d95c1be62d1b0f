"""Moving around asks the model nothing: the rule, and the real model's counters."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from lsprotocol import types

from byte_lsp.client import Client, ServerError
from byte_lsp.server.documents import Document
from byte_lsp.server.moves import Moves

MOVES = 200
WORK = ("asked", "tokens_evaluated", "ahead", "prompt_tokens_evaluated")
TEXT = (
    "class Stack:\n"
    "    def __init__(self):\n"
    "        self.items = []\n"
    "\n"
    "    def push(self, item):\n"
    "        self.items.append(item)\n"
    "\n"
    "    def pop(self):\n"
    "        return self.ite"
)


def document(uri: str) -> Document:
    return Document(types.TextDocumentItem(uri, "python", 1, "x" * 9), "utf-8")


A, B = document("file:///a.py"), document("file:///b.py")


def test_only_after_an_edit_the_model_is_asked_and_only_there() -> None:
    moves = Moves()
    assert not moves.is_move(A, 3), "the first request of a file"
    assert not moves.is_move(A, 3), "the same place: it was cancelled, or the popup selects something else"
    assert moves.is_move(A, 4)
    assert moves.is_move(A, 4), "a second request comes of the same move"
    assert moves.is_move(A, 3)
    moves.edited(A.file_uri)
    assert not moves.is_move(A, 4)


def test_files_do_not_disturb_each_other() -> None:
    moves = Moves()
    assert not moves.is_move(A, 1)
    assert not moves.is_move(B, 2)
    assert not moves.is_move(A, 1)
    assert moves.is_move(B, 1)
    moves.edited(A.file_uri)
    assert moves.is_move(B, 2)
    assert not moves.is_move(A, 2)


def test_who_asks_is_at_work_there() -> None:
    moves = Moves()
    moves.invoked(A, 1)
    assert moves.is_move(A, 2)
    moves.invoked(A, 5)
    assert not moves.is_move(A, 5)
    assert moves.is_move(A, 1)
    moves.forget_all()
    assert not moves.is_move(A, 1)


with_server = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[Client]:
    client = await Client.start()
    suggest = {"confidence": 0, "deadline_ms": 0, "debounce_ms": 0, "ahead": False}
    await client.initialize(options={"model": model_path, "suggest": suggest})
    await client.wait_for_ready()
    yield client
    assert await client.stop() == 0


async def work(client: Client) -> dict[str, int]:
    counters = (await client.status())["counters"]
    return {name: counters.get(name, 0) for name in WORK}


@with_server
async def test_two_hundred_moves_cost_nothing(client: Client) -> None:
    draw = random.Random(0)
    main = client.open("file:///moves.py", TEXT)
    other = client.open("file:///moved.py", TEXT.replace("Stack", "Queue"))
    for each in (main, other):
        assert await client.inline_completion(each, len(TEXT))
    before = await work(client)
    assert before["asked"]
    shown = 0
    for number in range(MOVES):
        seen = draw.choice((main, other))
        at = len(TEXT) if number % 20 == 0 else draw.randrange(len(TEXT))
        shown += bool(await client.inline_completion(seen, at))
    assert await work(client) == before
    assert shown >= MOVES / 20, "what is known is shown, wherever the cursor comes from"


@with_server
async def test_moves_that_overtake_an_answer_stop_the_model_and_ask_nothing(client: Client) -> None:
    text = TEXT.replace("Stack", "Overtaken")
    moved = client.open("file:///overtaken.py", text)
    first = client.ask_inline(moved, len(text))
    client.cancel(first)
    with pytest.raises(ServerError):
        await first.answer
    before = await work(client)
    for at in (3, len(text), 3, len(text), len(text)):
        assert await client.inline_completion(moved, at) == []
    assert await work(client) == before
    client.replace(moved, len(text), len(text), "m")
    assert await client.inline_completion(moved, len(text) + 1)
    assert (await work(client))["asked"] == before["asked"] + 1


@with_server
async def test_who_asks_is_answered_anywhere(client: Client) -> None:
    text = TEXT.replace("Stack", "Invoked")
    moved = client.open("file:///invoked.py", text)
    await client.inline_completion(moved, len(text))
    before = await work(client)
    await client.inline_completion(moved, text.index("append"), invoked=True)
    assert (await work(client))["asked"] == before["asked"] + 1


@with_server
async def test_another_item_of_the_popup_is_no_move(client: Client) -> None:
    text = TEXT.replace("Stack", "Popup")
    opened = client.open("file:///popup.py", text)
    end = len(text)
    word = types.Range(opened.position(end - 3), opened.position(end))
    before = await work(client)
    for item in ("items", "itemsize"):
        selected = types.SelectedCompletionInfo(word, item)
        await client.inline_completion(opened, end, selected=selected)
    assert (await work(client))["asked"] == before["asked"] + 2


@with_server
async def test_what_was_begun_for_the_place_left_is_given_up(client: Client) -> None:
    """A suggestion's rest, and what would follow it, are written while the cursor stays."""
    settings = {"suggest": {"confidence": 0, "deadline_ms": 0, "debounce_ms": 0, "ahead": True}}
    change = types.DidChangeConfigurationParams({"byteLsp": settings})
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, change)
    text = TEXT.replace("Stack", "Left")
    left = client.open("file:///left.py", text)
    assert await client.inline_completion(left, len(text))
    assert await client.inline_completion(left, 3) == []
    before = await work(client)
    await asyncio.sleep(1)
    assert await work(client) == before
