"""A script written into a real server with the real model: documents, requests, counters."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from byte_lsp.client import Client
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.typing_bench import ARMS, check_document
from byte_lsp.evaluation.typing_counts import Counts, Meter
from byte_lsp.evaluation.typing_policy import Reaction
from byte_lsp.evaluation.typing_replay import Replay, Typist
from byte_lsp.evaluation.typing_script import Part, Rhythm, Script, make_script
from byte_lsp.settings import merge
from tests.evaluation.typing_texts import PYTHON

URI = "file:///typing/stack.py"
UNHURRIED: dict[str, Any] = {
    "suggest": {"deadline_ms": 0, "debounce_ms": 0, "confidence": 0},
    "context": {"deadline_ms": 0},
}

Serve = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def serve(smollm2_path: Path) -> Serve:
    @asynccontextmanager
    async def start(*settings: Any) -> AsyncIterator[Client]:
        async with await Client.start() as client:
            await client.initialize(options=merge({"model": str(smollm2_path)}, UNHURRIED, *settings))
            await client.wait_for_ready()
            yield client

    return start


@pytest.fixture
def script() -> Script:
    return make_script(PYTHON, 3, Part(0.55, 36), Rhythm(slip_rate=0.1, lines_a_jump=3))


async def write(client: Client, script: Script, reaction: Reaction = "ignore", **options: Any) -> Replay:
    """Write a script, and see that the server has its text then."""
    document = client.open(URI, script.before)
    meter = Meter(client)
    await meter.take()
    replay = await Typist(client, document, script, reaction, meter=meter, **options).write()
    theirs = await client.document(URI)
    digest = hashlib.sha256(script.after.encode()).hexdigest()
    size = len(script.after.encode())
    assert theirs == {"version": document.version, "bytes": size, "sha256": digest}
    return replay


async def test_the_servers_document_is_the_script_and_the_figures_add_up(
    serve: Serve, script: Script
) -> None:
    async with serve() as client:
        replay = await write(client, script)
    assert replay.pressed == replay.script_keys == script.strokes
    assert (replay.accepts, replay.accepted, replay.failures) == (0, 0, ())
    assert len(replay.asked) == script.strokes + len(script.stretches)
    assert replay.counts.requests == replay.counts.answered == len(replay.asked)
    assert all(each.waited_ms is not None and each.waited_ms > 0 for each in replay.asked)
    for name in ("requests", "asked", "from_memory", "held_back", "prompt_tokens_evaluated"):
        assert sum(getattr(each.counts, name) for each in replay.asked) == getattr(replay.counts, name), name
    written = [each for each in replay.asked if not each.is_move]
    assert sum(each.counts.asked + each.counts.from_memory for each in written) == len(written)
    assert {each.cause for each in replay.asked} == {"key", "correction", "jump"}
    assert replay.counts.from_memory > 0
    assert sum(each.without_model for each in written) == sum(each.counts.from_memory for each in written)
    assert replay.asked[0].cause == "jump"
    assert replay.asked[0].counts.asked == 1
    assert replay.counts.tokens_evaluated > replay.counts.prompt_tokens_evaluated > 0


async def test_without_memory_every_key_asks_the_model(serve: Serve, script: Script) -> None:
    async with serve(ARMS["no-memory"].settings) as client:
        replay = await write(client, script, stride=3)
    assert 0 < len(replay.asked) < script.strokes / 2
    assert replay.counts.from_memory == 0
    assert replay.counts.asked == sum(not each.is_move for each in replay.asked)
    assert not any(each.without_model and not each.is_move for each in replay.asked)


async def test_accepting_saves_keys_and_ends_with_the_same_text(serve: Serve, script: Script) -> None:
    async with serve() as client:
        replay = await write(client, script, "word")
    assert replay.accepts > 0
    assert replay.accepted > replay.accepts
    assert replay.pressed < replay.script_keys
    assert [each.cause for each in replay.asked].count("accept") == replay.accepts


async def test_a_key_that_comes_first_cancels_the_request(serve: Serve, script: Script) -> None:
    async with serve() as client:
        replay = await write(client, script, speed=1000.0)
        counts = Counts.of((await client.status())["counters"])
    assert any(each.waited_ms is None for each in replay.asked)
    assert replay.failures == ()
    assert counts.requests == len(replay.asked)
    assert counts.cancelled > 0
    assert counts.answered + counts.cancelled == counts.requests


async def test_documents_that_differ_are_found(serve: Serve) -> None:
    async with await Client.start() as client:
        await client.initialize(options={"model": "none.gguf"})
        document = client.open(URI, "a = 1\n")
        await check_document(client, document)
        document.text += "b"
        with pytest.raises(EvaluationError, match="the server has"):
            await check_document(client, document)
        assert await client.document("file:///not/open.py") is None
