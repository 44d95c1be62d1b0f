"""The worker's side: load a model, solve requests one at a time in order, stop at once when told to.

One thread reads the pipe, so that a cancellation reaches a running evaluation; the main thread computes.
The pipe takes the place of standard output before any native code runs: whatever a library prints goes to
standard error.
"""

import gc
import os
import queue
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

from byte_lsp.bytes.framing import frame
from byte_lsp.bytes.sampler import Sampling
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine, system_info
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree
from byte_lsp.engines.row_memory import RowMemory
from byte_lsp.errors import ByteLspError, Cancelled, ContextFull, EngineError
from byte_lsp.infill.byte_infiller import ByteInfiller
from byte_lsp.infill.infiller import LEAST_CONTEXT_TOKENS, Infiller
from byte_lsp.infill.layouts import find_form
from byte_lsp.infill.problem import InfillProblem, InfillResult
from byte_lsp.infill.stopping import Limits
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.traces import print_trace, print_uncaught_discreetly
from byte_lsp.weights import check_weights
from byte_lsp.worker import faults
from byte_lsp.worker.endings import LESS_MEMORY, OUT_OF_MEMORY
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
    MemberConfig,
    Message,
    More,
    NextByteProblem,
    NextByteResult,
    Ping,
    Problem,
    Pulse,
    Request,
    SampleProblem,
    Solution,
    UnreadableMessage,
    WorkerConfig,
    read_message,
    write_message,
)

T = TypeVar("T")


class _Inbox:
    """Requests in order of arrival, and failures of those that could not be read."""

    def __init__(self, engines: Sequence[Engine], stream: BinaryIO, output: BinaryIO) -> None:
        self._engines = engines
        self._stream = stream
        self._output = output
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Request | Failure] = queue.SimpleQueue()
        self._pending: set[int] = set()
        self._cancelled: set[int] = set()
        self._running: int | None = None
        self._resting: int | None = None  # the request whose rest is being written
        self._is_idle = False
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def idle(self, work: Callable[[Callable[[], bool]], T], number: int | None = None) -> T | None:
        """What ``work`` gives, which is told how to ask whether it is still wanted; None if a request waits.

        When one arrives, or request ``number`` is cancelled whose rest this is, the engines are interrupted;
        ``begin`` takes that back.
        """
        with self._lock:
            if not self._waiting.empty() or (number is not None and number in self._cancelled):
                return None
            self._interrupt(False)
            self._is_idle, self._resting = True, number
        try:
            return work(lambda: self._waiting.empty() and (number is None or self._resting == number))
        finally:
            with self._lock:
                self._is_idle, self._resting = False, None

    def begin(self) -> Request | Failure:
        """Wait for the next request and mark it as running."""
        request = self._waiting.get()
        if isinstance(request, Failure):
            return request
        with self._lock:
            self._running = request.number
            self._interrupt(request.number in self._cancelled)
        return request

    def end(self) -> None:
        """The running request is done; a cancellation that arrives now must not hit the next one."""
        with self._lock:
            self._running = None

    def forget(self, number: int) -> None:
        """Nothing more will come of a request."""
        with self._lock:
            self._pending.discard(number)
            self._cancelled.discard(number)

    def _read(self) -> None:
        while (message := self._next()) is not None:
            if isinstance(message, Request | Failure):
                self._accept(message)
            elif isinstance(message, Cancel):
                self._cancel(message.number)
            elif isinstance(message, Ping):
                self._show_life()
        os._exit(0)  # the parent is gone; native code may be busy, so there is nobody to ask

    def _next(self) -> Message | None:
        try:
            return read_message(self._stream)
        except UnreadableMessage as error:
            if error.number is None:
                print_trace()
                os._exit(1)  # without this thread nobody would be answered any more
            return Failure(error.number, f"the request cannot be read: {error}")

    def _accept(self, message: Request | Failure) -> None:
        with self._lock:
            if isinstance(message, Request):
                self._pending.add(message.number)
            self._waiting.put(message)
            if self._is_idle:
                self._interrupt(True)

    def _cancel(self, number: int) -> None:
        with self._lock:
            if number in self._pending:
                self._cancelled.add(number)
            if self._resting == number:
                self._resting = None
                self._interrupt(True)
            if self._running == number:
                self._interrupt(True)

    def _show_life(self) -> None:
        pulse = Pulse(sum(engine.tokens_evaluated for engine in self._engines))
        with suppress(OSError):  # the parent is gone, which reading will show
            write_message(self._output, pulse)  # a buffered stream has a lock: no frame gets into another

    def _interrupt(self, stop: bool) -> None:
        for engine in self._engines:
            engine.interrupt(stop)


class _Solver:
    """Solves each kind of problem with what the worker has loaded."""

    def __init__(
        self, engines: Sequence[Engine], infiller: Infiller | ByteInfiller, *, reuse: bool = True
    ) -> None:
        self._engines = engines
        self._engine = engines[0]
        self._infiller = infiller
        self._reuse = reuse

    def begin(self) -> None:
        """A request was taken up."""
        faults.begin_request(self._engines)

    def write_on(self, is_wanted: Callable[[], bool]) -> InfillResult | None:
        """The whole of an answer that was unfinished, None if nobody wants it or something goes wrong."""
        try:
            return self._infiller.write_on(is_wanted)
        except Cancelled:
            return None
        except ByteLspError:
            print_trace()
            return None

    def prepare(self, is_wanted: Callable[[], bool]) -> None:
        """Do what makes the next request faster, while it is wanted; what goes wrong there fails none."""
        try:
            self._infiller.idle(is_wanted)
        except ByteLspError:
            print_trace()

    def solve(self, problem: Problem) -> Solution:
        """The solution. Errors: ``ByteLspError``."""
        if not self._reuse:
            for engine in self._engines:
                engine.forget()
        if isinstance(problem, InfillProblem):
            return self._infiller.infill(problem)
        if isinstance(problem, SampleProblem):
            sampling = Sampling(problem.temperature, problem.top_p, problem.seed)
            return self._infiller.complete(
                problem.prefix,
                sampling,
                Limits(problem.max_bytes, stop=problem.stop),
                with_logprob=True,
            )
        if isinstance(problem, NextByteProblem):
            found = self._infiller.next_byte(problem.prefix, problem.arm, problem.eps)
            return NextByteResult(tuple(found.logprobs.tolist()), found.left_out)
        if isinstance(problem, LogprobProblem):
            logprob = self._infiller.logprob(problem.continuation, problem.prefix, problem.eps)
            return LogprobResult(logprob)
        return self._measure(problem)

    def _measure(self, problem: MeasureProblem) -> Measurement:
        import psutil  # noqa: PLC0415 - only to report

        prefill = min(problem.prefill_tokens, self._engine.context_tokens - problem.decode_tokens)
        # Random, because the cache must not know how the text begins.
        tokens = tuple(secrets.randbelow(self._engine.vocabulary_size) for _ in range(prefill))
        started = time.perf_counter()
        self._engine.evaluate(TokenTree(tokens), [TRUNK_END])
        prefilled = time.perf_counter()
        for at in range(problem.decode_tokens):
            tokens = (*tokens, at)
            self._engine.evaluate(TokenTree(tokens), [TRUNK_END])
        decoded = time.perf_counter()
        return Measurement(
            prefill_tokens_per_s=prefill / (prefilled - started),
            decode_tokens_per_s=problem.decode_tokens / (decoded - prefilled),
            resident_bytes=psutil.Process().memory_info().rss,
            vocabulary_size=self._engine.vocabulary_size,
            system=system_info(),
        )


def main() -> None:
    """Serve the parent until it closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both of us, and the parent decides
    print_uncaught_discreetly()
    try:
        _work(sys.stdin.buffer, _claim_output())
    except MemoryError:
        os._exit(OUT_OF_MEMORY)  # only an end gives back what is lost in pieces too small to use
    except Exception:  # noqa: BLE001 - the way out below must not be missed
        print_trace()
    sys.stderr.flush()
    # An ordinary exit would wait for the thread that reads the pipe, and abort.
    os._exit(1)


def _work(parent: BinaryIO, output: BinaryIO) -> None:
    try:
        config = read_message(parent)
    except UnreadableMessage as error:
        write_message(output, LoadFailed(f"the model's options cannot be read: {error}"))
        return
    if not isinstance(config, WorkerConfig):
        return
    started = time.perf_counter()
    try:
        engines, infiller = _load_all(config)
    except ByteLspError as error:
        write_message(output, LoadFailed(str(error)))
        return
    except MemoryError:
        write_message(output, LoadFailed(f"not enough memory to load the model; {LESS_MEMORY}"))
        return
    write_message(output, Loaded((time.perf_counter() - started) * 1e3))
    _serve(_Inbox(engines, parent, output), _Solver(engines, infiller, reuse=config.reuse), output)


def _load_all(config: WorkerConfig) -> tuple[list[Engine], Infiller | ByteInfiller]:
    faults.strike("loading")
    _check(config)
    members = [(_load(config, member), member.weight) for member in config.members]
    engines = [infiller.engine for infiller, _ in members]
    if not config.others and (config.rule == "mixture" or config.weight == 1):
        return engines, members[0][0]
    return engines, ByteInfiller(members, config.rule)


def _check(config: WorkerConfig) -> None:
    if config.context_tokens < LEAST_CONTEXT_TOKENS:
        raise EngineError(
            f"engine.context_tokens is {config.context_tokens}; a text and a suggestion need "
            f"{LEAST_CONTEXT_TOKENS} or more"
        )
    try:
        check_weights([member.weight for member in config.members], config.rule)
    except ValueError as error:
        raise EngineError(str(error)) from error


def _load(config: WorkerConfig, member: MemberConfig) -> Infiller:
    tokenizer = load_tokenizer(member.model_path)
    framing = frame(tokenizer.vocabulary, member.start_token, member.end_tokens)
    engine = _load_engine(config, member)
    engine = faults.watched(RowMemory(engine) if config.reuse else engine)
    faults.strike("first-evaluation", safe_path=config.safe_path)
    # Where a kernel crashes it does so here, before the parent has sent anything that could be lost.
    engine.evaluate(TokenTree(framing.head * 32), [TRUNK_END])
    form = find_form(tokenizer.vocabulary, member.infill)
    return Infiller(engine, tokenizer, framing, form, member.calibration, with_drafts=config.drafts)


def _load_engine(config: WorkerConfig, member: MemberConfig) -> Engine:
    path = Path(member.model_path)
    if config.backend == "transformers":
        if member.adapter_path:
            raise EngineError(
                f"{member.adapter_path}: the backend transformers applies no adapters; choose llama.cpp, or "
                'a model of kind "merged"'
            )
        from byte_lsp.engines.transformers import TransformersConfig, TransformersEngine  # noqa: PLC0415

        return TransformersEngine(TransformersConfig(path, config.context_tokens))
    return LlamaCppEngine(
        EngineConfig(
            path,
            config.context_tokens,
            config.threads,
            config.gpu_layers,
            config.safe_path,
            config.flash_attention,
            adapter_path=Path(member.adapter_path) if member.adapter_path else None,
            adapter_scale=member.adapter_scale,
        )
    )


def _serve(inbox: _Inbox, solver: _Solver, output: BinaryIO) -> None:
    inbox.idle(solver.prepare)
    gc.freeze()  # what there is now stays: the collector need not go through it again and again
    while True:
        inbox.idle(solver.prepare)
        request = inbox.begin()
        if isinstance(request, Failure):
            write_message(output, request)
            continue
        number = request.number
        solver.begin()
        reply = _reply(request, solver)
        inbox.end()
        faults.strike("answer")
        write_message(output, reply)
        if isinstance(reply, Answer) and _is_unfinished(reply):
            write_message(output, More(number, inbox.idle(solver.write_on, number)))
        inbox.forget(number)
        faults.strike("idle")


def _is_unfinished(answer: Answer) -> bool:
    return isinstance(answer.solution, InfillResult) and answer.solution.unfinished


def _reply(request: Request, solver: _Solver) -> Message:
    try:
        return Answer(request.number, solver.solve(request.problem))
    except ByteLspError as error:
        return Failure(request.number, str(error), _kind(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - one request must not end the process that all others need
        print_trace()
        return Failure(request.number, f"internal error, please report it: {type(error).__name__}")


def _kind(error: ByteLspError) -> FailureKind:
    if isinstance(error, Cancelled):
        return "cancelled"
    return "context_full" if isinstance(error, ContextFull) else "error"


def _claim_output() -> BinaryIO:
    """The pipe to the parent; standard output now goes where standard error goes."""
    pipe = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(pipe, "wb")
