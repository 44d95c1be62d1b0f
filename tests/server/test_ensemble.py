"""Two models with different vocabularies as the server's one model, over LSP."""

import asyncio

import pytest
from lsprotocol import types

from byte_lsp.models import ensure

from .conftest import StartServer


async def test_an_ensemble_suggests_over_lsp(start_server: StartServer, stack: str) -> None:
    ensure("smollm2-135m")
    ensure("gemma3-270m")
    ensemble = {"members": "smollm2-135m=0.6, gemma3-270m=0.4"}
    client = await start_server(options={"ensemble": ensemble, "suggest": {"max_bytes": 24}})
    await client.wait_for_ready(timeout_seconds=240)
    document = client.open("file:///stack.py", stack)
    (item,) = await client.inline_completion(document, len(stack))
    assert isinstance(item.insert_text, str)
    assert item.insert_text.startswith("ms")


@pytest.mark.parametrize(
    ("ensemble", "about"),
    [
        ({"members": "smollm2-135m=1, other=-1"}, "product"),
        ({"members": "smollm2-135m=heavy"}, "MODEL=WEIGHT"),
        ({"members": ","}, "at least one member"),
        ({"members": "smollm2-135m=1, no-such-model=1"}, "no-such-model"),
    ],
)
async def test_an_ensemble_that_cannot_be_is_explained(
    start_server: StartServer, ensemble: dict[str, str], about: str
) -> None:
    client = await start_server(options={"ensemble": ensemble})
    async with asyncio.timeout(60):
        while not any(about in each.message for each in client.messages):
            await asyncio.sleep(0.02)
    assert {each.type for each in client.messages} == {types.MessageType.Error}
    document = client.open("file:///a.py", "x = ")
    assert await client.inline_completion(document, 4) == []
