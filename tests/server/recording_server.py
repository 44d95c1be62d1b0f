"""The real server, which also records what its worker is sent (``RECORD_SENT``) and says (``RECORD_SAID``).

With ``INJECT`` set to a file's name, that file's text is the message of an exception in each place where one
can come from: a request, a thread, a task, a warning, a log record that cannot be formatted.
"""

import asyncio
import logging
import os
import sys
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from byte_lsp.server import app, suggester
from byte_lsp.server.main import serve_stdio
from byte_lsp.worker import handle
from byte_lsp.worker.messages import Answer, Message

_write_frame, _read_message = handle.write_frame, handle.read_message
_watched_files: Any = app.did_change_watched_files


def _append(variable: str, data: bytes) -> None:
    with open(os.environ[variable], "ab") as file:
        file.write(data)


def write_frame(stream: BinaryIO, frame: bytes) -> None:
    _append("RECORD_SENT", frame)
    _write_frame(stream, frame)


def read_message(stream: BinaryIO) -> Message | None:
    message = _read_message(stream)
    if isinstance(message, Answer):
        for candidate in getattr(message.solution, "candidates", ()):
            _append("RECORD_SAID", candidate.text + b"\0")
    return message


class Faulty(suggester.Suggester):
    """Fails with the document's text in its message."""

    async def suggest(self, *_: Any, **__: Any) -> Any:
        text = Path(os.environ["INJECT"]).read_text()
        fail_everywhere(text)
        raise ValueError(text)


def fail_everywhere(text: str) -> None:
    def fail() -> None:
        raise RuntimeError(text)

    async def fail_in_task() -> None:
        try:
            fail()
        except RuntimeError as error:
            raise KeyError(text) from error

    class Unraisable:
        def __del__(self) -> None:
            fail()

    threading.Thread(target=fail, name="faulty").start()
    task = asyncio.create_task(fail_in_task())
    task.add_done_callback(lambda _: fail())
    del task
    Unraisable()
    warnings.warn(text, stacklevel=1)
    asyncio.get_running_loop().call_exception_handler({"message": "here", "given": text})
    logger = logging.getLogger("byte_lsp.test")
    logger.warning("%d", text)
    logger.error("%s", text.splitlines()[-1])
    logging.getLogger("pygls.test").error("%s", text)
    try:
        fail()
    except RuntimeError:
        logger.exception("as we would")


def record(environment: Mapping[str, str]) -> None:
    handle.write_frame, handle.read_message = write_frame, read_message
    if "INJECT" in environment:
        from byte_lsp.server import server

        vars(server)["Suggester"] = Faulty


if __name__ == "__main__":
    record(os.environ)
    sys.exit(serve_stdio())
