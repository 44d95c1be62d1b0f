"""The LSP door: bytes into the real protocol stack, in this process, and what must hold whatever they are.

The input's first byte says what the rest is: ``{`` or ``#`` bodies of messages, one a line, ``!`` a stream as
it would arrive, anything else decisions from which ``lsp_messages`` makes a session.

What must hold: no error escapes to the event loop or is called internal; each request has exactly one answer;
nothing but whole frames is written; every open document is UTF-8 with the line starts that its text says; and
the next request is answered.
"""

import asyncio
import json
import re
from collections import Counter
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

import lsprotocol.converters
from cattrs import Converter
from pygls.exceptions import FeatureRequestError, JsonRpcInvalidParams
from pygls.protocol import default_converter

from byte_lsp.infill.problem import Candidate, InfillProblem, InfillResult
from byte_lsp.server.app import build_server
from byte_lsp.server.framing import MessageReader
from byte_lsp.server.model import ModelHost
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.turns import converse
from byte_lsp.settings import Settings
from byte_lsp.worker.messages import Request, pack_message
from tests.fuzz.choices import Choices
from tests.fuzz.hurried_loop import HurriedLoop
from tests.fuzz.lsp_messages import read_session

MOST_MESSAGE_BYTES = 1 << 16
MOST_RAW_MESSAGE_BYTES = 1 << 12
LAST = "the last request"
LAST_BODY = json.dumps({"jsonrpc": "2.0", "id": LAST, "method": "byteLsp/status"}).encode()
INTERNAL_ERROR = -32603
LINE_END = re.compile(b"\r\n|\r|\n")
TEXTS = (b"", b"self.x\n", b"  a\n\tb\r\n", "é😀)".encode(), b"\n", b" ")


class SlowModel(ModelHost):
    """Stands in for the worker: every other answer comes at once, the others when ``settle`` is called.

    Problems are packed for the worker's door as they would be.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.open: list[Future[InfillResult]] = []
        self.asked = 0

    @property
    def answers(self) -> bool:
        return True

    def start(self, settings: Settings) -> None:
        self._settings = settings
        self.state = "ready"

    def infill(self, problem: InfillProblem, *_: object) -> Future[InfillResult]:
        pack_message(Request(1, problem))
        self.asked += 1
        future: Future[InfillResult] = Future()
        self.open.append(future)
        if self.asked % 2:
            self.settle()
        return future

    def drop_more(self) -> None:
        pass

    def settle(self) -> None:
        for future in self.open:
            if future.set_running_or_notify_cancel():
                text = TEXTS[self.asked % len(TEXTS)]
                candidate = Candidate(text, -1.0, "line", 1, replaced_bytes=min(self.asked % 3, len(text)))
                future.set_result(InfillResult((candidate,) if text else (), 1.0, 1))
        self.open.clear()


@dataclass
class Session:
    """What went in and came out. ``answers`` counts the answers by id, ``faults`` is what must not be."""

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    written: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        self.written += data

    def note_error(self, error: Exception, source: type[Exception]) -> None:
        """What the server would tell the user of: an unreadable message is the client's, all else its own."""
        if source is not FeatureRequestError and not isinstance(error, JsonRpcInvalidParams):
            self.faults.append(f"{error} {getattr(error, 'data', '')}")

    def close(self) -> None:
        pass


def check(data: bytes) -> None:
    """Errors: ``AssertionError`` saying what did not hold."""
    loop = HurriedLoop()
    session = Session()
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_run(data, session))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    session.faults += loop.faults()
    _read_answers(session)
    assert not session.faults, session.faults
    assert session.requests == session.answers, f"asked {session.requests}, answered {session.answers}"


@cache
def _converter() -> Converter:
    """One for all sessions: it writes code for each type that it meets, which takes longer than a session."""
    return default_converter()


async def _run(data: bytes, session: Session) -> None:
    with patch.object(lsprotocol.converters, "get_converter", Converter):
        server = build_server()
    server.protocol._converter = server.protocol.fm.converter = _converter()
    model = SlowModel(server.editor)
    server.model = model
    if hasattr(server, "suggester"):
        server.suggester._model = model
    server.report_server_error = session.note_error  # type: ignore[method-assign]
    server.protocol.set_writer(session)
    stream = asyncio.StreamReader()
    reader = MessageReader(stream, MOST_RAW_MESSAGE_BYTES if data[:1] == b"!" else MOST_MESSAGE_BYTES)

    async def receive() -> bytes | None:
        body = await reader.read()
        _note_request(body, session)
        return body

    stream.feed_data(_stream_of(data))
    stream.feed_data(_frame(LAST_BODY))
    stream.feed_eof()
    await converse(receive, server.protocol)
    await _come_to_rest()
    model.settle()
    await _come_to_rest()
    _check_documents(server, session)
    server.close()
    await _end_tasks()


def _stream_of(data: bytes) -> bytes:
    kind = data[:1]
    if kind == b"!":
        # However the stream was left: a body is filled, a line is ended.
        return data[1:] + b"x" * MOST_RAW_MESSAGE_BYTES + b"\r\n"
    if kind in (b"{", b"#"):
        return b"".join(map(_frame, filter(None, data.removeprefix(b"#").split(b"\n"))))
    return b"".join(map(_frame, filter(None, read_session(Choices(data)))))


def _frame(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def _come_to_rest() -> None:
    """Let everything happen that happens by itself, within an hour."""
    for _ in range(12):
        await asyncio.sleep(300)


async def _end_tasks() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _note_request(body: bytes | None, session: Session) -> None:
    """Count a request as the specification has it; this knows nothing of the server's own reading."""
    try:
        message = json.loads(body or b"")
    except (ValueError, RecursionError):
        return
    if not isinstance(message, dict) or type(message.get("id")) not in (int, str):
        return
    if "method" in message or not ("result" in message or "error" in message):
        session.requests[repr(message["id"])] += 1


def _read_answers(session: Session) -> None:
    rest = bytes(session.written)
    while rest:
        found = re.match(rb"Content-Length: (\d+)\r\n(?:Content-Type: [^\r\n]*\r\n)?\r\n", rest)
        assert found, f"no frame: {rest[:80]!r}"
        body, rest = rest[found.end() :][: int(found[1])], rest[found.end() + int(found[1]) :]
        message = json.loads(body.decode("ascii"))
        assert message["jsonrpc"] == "2.0"
        if "method" not in message:
            _read_answer(message, session)


def _read_answer(message: dict[str, Any], session: Session) -> None:
    assert ("error" in message) != ("result" in message), message
    if message.get("id") is not None:
        session.answers[repr(message["id"])] += 1
    error = message.get("error")
    if error is not None and error["code"] == INTERNAL_ERROR:
        session.faults.append(str(error))


def _check_documents(server: ByteLspServer, session: Session) -> None:
    for document in server.documents._documents.values():
        text = bytes(document.text)
        text.decode()
        starts = [0, *(found.end() for found in LINE_END.finditer(text))]
        if list(document.line_starts) != starts:
            session.faults.append(f"lines start at {list(document.line_starts)}, not {starts}")
