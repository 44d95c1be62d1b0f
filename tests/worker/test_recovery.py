"""The worker may die at any moment; whoever asked it gets an answer, and the next one works."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from byte_lsp.errors import EngineError, WorkerDied
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.worker.handle import Worker
from byte_lsp.worker.messages import MemberConfig, SampleProblem
from byte_lsp.worker.safe_path import needs_safe_path, remember_safe_path
from tests.worker.conftest import StartWorker

SHORT = InfillProblem(b"class Stack:\n    def push(self, item):\n        self.ite", max_bytes=8)
ENDLESS = SampleProblem(b"1, 2, 3, 4, ", max_bytes=100_000, seed=1)
LIMIT_S = 120

needs_sigkill = pytest.mark.skipif(sys.platform == "win32", reason="this platform has no SIGKILL to send")


def wait_for_pid(worker: Worker) -> int:
    deadline = time.monotonic() + LIMIT_S
    while (pid := worker.pid) is None:
        assert time.monotonic() < deadline, "the worker never started"
        time.sleep(0.01)
    return pid


@needs_sigkill
def test_kill_while_loading_loses_nothing_asked_meanwhile(start_worker: StartWorker) -> None:
    worker, told = start_worker()
    asked = worker.infill(SHORT)
    os.kill(wait_for_pid(worker), signal.SIGKILL)
    assert asked.result(LIMIT_S).candidates[0].text.startswith(b"m")
    assert len(told.restarts()) == 1
    assert "SIGKILL" in told.restarts()[0].message


@needs_sigkill
def test_kill_while_generating_fails_that_request_and_the_next_succeeds(start_worker: StartWorker) -> None:
    worker, told = start_worker()
    worker.infill(SHORT).result(LIMIT_S)
    doomed = worker.sample(ENDLESS)
    done, _ = wait([doomed], timeout=0.3)
    assert not done
    os.kill(wait_for_pid(worker), signal.SIGKILL)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        doomed.result(LIMIT_S)
    assert worker.infill(SHORT).result(LIMIT_S).candidates[0].text.startswith(b"m")
    assert told.states() == ["ready", "loading", "ready"]
    assert not worker.safe_path, "a kill from outside is no crash in native code"


@needs_sigkill
def test_five_kills_in_a_row_five_recoveries(start_worker: StartWorker) -> None:
    worker, told = start_worker()
    worker.infill(SHORT).result(LIMIT_S)
    for _ in range(5):
        os.kill(wait_for_pid(worker), signal.SIGKILL)
        answer = worker.infill(SHORT)
        try:
            answer.result(LIMIT_S)
        except WorkerDied:
            worker.infill(SHORT).result(LIMIT_S)
    assert len(told.restarts()) == 5


def test_crash_in_native_code_comes_back_on_the_safe_path_and_is_remembered(
    start_worker: StartWorker,
) -> None:
    worker, told = start_worker(fault="first-evaluation:crash")
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert worker.safe_path
    assert len(told.restarts()) == 1
    assert "safe" in told.restarts()[0].message

    second, told_second = start_worker(fault="first-evaluation:crash")
    assert second.safe_path, "the choice was not remembered"
    assert second.infill(SHORT).result(LIMIT_S).candidates
    assert told_second.states() == ["ready"]


def test_a_model_that_always_crashes_is_given_up_with_a_reason(start_worker: StartWorker) -> None:
    worker, told = start_worker(fault="first-evaluation:crash-always")
    with pytest.raises(EngineError, match="byte-lsp doctor"):
        worker.infill(SHORT).result(LIMIT_S)
    assert worker.state == "failed"
    assert told.states()[-1] == "failed"
    with pytest.raises(EngineError):
        worker.infill(SHORT).result(1)
    other, _ = start_worker()
    assert not other.safe_path, "the safe path is no help: it must not slow the next one down"


def test_a_crash_that_the_safe_path_does_not_avoid_is_not_blamed_on_the_fast_one(
    start_worker: StartWorker,
) -> None:
    """It loads there, but dies at the same place."""
    worker, told = start_worker(fault="generation:crash-always")
    while worker.state != "failed":
        with pytest.raises((WorkerDied, EngineError)):
            worker.infill(SHORT).result(LIMIT_S)
    assert "ready" in told.states()
    other, _ = start_worker()
    assert not other.safe_path


def test_a_file_that_is_no_model_fails_at_once_and_names_the_file(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 20)
    worker, told = start_worker(path)
    with pytest.raises(EngineError, match=r"broken\.gguf"):
        worker.infill(SHORT).result(LIMIT_S)
    assert told.states() == ["failed"]


def test_a_truncated_model_is_a_readable_error(
    start_worker: StartWorker, smollm2_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "short.gguf"
    path.write_bytes(smollm2_path.read_bytes()[:20_000_000])
    worker, told = start_worker(path)
    with pytest.raises(EngineError, match=r"short\.gguf"):
        worker.infill(SHORT).result(LIMIT_S)
    assert told.states() == ["failed"]


def test_what_native_code_prints_does_not_reach_the_protocol(start_worker: StartWorker) -> None:
    worker, told = start_worker(fault="first-evaluation:spam")
    assert worker.infill(SHORT).result(LIMIT_S).candidates[0].text.startswith(b"m")
    assert told.states() == ["ready"]


def test_cancelling_frees_the_worker_for_the_next_request(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    worker.infill(SHORT).result(LIMIT_S)
    endless = worker.sample(ENDLESS)
    done, _ = wait([endless], timeout=0.3)
    assert not done
    assert endless.cancel()
    # Without the cancellation this would wait for a hundred thousand bytes.
    assert worker.infill(SHORT).result(LIMIT_S).candidates[0].text.startswith(b"m")


def test_a_request_cancelled_before_it_began_costs_nothing(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    worker.infill(SHORT).result(LIMIT_S)
    first, queued = worker.sample(ENDLESS), worker.sample(ENDLESS)
    assert queued.cancel()
    assert first.cancel()
    assert worker.infill(SHORT).result(LIMIT_S).candidates


def test_close_ends_the_process_and_is_idempotent(start_worker: StartWorker) -> None:
    worker, _ = start_worker()
    worker.infill(SHORT).result(LIMIT_S)
    process = psutil.Process(wait_for_pid(worker))
    pending = worker.sample(ENDLESS)
    worker.close()
    worker.close()
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    with pytest.raises(EngineError, match="closed"):
        pending.result(1)
    with pytest.raises(EngineError, match="closed"):
        worker.infill(SHORT).result(1)


@needs_sigkill
def test_the_worker_leaves_with_its_parent(smollm2_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from byte_lsp.worker.handle import Worker\n"
        "from byte_lsp.worker.messages import WorkerConfig\n"
        "worker = Worker(WorkerConfig(sys.argv[1]))\n"
        "while worker.state != 'ready': time.sleep(0.05)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(smollm2_path)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([worker], timeout=LIMIT_S)
    assert gone
    assert not alive


def test_files_of_the_users_project_do_not_replace_modules(
    start_worker: StartWorker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("queue", "random", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a decoy was imported')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    worker, told = start_worker()
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert told.states() == ["ready"]


def test_an_error_inside_one_request_is_told_and_harms_no_other(start_worker: StartWorker) -> None:
    worker, told = start_worker()
    with pytest.raises(EngineError, match="internal error"):
        worker.sample(SampleProblem(b"x", max_bytes=4, seed=-1)).result(LIMIT_S)
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert told.states() == ["ready"]
    assert not worker.safe_path


def test_a_request_that_cannot_be_read_is_answered_and_harms_no_other(start_worker: StartWorker) -> None:
    worker, told = start_worker()
    wrong: Any = "text where bytes belong"
    for asked in (worker.next_byte(wrong), worker.next_byte(b"x", wrong)):
        with pytest.raises(EngineError, match="cannot be read"):
            asked.result(LIMIT_S)
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert told.states() == ["ready"]


@pytest.mark.parametrize("wrong", [{"max_bytes": np.int64(4)}, {"max_bytes": 4, "seed": 2**70}])
def test_a_request_that_cannot_be_sent_is_refused_where_it_is_made(
    start_worker: StartWorker, wrong: dict[str, Any]
) -> None:
    worker, told = start_worker()
    with pytest.raises((TypeError, OverflowError)):
        worker.sample(SampleProblem(b"x", **wrong))
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert told.states() == ["ready"]


@pytest.mark.parametrize(
    ("options", "about"),
    [
        ({"context_tokens": 40}, "context_tokens is 40.* 128"),
        ({"backend": "foo"}, "options cannot be read"),
        ({"rule": "mixture", "weight": -1.0}, "'product' takes negative"),
        ({"others": (MemberConfig("none.gguf", 1000.0),)}, "100"),
    ],
)
def test_what_cannot_be_loaded_fails_at_once_with_a_reason(
    start_worker: StartWorker, options: dict[str, Any], about: str
) -> None:
    worker, told = start_worker(**options)
    with pytest.raises(EngineError, match=about):
        worker.infill(SHORT).result(LIMIT_S)
    assert told.states() == ["failed"]


def test_the_weight_of_one_member_counts_in_a_product(start_worker: StartWorker) -> None:
    alone, _ = start_worker()
    row = np.array(alone.next_byte(b"def f").result(LIMIT_S).logprobs)
    alone.close()
    flat, _ = start_worker(weight=0.5, rule="product")
    found = np.array(flat.next_byte(b"def f").result(LIMIT_S).logprobs)
    assert found == pytest.approx(row / 2 - np.log(np.exp(row / 2).sum()), abs=1e-6)


def test_a_member_that_once_crashed_takes_the_ensemble_to_the_safe_path(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    other = str(tmp_path / "other.gguf")
    remember_safe_path(other, "SIGSEGV")
    worker, _ = start_worker(others=(MemberConfig(other),))
    assert worker.safe_path


def test_a_crash_of_an_ensemble_is_remembered_for_all_its_members(
    start_worker: StartWorker, smollm2_path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.gguf"
    other.symlink_to(smollm2_path)
    members = (MemberConfig(str(other), 1.0, "<|endoftext|>"),)
    worker, told = start_worker(fault="first-evaluation:crash", others=members)
    assert worker.infill(SHORT).result(LIMIT_S).candidates
    assert "these models" in told.restarts()[0].message
    assert needs_safe_path(str(smollm2_path))
    assert needs_safe_path(str(other))
