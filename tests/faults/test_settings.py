"""Settings change while a suggestion is being made."""

import asyncio
import sys

import psutil
import pytest
from lsprotocol import types

from tests.faults.conftest import OF_THE_MODEL, Seat, TakeSeat, until

CHANGES = 20


def push(seat: Seat, model: str, *, suggest: dict[str, object] | None = None, **engine: object) -> None:
    tree = {
        "model": model,
        "suggest": OF_THE_MODEL | (suggest or {}),
        "engine": {"context_tokens": 1024} | engine,
    }
    pushed = types.DidChangeConfigurationParams({"byteLsp": tree})
    seat.client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, pushed)


async def test_another_engine_ends_the_request_without_a_message(
    take_seat: TakeSeat, model_path: str
) -> None:
    seat = await take_seat()
    await seat.works()
    before = await seat.worker()
    pending = seat.client.ask_inline(seat.document, len(seat.document.text), invoked=True)
    push(seat, model_path, threads=1)
    assert await pending.answer in ([], None)
    await seat.until_state("ready")
    await seat.works()
    assert await seat.worker() != before
    assert (seat.warnings, seat.errors) == ([], [])


async def test_other_limits_let_the_request_finish_and_hold_for_the_next(
    take_seat: TakeSeat, model_path: str
) -> None:
    seat = await take_seat()
    await seat.works()
    before = await seat.worker()
    pending = seat.client.ask_inline(seat.document, len(seat.document.text), invoked=True)
    push(seat, model_path, suggest={"max_bytes": 3})
    (first,) = await pending.answer
    assert len(str(first.insert_text)) > 3
    assert 0 < len(await seat.suggestion()) <= 3
    assert await seat.worker() == before


@pytest.mark.skipif(
    sys.platform == "win32", reason="counts the server's processes, to which Windows adds its own"
)
async def test_many_changes_in_a_row_leave_one_worker_with_the_last_settings(
    take_seat: TakeSeat, model_path: str
) -> None:
    seat = await take_seat()
    assert seat.client.process is not None
    server = psutil.Process(seat.client.process.pid)
    pending = []
    for change in range(CHANGES):
        pending.append(seat.client.ask_inline(seat.document, len(seat.document.text), invoked=True))
        push(seat, model_path, context_tokens=1024 + 8 * change)
    answers = await asyncio.gather(*(each.answer for each in pending), return_exceptions=True)
    assert len(answers) == CHANGES
    await seat.until_state("ready")
    await seat.works()
    await until(lambda: [child.pid for child in server.children()] != [] and len(server.children()) == 1)
    assert [child.pid for child in server.children()] == [await seat.worker()]
    assert seat.errors == []
