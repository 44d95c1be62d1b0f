"""The command line: serving, usage errors, and how it ends."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from byte_lsp import __version__
from byte_lsp.cli import COMMANDS
from byte_lsp.client import Client
from tests.cli_process import COMMAND, TIMEOUT_SECONDS, error_line, run_cli

HEAVY = {"numpy", "rich", "pygls", "lsprotocol", "cattrs", "asyncio", "byte_lsp.settings", "byte_lsp.catalog"}


def test_it_says_its_version() -> None:
    assert run_cli("--version").stdout.decode() == f"byte-lsp {__version__}\n"


def test_help_names_every_command() -> None:
    shown = run_cli("--help").stdout.decode()
    assert [name for name in COMMANDS if name not in shown] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    process = run_cli(name, "--help")
    assert (process.returncode, process.stderr) == (0, b"")
    assert f"usage: byte-lsp {name}" in process.stdout.decode()


def test_the_way_to_the_server_imports_nothing_heavy() -> None:
    program = "import sys, byte_lsp.cli; byte_lsp.cli._build_parser([]); print(*sys.modules, sep='\\n')"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert HEAVY & set(shown.stdout.split()) == set()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["--tcp", "port"], "'port' is not PORT or HOST:PORT"),
        (["--ws", "localhost:65536"], "'localhost:65536' is not PORT or HOST:PORT"),
        (["--tcp", "1", "--stdio"], "not allowed with argument"),
        (["--log-level", "loud"], "invalid choice: 'loud'"),
        (["--stdio", "demo"], "the options for serving do not go with demo"),
        (["complete"], "required: FILE:LINE:COL"),
        (["complete", "file.py"], "'file.py' is not FILE:LINE:COL"),
        (["complete", "file.py:1", "--top-p", "0"], "'0' is not a number from 0.01 to 1"),
        (["complete", "file.py:1", "--temperature", "nan"], "'nan' is not a number from 0 to 2"),
        (["next-byte", "--top", "0"], "'0' is not a whole number from 1 on"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], reason: str) -> None:
    process = run_cli(*arguments)
    assert (process.returncode, process.stdout) == (2, b"")
    assert reason in error_line(process)


@pytest.mark.parametrize("options", [[], ["--stdio"], ["--stdio", "--clientProcessId=1"]])
async def test_without_a_command_it_serves_on_standard_input_and_output(options: list[str]) -> None:
    client, _ = await _shake_hands([*COMMAND, *options])
    assert await client.stop() == 0
    assert client.stray == b""


@pytest.mark.parametrize(
    ("options", "told", "is_chatty"),
    [
        ([], {}, False),
        (["--log-level", "debug"], {}, True),
        (["--log-level", "debug"], {"log": {"level": "error"}}, False),
        (["--log-level", "error"], {"log": {"level": "debug"}}, True),
    ],
)
async def test_the_log_level_holds_unless_the_editor_has_another(
    options: list[str], told: dict[str, object], is_chatty: bool
) -> None:
    client, settings = await _shake_hands([*COMMAND, *options], **told)
    await client.status()
    before = len(client.log)
    for _ in range(3):
        await client.status()
    await client.stop()
    later = list(client.log)[before:]
    assert any("DEBUG" in line or "INFO" in line for line in later) == is_chatty, settings


async def test_it_serves_on_a_socket() -> None:
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*COMMAND, "--tcp", "0", stderr=pipe, stdin=pipe)
    assert server.stderr is not None
    announced = (await server.stderr.readline()).decode()
    prefix = "byte-lsp: listening on tcp://127.0.0.1:"
    assert announced.startswith(prefix)
    client = await Client.connect("127.0.0.1", int(announced.removeprefix(prefix)))
    result = await client.initialize(options={"model": "none.gguf"})
    assert result.server_info is not None
    assert result.server_info.version == __version__
    await client.stop()
    assert await server.wait() == 0


def test_a_port_in_use_is_one_line_and_exit_code_1() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = run_cli("--tcp", f"127.0.0.1:{taken.getsockname()[1]}")
    assert process.returncode == 1
    assert "cannot listen on 127.0.0.1:" in error_line(process)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals that Python can open")
def test_a_person_at_a_terminal_is_told_what_this_is() -> None:
    leader, terminal = os.openpty()
    server = subprocess.Popen(COMMAND, stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(terminal)
    assert server.stderr is not None
    line = server.stderr.readline().decode()
    os.close(leader)
    output, _ = server.communicate(timeout=TIMEOUT_SECONDS)
    assert "waiting for an editor" in line
    assert "byte-lsp demo" in line
    assert output == b""


def test_an_editor_is_told_nothing_on_standard_error() -> None:
    process = run_cli()
    assert (process.returncode, process.stdout, process.stderr) == (1, b"", b"")


@pytest.mark.parametrize(
    "arguments",
    [["demo"], ["doctor"], ["next-byte", "a"], ["complete", f"{__file__}:1"], ["models", "path"]],
)
def test_an_unknown_model_is_one_line_and_exit_code_1(arguments: list[str]) -> None:
    model = ["smollm-2"] if arguments[0] == "models" else ["--model", "smollm-2"]
    process = run_cli(*arguments, *model)
    assert (process.returncode, process.stdout) == (1, b"")
    assert 'no model is called "smollm-2"; did you mean smollm2-135m' in error_line(process)


@pytest.mark.parametrize("command", ["demo", "next-byte"])
def test_a_file_that_is_no_model_is_one_line_and_exit_code_1(command: str, tmp_path: Path) -> None:
    (tmp_path / "text.gguf").write_bytes(b"GGUF but no more")
    process = run_cli(command, "--model", str(tmp_path / "text.gguf"))
    assert (process.returncode, process.stdout) == (1, b"")
    assert "text.gguf" in error_line(process)


@pytest.mark.usefixtures("default_path")
def test_nobody_reading_the_output_is_no_news() -> None:
    arguments = [*COMMAND, "next-byte", "import o", "--json"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(TIMEOUT_SECONDS) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles only")
@pytest.mark.usefixtures("default_path")
def test_ctrl_c_ends_it_without_a_traceback() -> None:
    # A shell that runs us in the background has SIGINT ignored, and a child inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    assert process.stdout is not None
    assert process.stdout.readline()  # the server and both workers are at it
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130
    assert errors.strip() == b""


async def _shake_hands(command: Sequence[str], **options: object) -> tuple[Client, dict[str, object]]:
    client = await Client.start(command)
    settings = {"model": "none.gguf", **options}
    await client.initialize(options=settings)
    return client, settings
