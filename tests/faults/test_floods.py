"""Clients that do not listen, and clients that do not wait."""

import asyncio
import os
import sys
from collections import Counter

import psutil
import pytest
from lsprotocol import types

from byte_lsp.client import ServerError
from byte_lsp.client.framing import FrameReader, frame
from byte_lsp.server.outlet import ENOUGH_BYTES, MOST_BYTES, Outlet
from tests.faults.conftest import LIMIT_S, TakeSeat, until

REQUESTS = 5000
UNREAD_REQUESTS = 20_000
MOST_GROWTH_BYTES = 64 << 20
TOO_OLD = {types.LSPErrorCodes.RequestCancelled, types.LSPErrorCodes.ContentModified, -32800}


async def test_of_thousands_of_requests_at_once_all_are_answered_and_the_newest_wins(
    take_seat: TakeSeat,
) -> None:
    seat = await take_seat()
    await seat.works()
    assert seat.client.process is not None
    server = psutil.Process(seat.client.process.pid)
    before = server.memory_info().rss
    pending = [
        seat.client.ask_inline(seat.document, len(seat.document.text) - back % 7, invoked=True)
        for back in range(REQUESTS, 0, -1)
    ]
    last = seat.client.ask_inline(seat.document, len(seat.document.text), invoked=True)
    async with asyncio.timeout(LIMIT_S):
        answers = await asyncio.gather(*(each.answer for each in pending), return_exceptions=True)
        (item,) = await last.answer
    assert str(item.insert_text).startswith("ms")
    errors = Counter(answer.code for answer in answers if isinstance(answer, ServerError))
    assert set(errors) <= TOO_OLD
    assert errors.total() > REQUESTS // 2
    assert server.memory_info().rss - before < MOST_GROWTH_BYTES
    assert (seat.warnings, seat.errors) == ([], [])
    await seat.works()


async def test_an_edit_and_a_request_for_each_of_thousands_of_keys(take_seat: TakeSeat) -> None:
    seat = await take_seat()
    end = len(seat.document.text)
    pending = []
    for _ in range(REQUESTS // 10):
        seat.client.replace(seat.document, end, end, "m")
        pending.append(seat.client.ask_inline(seat.document, end + 1))
        seat.client.replace(seat.document, end, end + 1, "")
        pending.append(seat.client.ask_inline(seat.document, end))
    async with asyncio.timeout(LIMIT_S):
        answers = await asyncio.gather(*(each.answer for each in pending), return_exceptions=True)
    codes = {answer.code for answer in answers if isinstance(answer, ServerError)}
    assert codes <= TOO_OLD
    await seat.works()
    assert seat.errors == []


def message(number: int, method: str, params: object) -> bytes:
    return frame({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


async def test_a_client_that_never_reads_is_made_to_wait_and_loses_nothing() -> None:
    """It writes as fast as the server lets it. The server's memory stays where it was, its event loop runs,
    and once the client reads, every request has its answer.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "byte_lsp.server", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    reader = FrameReader(process.stdout)
    options = {"model": "none.gguf"}
    hello = {"processId": os.getpid(), "capabilities": {}, "rootUri": None, "initializationOptions": options}
    process.stdin.write(message(0, "initialize", hello))
    async with asyncio.timeout(LIMIT_S):
        assert await reader.read() is not None
    process.stdin.write(frame({"jsonrpc": "2.0", "method": "initialized", "params": {}}))
    server = psutil.Process(process.pid)
    before = server.memory_info().rss
    padding = (
        "x" * 2000
    )  # in an error's message the server says it again: each answer is as long as its request
    for number in range(1, UNREAD_REQUESTS):
        process.stdin.write(message(number, f"byteLsp/{padding}", {}))
    await _until_quiet(server)
    assert server.memory_info().rss - before < MOST_GROWTH_BYTES
    assert process.returncode is None
    unsent = process.stdin.transport.get_write_buffer_size()
    assert unsent > 0, "the client should have had to wait"
    seen = set()
    async with asyncio.timeout(LIMIT_S):
        while len(seen) < UNREAD_REQUESTS - 1:
            answer = await reader.read()
            assert answer is not None
            if "id" in answer and "method" not in answer:
                seen.add(answer["id"])
    assert reader.stray == b""
    process.stdin.write(message(UNREAD_REQUESTS, "shutdown", None))
    process.stdin.write(frame({"jsonrpc": "2.0", "method": "exit"}))
    async with asyncio.timeout(LIMIT_S):
        assert await process.wait() == 0


async def test_an_outlet_says_when_nobody_can_read_any_more() -> None:
    """The other end of the pipe closes, which the thread that writes finds out."""
    reader, writer = os.pipe()
    outlet = Outlet(writer)
    room = outlet.write(bytes(2 * ENOUGH_BYTES))
    assert room is not None
    os.close(reader)
    await asyncio.wait_for(room, LIMIT_S)
    with pytest.raises(BrokenPipeError):
        outlet.write(b"x")
    outlet.close()
    os.close(writer)


async def test_what_is_left_unread_is_bounded() -> None:
    reader, writer = os.pipe()
    outlet = Outlet(writer)
    chunk = bytes(MOST_BYTES // 8)
    assert outlet.write(b"x") is None
    for _ in range(7):
        assert outlet.write(chunk) is not None
    with pytest.raises(BrokenPipeError):
        outlet.write(chunk)
    os.close(reader)
    await until(lambda: not outlet._thread.is_alive() or outlet._waiting.empty())
    outlet.close()
    os.close(writer)


async def _until_quiet(server: psutil.Process) -> None:
    """Return when the server has read all that it wants to."""
    calm, before = 0, server.cpu_times()
    async with asyncio.timeout(LIMIT_S):
        while calm < 5:
            await asyncio.sleep(0.2)
            now = server.cpu_times()
            calm = calm + 1 if now.user + now.system - before.user - before.system < 0.02 else 0
            before = now
