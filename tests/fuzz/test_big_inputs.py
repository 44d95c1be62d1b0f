"""Big files and long lines through a real server: answered, and in memory that is a multiple of the file.

The time limits are there to end a server that hangs: nothing here takes a hundredth of them.
"""

import asyncio
import hashlib
import sys
from pathlib import Path

import pytest
from lsprotocol import types

from byte_lsp.client import Client
from byte_lsp.infill.window import MOST_RUN_BYTES, prefix_window
from byte_lsp.server.blocks import MOST_BYTES, read_blocks
from byte_lsp.server.documents import Document
from byte_lsp.server.suggestions import LONGEST_WORD_BYTES, slot_of_word

URI = "file:///big.py"
MOST_SECONDS = 200
MB = 1 << 20
MOST_GROWTH = 12
"""Times the document: the message, its text, the bytes, and where lines start, which are 8 bytes each."""

SHORT = {"max_bytes": 24, "max_lines": 1}
TEXTS = {
    "50 MB of code": ("x = compute(value, 42)  # a comment here\n" * 1_220_000, types.Position(600_000, 3)),
    "50 MB of short lines": ("ab\n" * 16_600_000, types.Position(8_000_000, 1)),
    "a line of 10 MB": ("a1b2" * 2_500_000, types.Position(0, 5_000_000)),
    "a line of 10 MB, not ASCII": ("é中😀x" * 1_000_000, types.Position(0, 2_500_000)),
    "a long line among others": (
        "import os\n" * 20 + "data = '" + "QUJD" * 2_500_000 + "'\n" + "def f():\n    return 1\n" * 20,
        types.Position(20, 6_000_000),
    ),
}


class Editor:
    """A client with one document. It applies its edits itself, to compare."""

    def __init__(self, client: Client, text: str) -> None:
        self.client = client
        self.text = text
        self.version = 0

    def open(self) -> None:
        item = types.TextDocumentItem(URI, "python", 0, self.text)
        self.client.notify(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(item))

    def insert(self, position: types.Position, new: str) -> None:
        self.version += 1
        start = 0
        for _ in range(position.line):
            start = self.text.index("\n", start) + 1
        units = self.text[start : start + position.character].encode("utf-16-le")[: 2 * position.character]
        at = start + len(units.decode("utf-16-le", "ignore"))
        self.text = self.text[:at] + new + self.text[at:]
        event = types.TextDocumentContentChangePartial(types.Range(position, position), new)
        identifier = types.VersionedTextDocumentIdentifier(self.version, URI)
        change = types.DidChangeTextDocumentParams(identifier, [event])
        self.client.notify(types.TEXT_DOCUMENT_DID_CHANGE, change)

    async def ask(self, position: types.Position) -> object:
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Automatic)
        params = types.InlineCompletionParams(context, types.TextDocumentIdentifier(URI), position)
        return await self.client.request(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)

    async def is_same(self) -> bool:
        found = await self.client.document(URI)
        return found is not None and found["sha256"] == hashlib.sha256(self.text.encode()).hexdigest()


@pytest.mark.parametrize("name", TEXTS)
async def test_a_big_document_is_opened_and_edited(name: str) -> None:
    text, middle = TEXTS[name]
    client = await Client.start()
    await client.initialize(encodings=["utf-16"], options={"model": "none.gguf"})
    assert client.process is not None
    before = peak_bytes(client.process.pid)
    editor = Editor(client, text)
    async with asyncio.timeout(MOST_SECONDS):
        editor.open()
        for new in ("x", "\n", "foo."):
            editor.insert(middle, new)
        editor.insert(types.Position(0, 0), "y")
        assert await editor.is_same()
        assert await editor.ask(middle) == []
        after = peak_bytes(client.process.pid)
        assert await client.stop() == 0
    if before is not None and after is not None:
        assert after - before < MOST_GROWTH * len(text.encode()) + 50 * MB


async def test_a_suggestion_in_a_line_of_10_mb(smollm2_path: Path) -> None:
    text, middle = TEXTS["a long line among others"]
    client = await Client.start()
    await client.initialize(encodings=["utf-16"], options={"model": str(smollm2_path), "suggest": SHORT})
    await client.wait_for_ready()
    editor = Editor(client, text)
    editor.open()
    async with asyncio.timeout(MOST_SECONDS):
        assert isinstance(await editor.ask(middle), list)
        assert isinstance(await editor.ask(types.Position(24, 8)), list)
    assert (await client.status())["counters"]["answered"] == 2
    assert await client.stop() == 0


def document_of(text: str) -> Document:
    return Document(types.TextDocumentItem(URI, "python", 1, text), "utf-16")


def test_a_word_of_megabytes_is_not_looked_at_as_a_whole() -> None:
    """It was, once for each of its letters."""
    document = document_of("a" * 3_000_000 + " b " + "é" * 3_000_000)
    assert slot_of_word(document, types.Position(0, 2_000_000)).typed == b"a" * LONGEST_WORD_BYTES
    assert slot_of_word(document, types.Position(0, 3_000_002)).typed == b"b"
    assert slot_of_word(document, types.Position(0, 5_000_000)).typed == "é".encode() * (
        LONGEST_WORD_BYTES // 2
    )


def test_a_line_of_megabytes_is_no_context_for_others() -> None:
    document = document_of("word = 1\n" * 30 + "word " * 2_000_000 + "\nword = 2\n")
    blocks = read_blocks(document, 30)
    assert blocks.blocks
    assert max(len(block.text) for block in blocks.blocks) <= MOST_BYTES


def test_the_window_begins_inside_of_encoded_data() -> None:
    data = b"QUJD" * 1000
    windows = [prefix_window(b"x = '" + data, cursor, 4096) for cursor in range(3000, 3100)]
    assert {len(window) > MOST_RUN_BYTES for window in windows} == {False}
    assert min(map(len, windows)) >= MOST_RUN_BYTES // 2
    starts = {cursor - len(window) for cursor, window in zip(range(3000, 3100), windows, strict=True)}
    assert len(starts) <= 1 + 100 // (MOST_RUN_BYTES // 2) + 1
    spaced = b"QUJD " * 800
    assert len(prefix_window(spaced, len(spaced), 4096)) > 2048


def peak_bytes(pid: int) -> int | None:
    """The most memory that a process has ever taken, where the system counts it."""
    if sys.platform != "linux":
        return None
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        kilobytes = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    return int(kilobytes) * 1024
