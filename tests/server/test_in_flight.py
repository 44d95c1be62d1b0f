"""Waiting requests, and what each kind of giving up tells the editor and the worker."""

import asyncio
from concurrent.futures import Future

import pytest
from pygls.exceptions import JsonRpcContentModified, JsonRpcException, JsonRpcRequestCancelled

from byte_lsp.server.in_flight import InFlight


async def begin(waiting: InFlight, uri: str, method: str, work: Future[int]) -> asyncio.Task[int]:
    task = asyncio.create_task(waiting.wait(uri, method, asyncio.wrap_future(work)))
    await asyncio.sleep(0)
    return task


async def test_a_result_arrives() -> None:
    work: Future[int] = Future()
    task = await begin(InFlight(), "a", "inline", work)
    work.set_result(7)
    assert await task == 7


@pytest.mark.parametrize(
    ("event", "reason"), [("edited", JsonRpcContentModified), ("closed", JsonRpcRequestCancelled)]
)
async def test_an_event_stops_the_work_of_its_document_only(
    event: str, reason: type[JsonRpcException]
) -> None:
    waiting = InFlight()
    works: list[Future[int]] = [Future(), Future(), Future()]
    inline = await begin(waiting, "a", "inline", works[0])
    popup = await begin(waiting, "a", "popup", works[1])
    other = await begin(waiting, "b", "inline", works[2])
    getattr(waiting, event)("a")
    for task in (inline, popup):
        with pytest.raises(reason):
            await task
    assert [work.cancelled() for work in works] == [True, True, False]
    works[2].set_result(1)
    assert await other == 1


async def test_the_newest_request_wins() -> None:
    waiting = InFlight()
    old_work: Future[int] = Future()
    new_work: Future[int] = Future()
    old = await begin(waiting, "a", "inline", old_work)
    new = await begin(waiting, "a", "inline", new_work)
    with pytest.raises(JsonRpcRequestCancelled):
        await old
    assert old_work.cancelled()
    new_work.set_result(2)
    assert await new == 2


async def test_cancelling_the_request_cancels_the_work() -> None:
    work: Future[int] = Future()
    task = await begin(InFlight(), "a", "inline", work)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.cancelled()


async def test_a_result_that_an_edit_overtook_is_not_used() -> None:
    waiting = InFlight()
    work: Future[int] = Future()
    task = await begin(waiting, "a", "inline", work)
    asyncio.get_running_loop().call_soon(waiting.edited, "a")
    work.set_result(7)
    with pytest.raises(JsonRpcContentModified):
        await task


async def test_an_edit_in_the_very_turn_of_the_result_overtakes_it() -> None:
    waiting = InFlight()
    work: Future[int] = Future()
    task = await begin(waiting, "a", "inline", work)
    answer = waiting._waiting["a", "inline"].answer
    answer.set_result(7)
    waiting.edited("a")
    with pytest.raises(JsonRpcContentModified):
        await task


async def test_an_error_of_the_work_is_passed_on_and_frees_the_place() -> None:
    waiting = InFlight()
    work: Future[int] = Future()
    task = await begin(waiting, "a", "inline", work)
    work.set_exception(ValueError("bad"))
    with pytest.raises(ValueError, match="bad"):
        await task
    assert waiting._waiting == {}
