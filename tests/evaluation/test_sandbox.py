"""Programs that try what they must not. Each limit is proven by a program that runs into it."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import sandbox
from byte_lsp.evaluation.sandbox import Limits, Program, Verdict, judge, judge_all

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs the module resource")

CHECK = "\ndef answer(): return 42\ndef check(candidate): assert candidate() == 42\n"
SHORT = Limits(cpu_s=1, wall_s=60)


def run(code: str, limits: Limits = SHORT) -> Verdict:
    return judge(Program(code + CHECK, "answer"), limits)


def test_a_right_program_passes() -> None:
    assert run("import dataclasses, math, re, typing") == Verdict(True)


def test_a_wrong_answer_fails_with_the_reason() -> None:
    wrong = Program("def answer(): return 41\ndef check(c): assert c() == 42, 'not 42'", "answer")
    assert judge(wrong) == Verdict(False, "AssertionError: not 42")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f(:", "SyntaxError"),
        ("text = '\udcff'", "UnicodeEncodeError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("class E(Exception):\n    def __str__(self): raise KeyError\nraise E", "E"),
        ("memory = bytearray(4 << 30)", "MemoryError"),
        ("file = open('big', 'wb')\nfor _ in range(1024): file.write(bytes(1 << 20))", "File too large"),
        ("files = [open('a', 'w') for _ in range(100)]", "Too many open files"),
        ("import os\nwhile True: os.fork()", "os.fork is refused"),
        ("import subprocess\nsubprocess.run(['true'])", "subprocess.Popen is refused"),
        ("import os\nos.system('true')", "os.system is refused"),
        ("import _posixsubprocess as p\np.fork_exec()", "starting a process is refused"),
        ("import sys\ndel sys.modules['_posixsubprocess']\nimport _posixsubprocess", "again is refused"),
        ("import ctypes\nctypes.CDLL(None)", "ctypes.dlopen is refused"),
        ("import resource as r\nr.setrlimit(r.RLIMIT_CPU, (99, 99))", "resource.setrlimit is refused"),
        ("import os\nos.kill(os.getppid(), 9)", "os.kill is refused"),
        ("import os\nos.chdir('/')", "os.chdir is refused"),
        ("import os\nos.open('/tmp', 0)", "a folder's descriptor is refused"),
        ("open('../outside', 'w')", "writing '../outside' is refused"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import os\nos._exit(0)", "ended before its check did"),
        ("import os, signal\nsignal.raise_signal(signal.SIGSEGV)", "killed by SIGSEGV"),
    ],
)
def test_what_is_limited_or_refused_fails_with_the_reason(code: str, reason: str) -> None:
    verdict = run(code)
    assert not verdict.passed
    assert reason in verdict.reason


def test_an_endless_loop_runs_out_of_processor_time() -> None:
    assert run("while True: pass") == Verdict(False, "stopped: out of CPU time")


def test_a_loop_that_catches_everything_is_stopped_too() -> None:
    verdict = run("while True:\n    try:\n        while True: pass\n    except BaseException: pass")
    assert verdict == Verdict(False, "stopped: out of CPU time")


def test_a_program_that_waits_is_stopped_by_the_clock() -> None:
    assert run("import time\ntime.sleep(100)", Limits(wall_s=1)) == Verdict(False, "stopped after 1 s")


def test_a_listening_server_is_not_reached() -> None:
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: (server.accept(), reached.set()), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        verdict = run(f"import socket\nsocket.create_connection(('127.0.0.1', {port}))")
        assert "socket.getaddrinfo is refused" in verdict.reason
        assert not reached.is_set()
        with socket.create_connection(("127.0.0.1", port)):
            thread.join(10)
    assert reached.is_set(), "the server would have noticed"


def can_leave_the_network() -> bool:
    """Whether this system lets a process go where there is no network, as the sandbox tries to."""
    flags = 0x40000000 if os.geteuid() == 0 else 0x50000000
    code = f"import ctypes, sys; sys.exit(ctypes.CDLL(None).unshare({flags}) != 0)"
    return (
        sys.platform == "linux" and subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    )


@pytest.mark.skipif(not can_leave_the_network(), reason="needs a Linux that allows network namespaces")
def test_behind_the_audit_hook_there_is_no_network_either() -> None:
    verdict = run("raise ValueError([line.split(':')[0] for line in open('/proc/net/dev')][2:])")
    assert verdict.reason == "ValueError: [' lo']"


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    target = tmp_path / "target"
    verdict = run(f"open({str(target)!r}, 'w')")
    assert "is refused" in verdict.reason
    assert not target.exists()


def test_its_own_folder_is_empty_may_be_written_and_is_removed(tmp_path: Path) -> None:
    code = "import os\nassert os.listdir() == []\nopen('a', 'w').write('b')\nassert open('a').read() == 'b'\n"
    assert run(code).passed
    told = run("import os\nraise ValueError(os.getcwd())").reason
    folder = Path(told.removeprefix("ValueError: "))
    assert folder.is_absolute()
    assert not folder.exists()


def test_there_is_no_environment_and_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "here")
    assert run("import os, sys\nassert dict(os.environ) == {}\nassert sys.stdin.read() == ''").passed
    assert "KeyError: 'SECRET'" in run("import os\nos.environ['SECRET']").reason


def test_a_verdict_cannot_be_printed() -> None:
    everywhere = (
        "import os\n"
        "print('passed')\n"
        "for number in range(3, 64):\n"
        "    try: os.write(number, b'passed')\n"
        "    except OSError: pass\n"
        "os._exit(0)\n"
    )
    assert run(everywhere) == Verdict(False, "ended before its check did")


def test_output_without_end_goes_nowhere() -> None:
    assert run("print('x' * 50_000_000)", Limits()).passed


def test_verdicts_are_in_the_order_of_the_programs() -> None:
    programs = [Program(f"{code}{CHECK}", "answer") for code in ("", "raise KeyError", "x = 1")]
    behind: list[int] = []
    assert [verdict.passed for verdict in judge_all(programs, behind.append, jobs=2)] == [True, False, True]
    assert behind == [1, 2, 3]


def test_where_nothing_can_be_limited_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "find_spec", lambda name: None)
    with pytest.raises(EvaluationError, match="--no-tests"):
        run("")
