"""A worker that hangs is found out, ended and started again."""

import asyncio
import os
import signal
import sys
from concurrent.futures import wait

import pytest

from byte_lsp.errors import WorkerDied
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import SampleProblem
from byte_lsp.worker.watchdog import Patience, Watchdog
from tests.faults.conftest import LIMIT_S, Fault, TakeSeat, impatient, until
from tests.worker.conftest import StartWorker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows stops no process by a signal")

AGAIN = " and was started again. If that happens again, run `byte-lsp doctor`, or choose a smaller model."
SHORT = InfillProblem(b"class Stack:\n    def push(self, item):\n        self.ite", max_bytes=8)
ENDLESS = SampleProblem(b"1, 2, 3, 4, ", max_bytes=100_000, temperature=0.0)


async def test_a_stopped_worker_that_is_told_to_stop_its_work_is_started_again(take_seat: TakeSeat) -> None:
    """The person types on: each key cancels what the last one asked for."""
    seat = await take_seat(**impatient(cancelled_seconds=2))
    pid = await seat.worker()
    os.kill(pid, signal.SIGSTOP)
    first = seat.client.ask_inline(seat.document, len(seat.document.text))
    seat.client.cancel(first)
    await until(lambda: bool(seat.warnings))
    (warning,) = seat.warnings
    assert warning.startswith("byte-lsp: The model process hung (no sign of life for ")
    assert warning.endswith(f" s after it was told to stop){AGAIN}")
    await seat.works()
    assert await seat.worker() != pid
    assert (len(seat.warnings), seat.errors) == (1, [])


@pytest.mark.parametrize("what", ["loop", "stop"])
async def test_a_worker_that_does_nothing_for_a_request_is_started_again(
    take_seat: TakeSeat, fault: Fault, what: str
) -> None:
    how = impatient(running_seconds=5)
    how["env"] |= fault.once("generation", what)  # type: ignore[operator]
    seat = await take_seat(**how)
    fault.arm()
    assert await seat.suggestion() == ""
    await until(lambda: bool(seat.warnings))
    assert seat.warnings == [
        f"byte-lsp: The model process hung (no sign of life for 5 s while it answers a request){AGAIN}"
    ]
    await seat.works()
    assert await seat.counter("worker_died") == 1


async def test_a_worker_that_hangs_while_it_loads_is_started_again(take_seat: TakeSeat, fault: Fault) -> None:
    how = impatient(loading_seconds=20)
    how["env"] |= fault.once("loading", "stop")  # type: ignore[operator]
    fault.arm()
    seat = await take_seat(**how)
    assert seat.warnings == [
        f"byte-lsp: The model process hung (no sign of life for 20 s while it loads){AGAIN}"
    ]
    await seat.works()


async def test_a_worker_that_hangs_each_time_is_given_up_with_one_warning_and_one_error(
    take_seat: TakeSeat,
) -> None:
    how = impatient(running_seconds=4)
    how["env"] |= {"BYTE_LSP_FAULT": "prompt:stop"}  # type: ignore[operator]
    seat = await take_seat(**how)
    for _ in range(3):
        assert await seat.suggestion() == ""
    await seat.until_state("failed")
    assert len(seat.warnings) == 1
    assert seat.errors == [
        "byte-lsp: the model process failed 3 times in a row: in the end it hung (no sign of life for 4 s "
        "while it answers a request); run `byte-lsp doctor`, or choose a smaller model (to try again: the "
        "command byteLsp.restart)"
    ]


def test_a_long_request_that_gets_on_is_left_alone(start_worker: StartWorker) -> None:
    """It gives no answer for several times the limit, but evaluates tokens all the while."""
    worker, told = start_worker(patience=Patience(running_seconds=2), context_tokens=8192)
    worker.infill(SHORT).result(LIMIT_S)
    endless = worker.sample(ENDLESS)
    done, _ = wait([endless], timeout=7)
    assert not done
    assert told.restarts() == []
    endless.cancel()
    assert worker.infill(SHORT).result(LIMIT_S).candidates


def test_what_a_hung_worker_had_taken_fails_and_what_waited_is_answered(start_worker: StartWorker) -> None:
    worker, told = start_worker(patience=Patience(running_seconds=4))
    worker.infill(SHORT).result(LIMIT_S)
    assert isinstance(worker, Worker)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    taken, waiting = [worker.infill(SHORT) for _ in range(2)], worker.infill(SHORT)
    for each in taken:
        with pytest.raises(WorkerDied, match="hung"):
            each.result(LIMIT_S)
    assert waiting.result(LIMIT_S).candidates
    assert len(told.restarts()) == 1


async def test_the_watchdog_sleeps_while_nobody_asks() -> None:
    asked: list[str] = []
    watchdog = Watchdog(Patience(0.01, 0.01, 60), lambda: asked.append("ping"), asked.append)
    watchdog.loaded(0.0)
    await asyncio.sleep(0.2)
    assert asked == []
    watchdog.sent(1)
    await until(lambda: "ping" in asked and len(asked) > 1)
    assert asked[-1] == "no sign of life for 0.01 s while it answers a request"
