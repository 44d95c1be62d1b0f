"""The server over TCP and over web sockets."""

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from byte_lsp.client import Client
from byte_lsp.client.framing import frame
from byte_lsp.errors import TransportError
from byte_lsp.server.main import serve_ws

INITIALIZE = '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
SHUTDOWN = '{"jsonrpc": "2.0", "id": 2, "method": "shutdown"}'
EXIT = '{"jsonrpc": "2.0", "method": "exit"}'

Listen = Callable[[str], Awaitable[tuple[asyncio.subprocess.Process, int]]]


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """Start a server that listens on a free port; kill it if the test leaves it behind."""
    servers: list[asyncio.subprocess.Process] = []

    async def start(serve: str) -> tuple[asyncio.subprocess.Process, int]:
        code = f"import sys; from byte_lsp.server.main import {serve}; sys.exit({serve}())"
        pipe = asyncio.subprocess.PIPE
        server = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=pipe, stderr=pipe)
        servers.append(server)
        assert server.stderr is not None
        line = (await server.stderr.readline()).decode()
        found = re.fullmatch(
            r"byte-lsp: listening on (tcp|ws)://127\.0\.0\.1:(\d+)\n", line.replace("\r", "")
        )
        assert found, line
        return server, int(found[2])

    yield start
    for server in servers:
        if server.returncode is None:
            server.kill()
        await server.communicate()


async def test_a_suggestion_over_tcp(listen: Listen, model_path: str, stack: str) -> None:
    server, port = await listen("serve_tcp")
    client = await Client.connect("127.0.0.1", port)
    await client.initialize(options={"model": model_path})
    await client.wait_for_ready()
    document = client.open("file:///a.py", stack)
    (item,) = await client.inline_completion(document, len(stack))
    assert str(item.insert_text).startswith("ms")
    await client.stop()
    assert await server.wait() == 0


async def test_a_second_client_is_turned_away(listen: Listen) -> None:
    server, port = await listen("serve_tcp")
    first = await Client.connect("127.0.0.1", port)
    await first.initialize(options={"model": "none.gguf"})
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()
    assert (await first.status())["model"] == "none.gguf"
    await first.stop()
    assert await server.wait() == 0


async def test_a_client_that_hangs_up_ends_the_server(listen: Listen) -> None:
    server, port = await listen("serve_tcp")
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        frame({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})[:40]
    )
    writer.close()
    assert await server.wait() == 1


async def test_a_conversation_over_a_web_socket(listen: Listen) -> None:
    server, port = await listen("serve_ws")
    async with connect(f"ws://127.0.0.1:{port}") as connection:
        await connection.send(INITIALIZE)
        assert "inlineCompletionProvider" in str(await connection.recv())
        await connection.send(SHUTDOWN)
        assert isinstance(await connection.recv(), str)
        await connection.send(EXIT)
    assert await server.wait() == 0


async def test_a_document_of_megabytes_over_a_web_socket(listen: Listen) -> None:
    _, port = await listen("serve_ws")
    text = "x = 1\n" * 500_000
    item = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": text}
    opened = {"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": item}}
    asked = {"jsonrpc": "2.0", "id": 2, "method": "byteLsp/document", "params": {"uri": "file:///a.py"}}
    async with connect(f"ws://127.0.0.1:{port}") as connection:
        await connection.send(INITIALIZE)
        await connection.recv()
        for message in (opened, asked):
            await connection.send(json.dumps(message))
        while (answer := json.loads(await connection.recv())).get("id") != 2:
            pass
    assert answer["result"]["bytes"] == len(text)


async def test_a_web_page_cannot_talk_over_tcp(listen: Listen) -> None:
    """A browser lets every page post to a port of this machine, and the body could be a message."""
    server, port = await listen("serve_tcp")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + frame(json.loads(INITIALIZE)))
    assert await reader.read() == b""
    assert await server.wait() == 1


async def test_web_pages_from_elsewhere_are_kept_out(listen: Listen) -> None:
    _, port = await listen("serve_ws")
    with pytest.raises(InvalidStatus, match="403"):
        await connect(f"ws://127.0.0.1:{port}", origin="https://example.org")
    async with connect(f"ws://127.0.0.1:{port}", origin="http://localhost:3000") as connection:
        await connection.send(INITIALIZE)
        assert "capabilities" in str(await connection.recv())


@pytest.mark.parametrize("serve", ["serve_tcp", "serve_ws"])
def test_a_port_that_is_taken_is_named(serve: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code = f"from byte_lsp.server.main import {serve}; {serve}('127.0.0.1', {port})"
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert f"TransportError: cannot listen on 127.0.0.1:{port}" in ended.stderr


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets.asyncio.server", None)
    with pytest.raises(TransportError, match=r"byte-lsp\[ws\]"):
        serve_ws()
