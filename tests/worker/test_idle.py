"""What the worker does while nobody asks: it stops for a request at once and is felt by none."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.errors import Cancelled
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.prompts import GROWTH_TOKENS
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.worker.messages import Cancel, Message, Request, write_message
from byte_lsp.worker.process import _Inbox
from tests.worker.conftest import StartWorker

LIMIT_S = 30
ANSWER_S = 120
PROBLEM = InfillProblem(b"x")


class Endless(TableEngine):
    """Evaluates until it is interrupted; ``begun`` says that it does."""

    def __init__(self) -> None:
        super().__init__(8, context_tokens=64)
        self.begun = threading.Event()

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        self.begun.set()
        if not self._stop.wait(LIMIT_S):
            raise AssertionError("nobody interrupted the engine")
        raise Cancelled("interrupted")


@pytest.fixture
def engine() -> Endless:
    return Endless()


@pytest.fixture
def to_worker() -> tuple[BinaryIO, BinaryIO]:
    """A pipe's two ends. They stay open: an inbox whose parent is gone ends the process."""
    reader, writer = os.pipe()
    return os.fdopen(reader, "rb", closefd=False), os.fdopen(writer, "wb", closefd=False)


class Parent:
    """The other side of an inbox."""

    def __init__(self, engine: Endless, pipe: tuple[BinaryIO, BinaryIO]) -> None:
        self.engine = engine
        self.inbox = _Inbox([engine], pipe[0], BytesIO())
        self._writer = pipe[1]

    def send(self, *messages: Message) -> None:
        for message in messages:
            write_message(self._writer, message)

    def evaluate(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Idle work that never ends by itself."""
        assert is_wanted()
        with pytest.raises(Cancelled):
            self.engine.evaluate(TokenTree((1,)), [])

    def in_idle(self, work: Callable[[], None]) -> None:
        """Do ``work`` in another thread once the idle work has begun, and wait for both."""
        done: Future[None] = Future()

        def run() -> None:
            self.engine.begun.wait(LIMIT_S)
            work()
            done.set_result(None)

        threading.Thread(target=run, daemon=True).start()
        self.inbox.idle(self.evaluate)
        done.result(LIMIT_S)


@pytest.fixture
def parent(engine: Endless, to_worker: tuple[BinaryIO, BinaryIO]) -> Parent:
    return Parent(engine, to_worker)


def interrupted(engine: Endless) -> bool:
    return engine._stop.is_set()


def test_a_request_interrupts_idle_work_and_is_not_cancelled_itself(parent: Parent) -> None:
    parent.in_idle(lambda: parent.send(Request(1, PROBLEM)))
    assert interrupted(parent.engine)
    assert parent.inbox.begin() == Request(1, PROBLEM)
    assert not interrupted(parent.engine)


def test_a_request_that_cannot_be_read_interrupts_idle_work_too(parent: Parent) -> None:
    wrong = InfillProblem("text where bytes belong")  # type: ignore[arg-type]
    parent.in_idle(lambda: parent.send(Request(7, wrong)))
    answer = parent.inbox.begin()
    assert not isinstance(answer, Request)
    assert answer.number == 7


def test_cancelling_a_request_that_is_done_leaves_idle_work_alone(parent: Parent) -> None:
    parent.send(Request(1, PROBLEM))
    first = parent.inbox.begin()
    assert isinstance(first, Request)
    parent.inbox.end()
    parent.inbox.forget(first.number)
    seen: list[bool] = []

    def work() -> None:
        parent.send(Cancel(1), Cancel(2))
        # What is sent later is read later: once this is cancelled, so were the others, had they been heard.
        parent.send(Request(3, PROBLEM))

    def evaluate(is_wanted: Callable[[], bool]) -> None:
        parent.engine.begun.set()
        while is_wanted():
            seen.append(interrupted(parent.engine))

    parent.engine.begun.clear()
    thread = threading.Thread(target=lambda: (parent.engine.begun.wait(LIMIT_S), work()), daemon=True)
    thread.start()
    parent.inbox.idle(evaluate)
    thread.join(LIMIT_S)
    assert not any(seen[:-1])
    assert parent.inbox.begin() == Request(3, PROBLEM)
    assert not interrupted(parent.engine)


def test_a_request_cancelled_while_idle_work_ends_is_begun_cancelled(parent: Parent) -> None:
    parent.in_idle(lambda: parent.send(Request(1, PROBLEM), Cancel(1), Request(2, PROBLEM)))
    assert parent.inbox.begin() == Request(1, PROBLEM)
    first = Request(1, PROBLEM)
    wait_until(lambda: interrupted(parent.engine))
    parent.inbox.end()
    parent.inbox.forget(first.number)
    assert parent.inbox.begin() == Request(2, PROBLEM)
    assert not interrupted(parent.engine)


def test_no_idle_work_is_begun_while_a_request_waits(parent: Parent) -> None:
    parent.send(Request(1, PROBLEM))
    wait_until(lambda: not parent.inbox._waiting.empty())
    parent.inbox.idle(lambda is_wanted: pytest.fail("it was begun"))
    assert parent.inbox.begin() == Request(1, PROBLEM)


def test_an_old_interruption_does_not_end_new_idle_work(parent: Parent) -> None:
    parent.engine.interrupt(True)
    seen: list[bool] = []
    parent.inbox.idle(lambda is_wanted: seen.append(interrupted(parent.engine)))
    assert seen == [False]


def test_the_worker_reads_on_while_nobody_asks(start_worker: StartWorker, smollm2_path: Path) -> None:
    """Each attempt waits twice as long for the first tokens to be read: a busy machine only takes longer."""
    worker, _ = start_worker()
    tokenizer = load_tokenizer(smollm2_path)
    pause = threading.Event()
    for attempt in range(6):
        text = b"".join(b"value_%d_%d = compute(%d)\n" % (attempt, n, n * n) for n in range(20))
        quick = worker.infill(InfillProblem(text + b"v", max_bytes=2, deadline_ms=100.0)).result(ANSWER_S)
        assert quick.tokens_evaluated < 100
        pause.wait(0.5 * 2**attempt)
        whole = worker.infill(InfillProblem(text + b"va", max_bytes=2)).result(ANSWER_S)
        if whole.tokens_evaluated < len(tokenizer.encode(text)) - GROWTH_TOKENS:
            return
    raise AssertionError("nothing was read between the requests")


def test_requests_are_answered_and_the_worker_closes_while_it_reads_on(start_worker: StartWorker) -> None:
    worker, _ = start_worker(context_tokens=2048)
    lines = b"".join(b"value_%d = compute(%d)\n" % (n, n * n) for n in range(20))
    for end in range(5):
        problem = InfillProblem(lines + b"value"[:end], max_bytes=4, deadline_ms=100.0)
        assert worker.infill(problem).result(ANSWER_S).candidates
    pid = worker.pid
    assert pid is not None
    worker.close()
    assert not psutil.pid_exists(pid)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Let the thread that reads the pipe go on."""
    pause = threading.Event()
    for _ in range(LIMIT_S * 100):
        if is_so():
            return
        pause.wait(0.01)
    raise AssertionError("it never happened")
