"""Programs that a model wrote, run where they can do no harm, one process each (``sandbox_child``).

A program has limits on CPU time, wall-clock time, memory, file size and open files, can start no process, has
no network, no environment, nothing on standard input, and can write nowhere but in an empty folder that is
removed. Its output goes nowhere. It passed only if its ``check`` returned: that is told by a random token on
a private pipe, so that ending early or printing something proves nothing. (A program that digs through the
runner's frames for the token could cheat. That is no way to fill a hole.)
"""

import marshal
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.progress import OnDone

_CHILD = Path(__file__).with_name("sandbox_child.py")
_MOST_VERDICT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use. ``wall_s`` is generous: it only ends programs that wait."""

    cpu_s: int = 3
    wall_s: int = 20
    memory_bytes: int = 512 * 2**20
    file_bytes: int = 2**20
    open_files: int = 32


@dataclass(frozen=True, slots=True)
class Program:
    """Python that defines ``check``, and the name in it that ``check`` is called with."""

    code: str
    entry_point: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the check returned, or why not."""

    passed: bool
    reason: str = ""


def require_sandbox() -> None:
    """Errors: ``EvaluationError`` where programs cannot be limited."""
    if find_spec("resource") is None:
        raise EvaluationError(
            f"programs cannot be limited on {sys.platform}, so none is run; use Linux, macOS or WSL, or give "
            "--no-tests"
        )


def judge(program: Program, limits: Limits = Limits()) -> Verdict:
    """Run a program and its check. Errors: ``EvaluationError`` as ``require_sandbox``."""
    require_sandbox()
    token = secrets.token_hex(16)
    job = {
        "program": program.code,
        "entry_point": program.entry_point,
        "token": token,
        "limits": asdict(limits),
    }
    reader, writer = os.pipe()
    with tempfile.TemporaryDirectory(prefix="byte-lsp-") as folder, os.fdopen(reader, "rb") as verdict:
        try:
            process = _start(folder, writer)
        finally:
            os.close(writer)
        stopped = _finish(process, marshal.dumps(job), limits.wall_s)
        os.set_blocking(reader, False)
        told = verdict.read(_MOST_VERDICT_BYTES) or b""
    if stopped:
        return Verdict(False, stopped)
    return _read_verdict(told.decode("utf-8", "replace"), token, process.returncode)


def judge_all(
    programs: Sequence[Program], on_done: OnDone, limits: Limits = Limits(), *, jobs: int = 0
) -> list[Verdict]:
    """The verdicts on all programs, ``jobs`` at a time (0: one for each core).

    Errors: ``EvaluationError`` as ``require_sandbox``.
    """
    require_sandbox()
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for verdict in pool.map(lambda program: judge(program, limits), programs):
            verdicts.append(verdict)
            on_done(len(verdicts))
    return verdicts


def _start(folder: str, writer: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", str(_CHILD), str(writer)],
        cwd=folder,
        env={},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(writer,),
        start_new_session=True,
    )


def _finish(process: "subprocess.Popen[bytes]", job: bytes, wall_s: float) -> str:
    """See the process and whatever it started to their end; returns what stopped it, if the clock did."""
    try:
        process.communicate(job, timeout=wall_s)
    except subprocess.TimeoutExpired:
        return f"stopped after {wall_s:g} s"
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return ""


def _read_verdict(told: str, token: str, code: int) -> Verdict:
    if told == f"passed {token}":
        return Verdict(True)
    if told.startswith("failed "):
        return Verdict(False, told.removeprefix("failed "))
    if code == -signal.SIGXCPU:
        return Verdict(False, "stopped: out of CPU time")
    if code < 0:
        return Verdict(False, f"killed by {signal.Signals(-code).name}")
    return Verdict(False, "ended before its check did")
