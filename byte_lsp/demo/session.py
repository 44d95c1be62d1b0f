"""An editor's session with the real server: open a file, type, ask at every key, wait for ghost text."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from byte_lsp.client import Client, ClientDocument
from byte_lsp.demo.stops import DemoFile, Stop

_KEY_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class Suggested:
    """What the server suggested at a stop, empty for nothing, and how long after the last key.

    ``first_ms`` is how long it took at the empty line, where the model reads what stands above.
    """

    stop: Stop
    text: str
    latency_ms: float
    first_ms: float


async def visit(client: Client, stops: Iterable[Stop]) -> AsyncIterator[Suggested]:
    """Type up to each stop and ask there. Errors: ``ServerError``."""
    for file, in_file in groupby(stops, key=lambda stop: stop.file):
        document = client.open(f"file:///byte-lsp-demo/{file.name}", file.text, file.language)
        for stop in in_file:
            yield await _visit(client, document, stop)
            _restore(client, document, file)
        client.close(document)


async def _visit(client: Client, document: ClientDocument, stop: Stop) -> Suggested:
    cursor = stop.line_start
    client.replace(document, cursor, cursor + len(stop.whole_line), "")
    _, first_ms = await _ask(client, document, cursor)
    for key in stop.typed[:-1]:
        client.replace(document, cursor, cursor, key)
        cursor += 1
        client.ask_inline(document, cursor).answer.add_done_callback(_overlook)
        await asyncio.sleep(_KEY_SECONDS)
    client.replace(document, cursor, cursor, stop.typed[-1])
    text, latency_ms = await _ask(client, document, cursor + 1)
    return Suggested(stop, text, latency_ms, first_ms)


async def _ask(client: Client, document: ClientDocument, cursor: int) -> tuple[str, float]:
    started = time.perf_counter()
    items = await client.inline_completion(document, cursor)
    waited_ms = (time.perf_counter() - started) * 1e3
    text = items[0].insert_text if items else ""
    return text if isinstance(text, str) else text.value, waited_ms


def _overlook(answer: asyncio.Future[Any]) -> None:
    """The next key overtakes a request, and the server answers it with an error: nobody is interested."""
    if not answer.cancelled():
        answer.exception()


def _restore(client: Client, document: ClientDocument, file: DemoFile) -> None:
    client.replace(document, 0, len(document.text), file.text)
