"""``byte-lsp status``: the servers that run."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from byte_lsp import __version__
from byte_lsp.client import Client
from byte_lsp.running import RunningServer, remove_server, running_servers, servers_folder, write_server
from tests.cli_process import run_cli

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
HAS_MODES = sys.platform != "win32"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder without any server."""
    monkeypatch.setenv("BYTE_LSP_STATE", str(tmp_path))
    return tmp_path


def this_process() -> RunningServer:
    return RunningServer(
        pid=os.getpid(),
        started_s=psutil.Process().create_time(),
        updated_s=0.0,
        version="1.2.3",
        editor="Neovim",
        workspace=("/home/me/shop",),
        model="tiny",
        state="error",
        message="the model file is missing",
        action="Pull it.",
        worker_pid=None,
        counters={"requests": 1234, "answered": 56},
    )


def test_without_a_server_it_says_so(state: Path) -> None:
    process = run_cli("status")
    assert (process.returncode, process.stderr) == (0, b"")
    assert "no server is running" in process.stdout.decode()
    assert json.loads(run_cli("status", "--json").stdout) == []


def test_a_server_is_listed_with_what_to_do(state: Path) -> None:
    write_server(this_process())
    shown = run_cli("status", env={"COLUMNS": "200"}).stdout.decode()
    for word in (str(os.getpid()), "1.2.3", "error", "tiny", "/home/me/shop", "Neovim", "1,234", "56", " MB"):
        assert word in shown
    assert f"{os.getpid()}: the model file is missing. Pull it." in shown


def test_what_is_written_is_what_is_read(state: Path) -> None:
    write_server(this_process())
    assert running_servers() == [this_process()]
    remove_server(os.getpid())
    remove_server(os.getpid())
    assert running_servers() == []


def test_the_file_of_a_process_that_is_gone_is_removed(state: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_server(replace(this_process(), pid=ended.pid))
    assert running_servers() == []
    assert list(servers_folder().iterdir()) == []


def test_so_is_that_of_one_whose_number_another_process_has(state: Path) -> None:
    write_server(replace(this_process(), started_s=this_process().started_s - 3600))
    assert running_servers() == []
    assert list(servers_folder().iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"pid": 1}', '{"workspace": 3}'])
def test_a_damaged_file_and_one_of_another_version_are_passed_over(state: Path, content: str) -> None:
    write_server(this_process())
    (servers_folder() / "1.json").write_text(content)
    assert [each.pid for each in running_servers()] == [os.getpid()]


def test_a_file_with_a_field_too_many_is_passed_over(state: Path) -> None:
    write_server(this_process())
    (servers_folder() / "1.json").write_text(json.dumps({**asdict(this_process()), "colour": "red"}))
    assert len(running_servers()) == 1


@pytest.mark.skipif(not HAS_MODES, reason="Windows has no modes; see byte_lsp.private_files")
def test_nobody_else_can_read_it(state: Path) -> None:
    servers_folder().mkdir(mode=0o755)
    before = os.umask(0)
    try:
        write_server(this_process())
    finally:
        os.umask(before)
    (file,) = servers_folder().iterdir()
    assert (servers_folder().stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


async def test_a_real_server_is_found_and_forgotten(state: Path, smollm2_path: Path) -> None:
    client = await Client.start()
    assert client.process is not None
    await client.initialize(options={"model": str(smollm2_path)}, name="an editor", folders=[state.as_uri()])
    await client.wait_for_ready()
    client.open("file:///a.py", "x = 1\n")
    server = await until_found(client.process.pid)
    answer = await client.status()
    assert server["pid"] == client.process.pid
    assert server["worker_pid"] == answer["worker_pid"]
    assert (server["version"], server["editor"]) == (__version__, "an editor")
    assert server["workspace"] == [str(state)]
    assert server["model"] == smollm2_path.name
    assert server["server_bytes"] > 10_000_000
    assert server["worker_bytes"] > 50_000_000
    assert server["uptime_s"] >= 0
    await client.stop()
    assert json.loads(run_cli("status", "--json").stdout) == []


async def test_a_server_that_was_killed_leaves_no_trace_after_the_next_look(state: Path) -> None:
    client = await Client.start()
    assert client.process is not None
    await client.initialize(options={"model": "none.gguf"})
    async with asyncio.timeout(60):
        while not list(servers_folder().glob("*.json")):
            await asyncio.sleep(0.05)
    client.process.send_signal(KILL)
    await client.process.wait()
    assert list(servers_folder().glob("*.json"))
    assert json.loads(run_cli("status", "--json").stdout) == []
    assert not list(servers_folder().glob("*.json"))
    await client.stop()


async def until_found(pid: int) -> dict[str, object]:
    async with asyncio.timeout(60):
        while True:
            process = await asyncio.to_thread(run_cli, "status", "--json")
            for server in json.loads(process.stdout):
                if server["pid"] == pid and server["state"] in ("ready", "degraded"):
                    found: dict[str, object] = server
                    return found
            await asyncio.sleep(0.2)
