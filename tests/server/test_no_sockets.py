"""The server opens no socket unless it is told to, nor does its worker, all through a real session.

What is allowed is ``socketpair``, two ends of a pipe inside one process that have no address (AF_UNIX): by it
asyncio wakes its own event loop. Each way of looking sees other things: strace every system call, also of
native code; the namespace that all goes well without any network; the audit hook names the Python code.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

from byte_lsp.client import Client

SERVER = (sys.executable, "-m", "byte_lsp.server")
CALL = re.compile(r"^(?:\[pid +)?\d*\]? *(\w+)\((.*)", re.MULTILINE)
ON_A_PAIR = {"sendto", "recvfrom", "getsockname", "getsockopt", "setsockopt", "shutdown"}
SITE = """
import os, sys

def heard(event, args):
    if event.startswith("socket.") and event != "socket.gethostname":
        with open(os.environ["SOCKETS_HEARD"], "a") as file:
            print(os.getpid(), event, args[1:], file=file)

sys.addaudithook(heard)
with open(os.environ["SOCKETS_HEARD"] + ".listening", "a") as file:
    print(os.getpid(), file=file)
"""


@asynccontextmanager
async def session(
    command: Sequence[str], model_path: str, folder: Path, env: dict[str, str] | None = None
) -> AsyncIterator[Client]:
    """A session as people have it: files opened, text typed, suggestions wanted, a secret met."""
    (folder / ".gitignore").write_text("build/\n")
    client = await Client.start(command, env=env)
    try:
        options = {
            "model": model_path,
            "suggest": {"confidence": 0, "deadline_ms": 0},
            "log": {"level": "debug"},
        }
        await client.initialize(options=options, folders=[folder.as_uri()])
        await client.wait_for_ready(240)
        document = client.open((folder / "stack.py").as_uri(), "class Stack:\n    def __init__(self):\n")
        client.open((folder / "build" / "made.py").as_uri(), "x = 1\n")
        for text in (
            "        self.items = []\n\n    def push(self, item):\n        self.ite",
            "ms.",
            "append(",
        ):
            end = len(document.text)
            client.replace(document, end, end, text)
            assert await client.inline_completion(document, len(document.text))
        client.replace(document, 0, 0, 'password = "hunter2x"\n')
        await client.inline_completion(document, len('password = "hu'), invoked=True)
        yield client
    finally:
        await client.stop()


def network_calls(trace: str) -> list[str]:
    """The system calls of a trace that make a socket, give it an address or use that of another.

    Without one of these there is nothing but pairs, whose ends may be read, written and asked what they are.
    """
    calls = [(name, f"{name}({rest}") for name, rest in CALL.findall(trace)]
    return [
        call for name, call in calls if name not in ON_A_PAIR and not call.startswith("socketpair(AF_UNIX")
    ]


def test_a_trace_with_a_socket_in_it_is_told_from_one_without() -> None:
    pair = "12 socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [3, 4]) = 0\n12 +++ exited with 0 +++\n"
    assert network_calls(pair) == []
    assert len(network_calls(pair + "13 socket(AF_INET6, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3\n")) == 1
    used = '12 sendto(4, "\\0", 1, 0, NULL, 0) = 1\n12 recvfrom(3, "\\0", 4096, 0, NULL, NULL) = 1\n'
    assert network_calls(pair + used) == []
    assert len(network_calls(pair + "13 connect(3, {sa_family=AF_UNIX, sun_path=...}, 110) = -1\n")) == 1


@cache
def why_no_strace() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: apt-get install strace)"
    trial = subprocess.run(["strace", "-f", "true"], capture_output=True, text=True, check=False)
    return "" if trial.returncode == 0 else f"strace may not trace here: {trial.stderr.strip()}"


@cache
def why_no_namespace() -> str:
    if shutil.which("unshare") is None:
        return "unshare is not installed (Debian: util-linux; Linux only)"
    trial = subprocess.run([*alone(), "true"], capture_output=True, text=True, check=False)
    return "" if trial.returncode == 0 else f"no network namespace may be made here: {trial.stderr.strip()}"


def alone() -> list[str]:
    """The command before a command that has a network namespace of its own, with no interface that is up."""
    return ["unshare", "-n"] if os.name == "posix" and os.geteuid() == 0 else ["unshare", "-rn"]


async def test_no_system_call_for_the_network_is_made(model_path: str, tmp_path: Path) -> None:
    if why_no_strace():
        pytest.skip(why_no_strace())
    out = tmp_path / "trace"
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=network", "-o", str(out), *SERVER]
    async with session(command, model_path, tmp_path) as client:
        assert (await client.status())["counters"]["asked"] >= 2
    trace = out.read_text()
    assert "socketpair(AF_UNIX" in trace, "asyncio's own was not seen: the trace is none"
    assert network_calls(trace) == []


async def test_all_goes_well_without_a_network(model_path: str, tmp_path: Path) -> None:
    if why_no_namespace():
        pytest.skip(why_no_namespace())
    trial = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    run = subprocess.run([*alone(), sys.executable, "-c", trial], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in run.stderr, "even the loopback interface has to be down"
    async with session([*alone(), *SERVER], model_path, tmp_path) as client:
        assert (await client.status())["counters"]["asked"] >= 2
        assert client.messages == []


async def test_no_python_code_connects_or_binds(model_path: str, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)
    heard = tmp_path / "heard"
    search_path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))
    env = {"PYTHONPATH": search_path, "SOCKETS_HEARD": str(heard)}
    async with session(SERVER, model_path, tmp_path, env) as client:
        listening = set((tmp_path / "heard.listening").read_text().split())
        assert client.process is not None
        assert {str(client.process.pid), str((await client.status())["worker_pid"])} <= listening
    events = heard.read_text().splitlines() if heard.exists() else []
    made = [each for each in events if "socket.__new__" in each]
    assert all(f"({int(socket.AF_UNIX)}, " in each for each in made), made
    assert [each for each in events if "socket.__new__" not in each] == []
