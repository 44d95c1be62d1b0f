"""Inputs to begin with, made here: nothing of them is anybody else's."""

import hashlib
import json
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.choices import Choices
from tests.fuzz.doors import Door
from tests.fuzz.gguf_files import forge_file

FORGED = 40
HEADER_BYTES = 3000
ITEMS = 40

TEXT = "def f(x):\r\n\treturn 'é中😀'\n\r  # \u2028\n"
OPEN = {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": TEXT}
AT = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 1, "character": 5}}
EDIT = {"range": {"start": {"line": 0, "character": 3}, "end": {"line": 2, "character": 99}}, "text": "\r"}
MESSAGES = (
    {"id": 1, "method": "initialize", "params": {"capabilities": {}}},
    {"method": "initialized", "params": {}},
    {"method": "textDocument/didOpen", "params": {"textDocument": OPEN}},
    {"id": 2, "method": "textDocument/inlineCompletion", "params": {**AT, "context": {"triggerKind": 1}}},
    {"method": "$/cancelRequest", "params": {"id": 2}},
    {
        "method": "textDocument/didChange",
        "params": {"textDocument": {"uri": "file:///a.py", "version": 2}, "contentChanges": [EDIT]},
    },
    {"id": "3", "method": "textDocument/completion", "params": AT},
    {"method": "textDocument/didClose", "params": {"textDocument": {"uri": "file:///a.py"}}},
    {"id": 4, "method": "shutdown"},
    {"method": "exit"},
)


def write_seeds(door: Door, folder: Path, vocabularies: Path | None) -> None:
    """Write them into ``folder``, under names that follow from what they hold."""
    inputs = lsp_seeds() if door == "lsp" else gguf_seeds(vocabularies)
    for content in inputs:
        (folder / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)


def lsp_seeds() -> Iterator[bytes]:
    bodies = [json.dumps({"jsonrpc": "2.0", **message}).encode() for message in MESSAGES]
    yield b"\n".join(bodies)
    yield b"\n".join(bodies[:-2])
    frames = [b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies]
    yield b"!" + b"".join(frames[:-2])
    yield b"!" + frames[0] + b"Content-Length: 7\r\n\r\n" + b"".join(frames[1:-2])
    yield b"!POST / HTTP/1.1\r\nHost: localhost\r\n" + frames[0]
    draw = random.Random(0)
    for _ in range(FORGED):
        yield b"\x90" + draw.randbytes(draw.randrange(20, 300))


def gguf_seeds(vocabularies: Path | None) -> Iterator[bytes]:
    draw = random.Random(0)
    for _ in range(FORGED):
        data = bytes(draw.choice((0, 0, draw.randrange(256))) for _ in range(draw.randrange(20, 200)))
        yield data
        yield forge_file(Choices(data))[:HEADER_BYTES] or b"GGUF"
    for path in sorted(vocabularies.glob("*.gguf")) if vocabularies else ():
        yield shortened(path)
        yield path.read_bytes()[:HEADER_BYTES]


def shortened(path: Path) -> bytes:
    """A vocabulary with the first items of each array: still whole."""
    from byte_lsp.tokens.gguf import open_reader, read_pairs

    pairs = []
    with open_reader(path) as reader:
        reader.count()
        for (key, value), raw in read_pairs(reader, reader.count()):
            pairs.append(raw if not isinstance(value, list) else _shortened_array(key.encode(), raw))
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs)


def _shortened_array(key: bytes, raw: bytes) -> bytes:
    head = 8 + len(key) + 4
    kind, count = struct.unpack_from("<IQ", raw, head)
    at = head + 12
    for _ in range(min(count, ITEMS)):
        at += (
            8 + struct.unpack_from("<Q", raw, at)[0] if kind == 8 else {7: 1, 0: 1, 10: 8, 12: 8}.get(kind, 4)
        )
    return raw[: head + 4] + struct.pack("<Q", min(count, ITEMS)) + raw[head + 12 : at]
