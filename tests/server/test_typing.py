"""The typing loop with the real model: what is answered from memory, what is written on, what is prepared."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from lsprotocol import types

from byte_lsp.client import Client, ClientDocument
from byte_lsp.server.suggester import AHEAD_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

WAIT_S = 60
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
LONG = "# one, two, three, four, five, six, seven, eight, nine, ten\n" * 2 + "# one, two, three,"
"""What follows is long, and the model is sure of it."""

SETTINGS: Mapping[str, Any] = {"confidence": 0, "ahead": False, "deadline_ms": 0, "debounce_ms": 0}

# Lines of other tests' documents stay out, and all of the prompt is read at once: else the tests that ran
# before and the speed of the machine decide what is in it.
CONTEXT: Mapping[str, Any] = {"neighbours": False, "deadline_ms": 0}

# Without drafts: what is copied in one batch is never unfinished.
ENGINE: Mapping[str, Any] = {"drafts": False}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_path: str) -> AsyncIterator[Client]:
    client = await Client.start()
    await client.initialize(
        options={"model": model_path, "suggest": SETTINGS, "context": CONTEXT, "engine": ENGINE}
    )
    await client.wait_for_ready()
    yield client
    assert await client.stop() == 0
    assert client.stray == b""


async def set_up(client: Client, **suggest: Any) -> None:
    settings = {"byteLsp": {"suggest": {**SETTINGS, **suggest}, "context": CONTEXT, "engine": ENGINE}}
    client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, types.DidChangeConfigurationParams(settings))
    await client.status()


async def counters(client: Client) -> dict[str, int]:
    found: dict[str, int] = (await client.status())["counters"]
    return found


async def ask(client: Client, document: ClientDocument) -> str:
    items = await client.inline_completion(document, len(document.text))
    return str(items[0].insert_text) if items else ""


async def gained(client: Client, before: Mapping[str, int]) -> dict[str, int]:
    after = await counters(client)
    return {
        name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)
    }


async def test_typing_along_asks_the_model_nothing(client: Client) -> None:
    await set_up(client)
    document = client.open("file:///along.py", TEXT)
    suggestion = await ask(client, document)
    assert suggestion.startswith("ms")
    before = await counters(client)
    for count in range(1, len(suggestion)):
        client.replace(document, len(document.text), len(document.text), suggestion[count - 1])
        assert await ask(client, document) == suggestion[count:]
    keys = len(suggestion) - 1
    assert await gained(client, before) == {"requests": keys, "answered": keys, "from_memory": keys}


async def test_backspace_and_partial_accept_ask_nothing(client: Client) -> None:
    await set_up(client)
    document = client.open("file:///back.py", LONG)
    suggestion = await ask(client, document)
    assert len(suggestion) > 4
    before = await counters(client)
    client.replace(document, len(document.text), len(document.text), suggestion[:3])
    assert await ask(client, document) == suggestion[3:]
    client.replace(document, len(document.text) - 2, len(document.text), "")
    assert await ask(client, document) == suggestion[1:]
    assert (await gained(client, before))["from_memory"] == 2
    assert "asked" not in await gained(client, before)


async def test_without_memory_the_model_is_asked_each_time(client: Client) -> None:
    await set_up(client, memory=False)
    document = client.open("file:///forgetful.py", TEXT)
    before = await counters(client)
    for character in "ms":
        await ask(client, document)
        client.replace(document, len(document.text), len(document.text), character)
    assert (await gained(client, before))["asked"] == 2
    assert "from_memory" not in await gained(client, before)


async def test_moving_around_asks_nothing(client: Client) -> None:
    await set_up(client)
    document = client.open("file:///moves.py", TEXT)
    places = [len(TEXT), TEXT.index("append"), len(TEXT)]
    for at in places:
        await client.inline_completion(document, at, invoked=True)
    before = await counters(client)
    for at in places:
        await client.inline_completion(document, at)
    assert (await gained(client, before))["from_memory"] == 3
    assert "tokens_evaluated" not in await gained(client, before)


async def test_late_answers_show_what_is_whole_and_the_next_key_shows_more(client: Client) -> None:
    await set_up(client)
    whole = await ask(client, client.open("file:///whole.py", LONG))
    await set_up(client, deadline_ms=1)
    document = client.open("file:///late.py", LONG)
    first = await ask(client, document)
    assert first
    assert len(first) < len(whole)
    assert whole.startswith(first)
    before = await counters(client)
    client.replace(document, len(document.text), len(document.text), first)
    assert await ask(client, document) == whole[len(first) :]
    assert "asked" not in await gained(client, before)


async def test_what_nobody_waits_for_is_not_written_on(client: Client) -> None:
    await set_up(client, deadline_ms=1)
    document = client.open(
        "file:///dropped.py", "# " + "one two three four five " * 8 + "\n\ndef long_list():\n"
    )
    assert await ask(client, document)
    before = await counters(client)
    client.replace(document, 0, 0, "# x\n")
    await asyncio.sleep(1)
    assert "tokens_evaluated" not in await gained(client, before), (
        "an unfinished rest that counts was written"
    )


async def test_what_follows_an_accepted_suggestion_is_there_at_once(client: Client) -> None:
    await set_up(client, ahead=True)
    document = client.open("file:///ahead.py", TEXT)
    suggestion = await ask(client, document)
    before = await counters(client)
    async with asyncio.timeout(WAIT_S):
        while "ahead" not in await gained(client, before):
            await asyncio.sleep(AHEAD_SECONDS)
    before = await counters(client)
    client.replace(document, len(document.text), len(document.text), suggestion)
    await ask(client, document)
    assert await gained(client, before) == {"requests": 1, "answered": 1, "from_memory": 1}


async def test_other_settings_are_other_suggestions(client: Client) -> None:
    await set_up(client)
    document = client.open("file:///settings.py", TEXT)
    await ask(client, document)
    before = await counters(client)
    await set_up(client, max_bytes=2)
    assert len(await ask(client, document)) <= 2
    assert (await gained(client, before))["asked"] == 1
