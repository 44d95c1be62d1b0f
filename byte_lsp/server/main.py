"""The ways to run the server: over standard input and output, a TCP socket, a web socket."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from byte_lsp.errors import TransportError
from byte_lsp.server.framing import MOST_MESSAGE_BYTES, MessageReader
from byte_lsp.server.outlet import Outlet
from byte_lsp.server.stdio import claim_stdio, read_in_background
from byte_lsp.server.turns import Receive, converse

if TYPE_CHECKING:
    from byte_lsp.server.server import ByteLspServer
    from byte_lsp.settings import LogLevel

LOCAL_PAGES = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")

logger = logging.getLogger(__name__)


def serve_stdio(log_level: LogLevel | None = None) -> int:
    """Talk LSP on standard input and output until the editor leaves. Returns the exit code.

    ``log_level`` holds unless the editor's settings have one.
    """
    descriptor, output = claim_stdio()
    server = _build(log_level)

    async def talk() -> None:
        outlet = Outlet(output.fileno())
        server.protocol.set_writer(outlet)  # type: ignore[arg-type] # what can be awaited is awaited
        server.parent.on_gone = _cancel_of(asyncio.current_task())
        try:
            await _converse(server, MessageReader(read_in_background(descriptor)).read)
        finally:
            outlet.close()

    return _run(server, talk())


def serve_tcp(host: str = "127.0.0.1", port: int = 0, log_level: LogLevel | None = None) -> int:
    """Talk LSP with the first client that connects, until it leaves. Returns the exit code.

    ``port`` 0 takes a free one; the address is printed on standard error. Errors: ``TransportError``.
    """
    server = _build(log_level)
    return _run(server, _serve_one_tcp_client(server, host, port))


def serve_ws(host: str = "127.0.0.1", port: int = 0, log_level: LogLevel | None = None) -> int:
    """As ``serve_tcp``, over a web socket. Web pages are let in from this machine only.

    Errors: ``TransportError``, also when the extra ``byte-lsp[ws]`` is not installed.
    """
    try:
        import websockets.asyncio.server  # noqa: F401, PLC0415
    except ImportError as error:
        raise TransportError("web sockets need an extra; run: pip install 'byte-lsp[ws]'") from error
    server = _build(log_level)
    return _run(server, _serve_one_ws_client(server, host, port))


def _build(log_level: LogLevel | None) -> ByteLspServer:
    from byte_lsp.server.app import build_server  # noqa: PLC0415
    from byte_lsp.server.logs import set_level, start_logging  # noqa: PLC0415

    start_logging()
    server = build_server()
    if log_level is not None:
        set_level(log_level)
        server.configuration.defaults = {"log": {"level": log_level}}
    return server


def _run(server: ByteLspServer, talk: Coroutine[Any, Any, None]) -> int:
    async def main() -> None:
        _end_on_signals(_cancel_of(asyncio.current_task()))
        try:
            await talk
        finally:
            server.close()

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(main())
    return 0 if server.protocol.was_shut_down else 1


def _cancel_of(task: asyncio.Task[Any] | None) -> Callable[[], object]:
    assert task is not None, "called outside the event loop"
    return task.cancel


def _end_on_signals(end: Callable[[], object]) -> None:
    loop = asyncio.get_running_loop()
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, end)


async def _converse(server: ByteLspServer, receive: Receive) -> None:
    with suppress(ConnectionError):
        await converse(receive, server.protocol)


async def _serve_one_tcp_client(server: ByteLspServer, host: str, port: int) -> None:
    done = asyncio.Event()

    async def on_connect(reader: StreamReader, writer: StreamWriter) -> None:
        if server.protocol.writer is not None:
            logger.warning("refused a second client")
            writer.close()
            return
        server.protocol.set_writer(writer)
        await _converse(server, MessageReader(reader).read)
        writer.close()
        done.set()

    try:
        listener = await asyncio.start_server(on_connect, host, port)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    async with listener:
        _announce("tcp", listener.sockets[0].getsockname())
        await done.wait()


async def _serve_one_ws_client(server: ByteLspServer, host: str, port: int) -> None:
    from websockets.asyncio.server import ServerConnection, serve  # noqa: PLC0415

    from byte_lsp.server.web_socket import WebSocket  # noqa: PLC0415

    done = asyncio.Event()

    async def on_connect(socket: ServerConnection) -> None:
        if server.protocol.writer is not None:
            logger.warning("refused a second client")
            return
        web_socket = WebSocket(socket)
        server.protocol.set_writer(web_socket, include_headers=False)
        await _converse(server, web_socket.read)
        await socket.close()
        done.set()

    try:
        listener = await serve(
            on_connect, host, port, origins=[None, LOCAL_PAGES], max_size=MOST_MESSAGE_BYTES
        )
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    async with listener:
        _announce("ws", next(iter(listener.sockets)).getsockname())
        await done.wait()


def _cannot_listen(host: str, port: int, error: OSError) -> TransportError:
    return TransportError(f"cannot listen on {host}:{port} ({error.strerror}); choose another port")


def _announce(scheme: str, address: Any) -> None:
    host, port = address[:2]
    print(f"byte-lsp: listening on {scheme}://{host}:{port}", file=sys.stderr, flush=True)
