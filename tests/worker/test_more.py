"""An answer that is due before it is finished: its whole comes later, unless something else is wanted."""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace

import pytest

from byte_lsp.infill.problem import InfillProblem, InfillResult
from tests.worker.conftest import StartWorker

WAIT_S = 120
PROBLEM = InfillProblem(
    b"# The numbers from one to thirty: one, two, three, four,", max_bytes=200, max_lines=1, raw=True
)
LATE = replace(PROBLEM, answer_ms=1.0)


class Rest:
    """What came after an answer."""

    def __init__(self) -> None:
        self.results: list[InfillResult | None] = []
        self.came = threading.Event()

    def __call__(self, result: InfillResult | None) -> None:
        self.results.append(result)
        self.came.set()


def text_of(result: InfillResult | None) -> bytes:
    assert result is not None
    return result.candidates[0].text


def test_the_whole_comes_later(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    whole = worker.infill(PROBLEM).result(WAIT_S)
    assert not whole.unfinished
    rest = Rest()
    first = worker.infill(LATE, rest).result(WAIT_S)
    assert first.unfinished
    assert 0 < len(text_of(first)) < len(text_of(whole))
    assert text_of(whole).startswith(text_of(first))
    assert rest.came.wait(WAIT_S)
    assert [text_of(result) for result in rest.results] == [text_of(whole)]


def test_what_is_finished_in_time_has_no_rest(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    rest = Rest()
    assert not worker.infill(replace(PROBLEM, answer_ms=60_000.0), rest).result(WAIT_S).unfinished
    worker.infill(PROBLEM).result(WAIT_S)
    assert rest.results == []


@pytest.mark.parametrize("what", ["a new request", "drop_more", "the worker's death", "close"])
def test_the_rest_ends_for(what: str, start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    rest = Rest()
    endless = replace(LATE, max_bytes=4096, max_lines=0)
    assert worker.infill(endless, rest).result(WAIT_S).unfinished
    ends: dict[str, Callable[[], object]] = {
        "a new request": lambda: worker.next_byte(b"x").result(WAIT_S),
        "drop_more": worker.drop_more,
        "the worker's death": lambda: kill(worker.pid),
        "close": worker.close,
    }
    ends[what]()
    assert rest.came.wait(WAIT_S)
    assert rest.results == [None]
    if what != "close":
        assert worker.infill(PROBLEM).result(WAIT_S).candidates


def test_a_cancelled_request_has_no_rest(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    rest = Rest()
    future: Future[InfillResult] = worker.infill(replace(LATE, prefix=PROBLEM.prefix * 20), rest)
    future.cancel()
    assert worker.infill(PROBLEM).result(WAIT_S).candidates
    assert rest.results == []
    assert future.cancelled()


def kill(pid: int | None) -> None:
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
