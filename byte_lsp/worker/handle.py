"""The handle by which the server, the CLI and the Python API talk to the process that owns the model."""

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from byte_lsp.errors import ByteLspError, Cancelled, ContextFull, EngineError, WorkerDied
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult
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
    NextByteProblem,
    NextByteResult,
    Problem,
    Request,
    SampleProblem,
    WorkerConfig,
    WorkerEvent,
    WorkerState,
    pack_message,
    read_message,
    write_frame,
)
from byte_lsp.worker.safe_path import needs_safe_path, remember_safe_path

_MOST_DEATHS_WHILE_LOADING = 3
_CRASH_SIGNALS = frozenset(
    number
    for name in ("SIGSEGV", "SIGILL", "SIGBUS", "SIGFPE")
    if (number := getattr(signal, name, None)) is not None
)
_WINDOWS_CRASHES = frozenset({0xC0000005, 0xC000001D, 0xC0000094})

_CLOSED = "the model was closed; load it again to go on"
_ERRORS: dict[FailureKind, type[ByteLspError]] = {
    "error": EngineError,
    "cancelled": Cancelled,
    "context_full": ContextFull,
}

Outbox = queue.SimpleQueue[bytes | None]
"""Frames for the process; None is the last."""


class Worker:
    """Owns one worker process. Construction returns at once; loading goes on in the background.

    What cannot be sent to the process raises ``TypeError`` or ``OverflowError`` in the thread that passed it.

    ``on_event`` is called from a background thread. A process that dies fails the requests it had taken
    with ``WorkerDied`` and is started again, after a crash in native code on the safe path; requests made
    while it loads wait for it. It is given up after dying three times in a row without becoming ready.
    """

    def __init__(self, config: WorkerConfig, on_event: Callable[[WorkerEvent], None] | None = None) -> None:
        safe_path = config.safe_path or any(needs_safe_path(each.model_path) for each in config.members)
        self._config = replace(config, safe_path=safe_path)
        pack_message(self._config)  # here, in the caller's thread: what cannot be sent must be heard of
        self._on_event = on_event or (lambda event: None)
        self._lock = threading.Lock()
        self._state: WorkerState = "loading"
        self._failure = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = 0
        self._waiting: dict[int, tuple[bytes, Future[Any]]] = {}
        self._sent: dict[int, Future[Any]] = {}
        self._outbox: Outbox = queue.SimpleQueue()
        self._deaths = 0
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

    def infill(self, problem: InfillProblem) -> Future[InfillResult]:
        """Suggestions for one problem.

        Cancelling the future (also through ``asyncio.wrap_future``) stops the work within one decode step.
        Errors: ``WorkerDied``, ``EngineError``.
        """
        return self._submit(problem)

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
            process = self._process
        self._fail_all(EngineError(_CLOSED))
        if process is not None:
            process.kill()  # it holds nothing that could be lost, and while it loads it hears nothing
            process.wait()

    def _submit(self, problem: Problem) -> "Future[Any]":
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
        future.add_done_callback(lambda done: self._forget(number) if done.cancelled() else None)
        self._send_waiting()
        return future

    def _forget(self, number: int) -> None:
        with self._lock:
            self._waiting.pop(number, None)
            if self._sent.pop(number, None) is not None:
                self._outbox.put(pack_message(Cancel(number)))

    def _send_waiting(self) -> None:
        with self._lock:
            if self._state != "ready":
                return
            batch, self._waiting = self._waiting, {}
            for number, (frame, future) in batch.items():
                self._sent[number] = future
                self._outbox.put(frame)

    def _run(self) -> None:
        while (process := self._start()) is not None:
            given_up = self._read_all(process)
            code = process.wait()
            self._outbox.put(None)
            if given_up or not self._mourn(code):
                return

    def _is_over(self) -> bool:
        return self._state in ("closed", "failed")

    def _start(self) -> "subprocess.Popen[bytes] | None":
        try:
            process = subprocess.Popen(
                # -P: a file of the user's project must not take the place of a module.
                [sys.executable, "-P", "-m", "byte_lsp.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": _with_this_package(os.environ.get("PYTHONPATH", ""))},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            self._give_up(f"the model process cannot be started: {error}")
            return None
        outbox: Outbox = queue.SimpleQueue()
        outbox.put(pack_message(self._config))
        with self._lock:
            self._process, self._outbox = process, outbox
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
                    self._deaths = 0
                    self._set_state("ready")
                    path = " on the safe path" if self.safe_path else ""
                    self._tell("ready", f"model loaded in {message.load_ms / 1e3:.1f} s{path}")
                    self._send_waiting()
                elif isinstance(message, LoadFailed):
                    self._give_up(message.message)
                    return True
                elif isinstance(message, Answer):
                    self._settle(message.number, message.solution, None)
                elif isinstance(message, Failure):
                    self._settle(message.number, None, _ERRORS[message.kind](message.message))
        return False

    def _mourn(self, code: int) -> bool:
        """The process ended unasked: answer what it had taken. Whether to start another."""
        with self._lock:
            if self._is_over():
                return False
            was_loading, self._state = self._state == "loading", "loading"
            taken, self._sent = self._sent, {}
        cause = _cause(code)
        for future in taken.values():
            _fail(future, WorkerDied(f"the model process ended ({cause}); it is being started again"))
        self._deaths += 1
        if (code in _WINDOWS_CRASHES or -code in _CRASH_SIGNALS) and not self._config.safe_path:
            self._config = replace(self._config, safe_path=True)
            for member in self._config.members:  # which of them it was is not known
                remember_safe_path(member.model_path, cause)
            self._tell(
                "loading",
                f"The model process crashed ({cause}) in llama.cpp's fast kernels. byte-lsp now uses the "
                f"safe ones for {_these(len(self._config.members))} on this machine; `byte-lsp doctor` says "
                "more.",
                restarted=True,
            )
        elif was_loading and self._deaths >= _MOST_DEATHS_WHILE_LOADING:
            self._give_up(
                f"the model process died {self._deaths} times while loading ({cause}); "
                "run `byte-lsp doctor`, or choose a smaller model"
            )
            return False
        else:
            self._tell("loading", f"The model process ended ({cause}) and was started again.", restarted=True)
        return True

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
        with self._lock:
            future = self._sent.pop(number, None)
        if future is None:
            return
        if error is not None:
            _fail(future, error)
        elif future.set_running_or_notify_cancel():
            future.set_result(solution)

    def _fail_all(self, error: Exception) -> None:
        with self._lock:
            futures = [*self._sent.values(), *(future for _, future in self._waiting.values())]
            self._sent, self._waiting = {}, {}
        for future in futures:
            _fail(future, error)

    def _tell(self, state: WorkerState, message: str, *, restarted: bool = False) -> None:
        self._on_event(WorkerEvent(state, message, restarted))


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


def _cause(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code:#x}" if code > 255 else f"exit code {code}"
