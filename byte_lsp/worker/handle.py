"""The handle by which the server, the CLI and the Python API talk to the process that owns the model."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from byte_lsp.errors import ByteLspError, Cancelled, ContextFull, EngineError, WorkerDied
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult
from byte_lsp.worker.endings import DOCTOR, Ending, died, file_changed, hung
from byte_lsp.worker.messages import (
    Answer,
    Cancel,
    Failure,
    FailureKind,
    Loaded,
    LoadFailed,
    LogprobProblem,
    LogprobResult,
    Measurement,
    MeasureProblem,
    More,
    NextByteProblem,
    NextByteResult,
    Ping,
    Problem,
    Pulse,
    Request,
    SampleProblem,
    WorkerConfig,
    WorkerEvent,
    WorkerState,
    pack_message,
    read_message,
    write_frame,
)
from byte_lsp.worker.model_files import ModelFiles
from byte_lsp.worker.safe_path import needs_safe_path, remember_safe_path
from byte_lsp.worker.watchdog import Patience, Watchdog

ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}
"""For glibc, unless the user says otherwise: what is larger than 2 MB goes back to the system once freed.

Copies of prompts (``engines.parking``) come and go. By itself glibc would soon take them from the heap, where
small things between them keep their room.
"""

_MOST_ENDS_IN_A_ROW = 3
_HEALTHY_SECONDS = 60.0
_MOST_SECONDS_TO_END = 5.0
_MOST_SENT = 2
"""Requests that the process is given at a time: the one it solves, and one it can begin with at once.

The others wait here, where giving one up costs nothing and leaves nothing behind.
"""
_CLOSED = "the model was closed; load it again to go on"
_ERRORS: dict[FailureKind, type[ByteLspError]] = {
    "error": EngineError,
    "cancelled": Cancelled,
    "context_full": ContextFull,
}

OnMore = Callable[[InfillResult | None], None]

Outbox = queue.SimpleQueue[bytes | None]
"""Frames for the process; None is the last."""


class Worker:
    """Owns one worker process. Construction returns at once; loading goes on in the background.

    What cannot be sent to the process raises ``TypeError`` or ``OverflowError`` in the thread that passed it.

    ``on_event`` is called from a background thread. A process that dies fails the requests it had taken
    with ``WorkerDied`` and is started again, after a crash in native code on the safe path; requests made
    while it loads wait for it. One that hangs longer than ``patience`` allows, and one whose model file is
    written to, is killed and started again likewise. ``check_files`` is called in a background thread before
    the model is loaded again; a ``ByteLspError`` from it is why that is not done. The worker is given up
    after its process has ended three times in a row, without an answer or a minute of readiness between.
    """

    def __init__(
        self,
        config: WorkerConfig,
        on_event: Callable[[WorkerEvent], None] | None = None,
        *,
        patience: Patience | None = None,
        check_files: Callable[[], None] | None = None,
    ) -> None:
        safe_path = config.safe_path or any(needs_safe_path(each.model_path) for each in config.members)
        self._config = replace(config, safe_path=safe_path)
        pack_message(self._config)  # here, in the caller's thread: what cannot be sent must be heard of
        self._on_event = on_event or (lambda event: None)
        self._patience = patience or Patience()
        self._check_files = check_files or (lambda: None)
        self._lock = threading.Lock()
        self._state: WorkerState = "loading"
        self._failure = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = 0
        self._waiting: dict[int, tuple[bytes, Future[Any]]] = {}
        self._sent: dict[int, Future[Any] | None] = {}  # None: given up, and not answered yet
        self._more: dict[int, OnMore] = {}
        self._outbox: Outbox = queue.SimpleQueue()
        self._watchdog: Watchdog | None = None
        self._files = ModelFiles(())
        self._ending: Ending | None = None  # why the process was killed from here
        self._ends_in_a_row = 0
        self._ready_since = 0.0
        self._fast_path_ended: str | None = None  # how, until the safe path got further
        self._ended_loading = False
        self._thread = threading.Thread(target=self._run, name="byte-lsp worker", daemon=True)
        self._thread.start()

    @property
    def state(self) -> WorkerState:
        return self._state

    @property
    def safe_path(self) -> bool:
        """Whether the model runs without the kernels that crash on some machines."""
        return self._config.safe_path

    @property
    def pid(self) -> int | None:
        """The worker's process id, or None while there is none."""
        process = self._process
        return process.pid if process and process.poll() is None else None

    def infill(self, problem: InfillProblem, on_more: OnMore | None = None) -> Future[InfillResult]:
        """Suggestions for one problem.

        Cancelling the future (also through ``asyncio.wrap_future``) stops the work within one decode step.
        After a result that is ``unfinished``, ``on_more`` is called once, from a background thread: with the
        whole result, or with None if there will be none. Errors: ``WorkerDied``, ``EngineError``.
        """
        return self._submit(problem, on_more)

    def drop_more(self) -> None:
        """Nobody waits any more for the rest of what was answered unfinished: stop writing it."""
        with self._lock:
            for number in self._more.keys() - self._sent.keys() - self._waiting.keys():
                self._outbox.put(pack_message(Cancel(number)))

    def sample(self, problem: SampleProblem) -> Future[Candidate]:
        """One continuation. Errors and cancelling as for ``infill``."""
        return self._submit(problem)

    def next_byte(self, prefix: bytes, arm: Arm = "exact", eps: float = 0.0) -> Future[NextByteResult]:
        """The distribution of the next byte. Errors and cancelling as for ``infill``."""
        return self._submit(NextByteProblem(prefix, arm, eps))

    def logprob(self, continuation: bytes, prefix: bytes, eps: float = 0.0) -> Future[LogprobResult]:
        """The log-probability of a continuation. Errors and cancelling as for ``infill``."""
        return self._submit(LogprobProblem(continuation, prefix, eps))

    def measure(self) -> Future[Measurement]:
        """The speed of the loaded model, measured now."""
        return self._submit(MeasureProblem())

    def close(self) -> None:
        """End the process and fail whatever is in flight. Idempotent, and as quick as ending a process is."""
        with self._lock:
            self._state = "closed"
            self._failure = _CLOSED
        self._fail_all(EngineError(_CLOSED))
        self._end_process()

    def _end_process(self) -> None:
        process = self._process
        if process is not None:
            process.kill()  # it holds nothing that could be lost, and while it loads it hears nothing
            with suppress(subprocess.TimeoutExpired):  # it waits for a device that does not answer
                process.wait(_MOST_SECONDS_TO_END)

    def _submit(self, problem: Problem, on_more: OnMore | None = None) -> "Future[Any]":
        future: Future[Any] = Future()
        with self._lock:
            self._numbers += 1
            number = self._numbers
        frame = pack_message(Request(number, problem))
        with self._lock:
            if self._is_over():
                future.set_exception(EngineError(self._failure))
                return future
            self._waiting[number] = frame, future
            if on_more:
                self._more[number] = on_more
        future.add_done_callback(lambda done: self._forget(number) if done.cancelled() else None)
        self._send_waiting()
        return future

    def _forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)
            self._more.pop(number, None)
            if self._sent.get(number) is not None:
                self._sent[number] = None
                self._outbox.put(pack_message(Cancel(number)))
                if self._watchdog:
                    self._watchdog.cancelled(number)

    def _send_waiting(self) -> None:
        with self._lock:
            while self._state == "ready" and self._waiting and len(self._sent) < _MOST_SENT:
                number = next(iter(self._waiting))
                frame, self._sent[number] = self._waiting.pop(number)
                self._outbox.put(frame)
                if self._watchdog:
                    self._watchdog.sent(number)

    def _run(self) -> None:
        try:
            self._keep_running()
        except Exception as error:
            self._give_up(f"internal error, please report it: {error!r}")
            self._end_process()
            raise

    def _keep_running(self) -> None:
        while (process := self._start()) is not None:
            given_up = self._read_all(process)
            code = process.wait()
            self._outbox.put(None)
            if self._watchdog:
                self._watchdog.end()
            if given_up or not self._mourn(code):
                return

    def _is_over(self) -> bool:
        return self._state in ("closed", "failed")

    def _start(self) -> "subprocess.Popen[bytes] | None":
        members = self._config.members
        self._files = ModelFiles(
            [each.model_path for each in members] + [each.adapter_path for each in members]
        )
        try:
            process = subprocess.Popen(
                # -P: a file of the user's project must not take the place of a module.
                [sys.executable, "-P", "-m", "byte_lsp.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **ALLOCATOR,
                    **os.environ,
                    "PYTHONPATH": _with_this_package(os.environ.get("PYTHONPATH", "")),
                },
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._give_up(f"the model process cannot be started: {error}")
            return None
        outbox: Outbox = queue.SimpleQueue()
        outbox.put(pack_message(self._config))
        watchdog = Watchdog(
            self._patience,
            ask=lambda: outbox.put(pack_message(Ping())),
            on_hang=lambda why: self._kill(process, hung(why)),
        )
        with self._lock:
            self._process, self._outbox, self._watchdog, self._ending = process, outbox, watchdog, None
            closed = self._is_over()
        # A thread of its own, because a pipe to a process that is stopped or swapping fills up and blocks.
        threading.Thread(
            target=_write_all, args=(process, outbox), name="byte-lsp outbox", daemon=True
        ).start()
        if closed:
            process.kill()
        return process

    def _read_all(self, process: "subprocess.Popen[bytes]") -> bool:
        """Take what the process says until it ends. True if there is no point in starting it again."""
        assert process.stdout is not None
        with process.stdout as stream:
            while (message := read_message(cast("BinaryIO", stream))) is not None:
                if isinstance(message, Loaded):
                    self._greet(message.load_ms)
                elif isinstance(message, LoadFailed):
                    self._give_up(message.message)
                    return True
                elif isinstance(message, Pulse) and self._watchdog:
                    self._watchdog.counted(message.tokens_evaluated)
                elif isinstance(message, Answer | More) and (path := self._files.overwritten()):
                    self._kill(process, file_changed(path))
                elif isinstance(message, Answer):
                    self._settle(message.number, message.solution, None)
                elif isinstance(message, More):
                    self._tell_more(message.number, message.result)
                elif isinstance(message, Failure):
                    self._settle(message.number, None, _ERRORS[message.kind](message.message))
        return False

    def _greet(self, load_ms: float) -> None:
        """The model is loaded."""
        self._ready_since = time.monotonic()
        if self._ended_loading:
            self._remember_safe_path()
        if self._watchdog:
            self._watchdog.loaded(load_ms / 1e3)
        self._set_state("ready")
        path = " on the safe path" if self.safe_path else ""
        self._tell("ready", f"model loaded in {load_ms / 1e3:.1f} s{path}")
        self._send_waiting()

    def _kill(self, process: "subprocess.Popen[bytes]", ending: Ending) -> None:
        """End a process that is of no use any more; ``_mourn`` says why."""
        with self._lock:
            if self._process is process and self._ending is None:
                self._ending = ending
        process.kill()

    def _mourn(self, code: int) -> bool:
        """The process ended unasked: answer what it had taken. Whether to start another."""
        with self._lock:
            if self._is_over():
                return False
            was_loading, self._state = self._state == "loading", "loading"
            taken, self._sent = self._sent, {}
            ending = self._ending or died(code)
        if ending.is_crash and (path := self._files.overwritten()):
            ending = file_changed(path)
        for future in filter(None, taken.values()):
            _fail(future, WorkerDied(f"the model process {ending.what}; it is being started again"))
        self._end_more()
        self._count_end(was_loading, ending)
        if self._ends_in_a_row >= _MOST_ENDS_IN_A_ROW and not self._finds_safe_path(ending):
            self._give_up(_last_words(self._ends_in_a_row, was_loading, ending))
            return False
        try:
            self._check_files()
        except ByteLspError as error:
            self._give_up(f"the model process {ending.what} and cannot be started again: {error}")
            return False
        if self._finds_safe_path(ending):
            self._take_safe_path(ending, was_loading=was_loading)
        else:
            advice = f" If that happens again, {ending.advice}." if ending.advice else ""
            self._tell_restart(f"The model process {ending.what} and was started again.{advice}")
        return True

    def _count_end(self, was_loading: bool, ending: Ending) -> None:
        was_healthy = not was_loading and time.monotonic() - self._ready_since > _HEALTHY_SECONDS
        if was_healthy and ending is not self._ending:  # one that hangs looks healthy until it is found out
            self._ends_in_a_row = 0
        self._ends_in_a_row += 1

    def _finds_safe_path(self, ending: Ending) -> bool:
        return ending.is_crash and not self._config.safe_path

    def _take_safe_path(self, ending: Ending, *, was_loading: bool) -> None:
        self._config = replace(self._config, safe_path=True)
        self._fast_path_ended, self._ended_loading = ending.cause, was_loading
        self._tell_restart(
            f"The model process crashed ({ending.cause}) in llama.cpp's fast kernels. byte-lsp now uses the "
            f"safe ones for {_these(len(self._config.members))} on this machine; `byte-lsp doctor` says more."
        )

    def _remember_safe_path(self) -> None:
        """Once the model does there what it crashed at: one that crashes there too has other reasons."""
        cause, self._fast_path_ended = self._fast_path_ended, None
        if cause is not None:
            for member in self._config.members:  # which of them it was is not known
                remember_safe_path(member.model_path, cause)

    def _give_up(self, message: str) -> None:
        with self._lock:
            if self._state == "closed":
                return
            self._state = "failed"
            self._failure = message
        self._fail_all(EngineError(message))
        self._tell("failed", message)

    def _set_state(self, state: WorkerState) -> None:
        with self._lock:
            if self._state not in ("closed", "failed"):
                self._state = state

    def _settle(self, number: int, solution: object, error: Exception | None) -> None:
        if error is None:
            self._remember_safe_path()
        with self._lock:
            future = self._sent.pop(number, None)
            self._ends_in_a_row = 0
            if self._watchdog:
                self._watchdog.answered(number)
            if not (isinstance(solution, InfillResult) and solution.unfinished):
                self._more.pop(number, None)
        self._send_waiting()
        if future is None:
            return
        if error is not None:
            _fail(future, error)
        elif future.set_running_or_notify_cancel():
            future.set_result(solution)

    def _tell_more(self, number: int, result: InfillResult | None) -> None:
        with self._lock:
            on_more = self._more.pop(number, None)
        if on_more is not None:
            on_more(result)

    def _end_more(self) -> None:
        """The process is gone, and with it the rest of what it had answered."""
        with self._lock:
            ended = [self._more.pop(number) for number in self._more.keys() - self._waiting.keys()]
        for on_more in ended:
            on_more(None)

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            futures = [*filter(None, self._sent.values()), *(future for _, future in self._waiting.values())]
            self._sent, self._waiting = {}, {}
        for future in futures:
            _fail(future, error)
        self._end_more()

    def _tell(self, state: WorkerState, message: str) -> None:
        self._on_event(WorkerEvent(state, message))

    def _tell_restart(self, message: str) -> None:
        self._on_event(WorkerEvent("loading", message, restarted=True, in_a_row=self._ends_in_a_row))


def _fail(future: "Future[Any]", error: Exception) -> None:
    if future.set_running_or_notify_cancel():
        future.set_exception(error)


def _write_all(process: "subprocess.Popen[bytes]", outbox: "Outbox") -> None:
    """Hand frames to the process until None comes or the process is gone."""
    assert process.stdin is not None
    with suppress(OSError), process.stdin as stream:  # who reads from the process answers for what is lost
        while (frame := outbox.get()) is not None:
            write_frame(cast("BinaryIO", stream), frame)


def _these(models: int) -> str:
    return "this model" if models == 1 else "these models"


def _with_this_package(search_path: str) -> str:
    """A PYTHONPATH by which the worker finds the very package that starts it."""
    here = str(Path(__file__).parents[2])
    return os.pathsep.join([here, search_path]) if search_path else here


def _last_words(ends: int, was_loading: bool, ending: Ending) -> str:
    advice = ending.advice or DOCTOR
    if was_loading:
        return f"the model process died {ends} times while loading ({ending.cause}); {advice}"
    return f"the model process failed {ends} times in a row: in the end it {ending.what}; {advice}"
