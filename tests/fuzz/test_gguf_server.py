"""Damaged model files given to a real server: each is one message that names it, and the server lives on."""

import asyncio
import random
import struct
from pathlib import Path

import pytest
from lsprotocol import types

from byte_lsp.client import Client
from tests.fuzz.choices import Choices
from tests.fuzz.gguf_files import forge_file
from tests.tokens.gguf_writer import byte_level_metadata, write_gguf

FORGED = 4
MOST_SECONDS = 250
TENSORS_AT, PAIRS_AT = 8, 16


def damaged_files(folder: Path, model: Path) -> list[Path]:
    """Altered headers of a real model, a vocabulary without weights, and forged files."""
    head = model.read_bytes()[:4_000_000]
    spellings = [*"abc", "ab", "<|endoftext|>"]
    whole = write_gguf(folder / "no-weights.gguf", byte_level_metadata("gpt-2", spellings, ["a b"]))
    contents = {
        "empty": b"",
        "cut-in-header": head[:100_000],
        "cut-behind-header": head,
        "many-pairs": head[:PAIRS_AT] + struct.pack("<Q", 2**63) + head[PAIRS_AT + 8 :],
        "many-tensors": head[:TENSORS_AT] + struct.pack("<Q", 2**40) + head[TENSORS_AT + 8 :],
        "long-key": head[:24] + struct.pack("<Q", 2**63) + head[32:],
        "noise": head[:24] + random.Random(0).randbytes(100_000),
    }
    draw = random.Random(3)
    for number in range(FORGED):
        contents[f"forged-{number}"] = forge_file(Choices(b"\x00" + draw.randbytes(150)))
    for name, content in contents.items():
        (folder / f"{name}.gguf").write_bytes(content)
    return [whole, *(folder / f"{name}.gguf" for name in contents)]


@pytest.mark.timeout(MOST_SECONDS + 50)
async def test_each_damaged_file_is_one_message(smollm2_path: Path, tmp_path: Path) -> None:
    client = await Client.start()
    await client.initialize(options={"model": str(tmp_path / "none.gguf")})
    await until_failed(client, 1)
    document = client.open("file:///a.py", "x = ")
    async with asyncio.timeout(MOST_SECONDS):
        for path in damaged_files(tmp_path, smollm2_path):
            client.messages.clear()
            pushed = types.DidChangeConfigurationParams({"byteLsp": {"model": str(path)}})
            client.notify(types.WORKSPACE_DID_CHANGE_CONFIGURATION, pushed)
            await until_failed(client, 1)
            (message,) = (each.message for each in client.messages if each.type == types.MessageType.Error)
            assert path.name in message
            assert "internal error" not in message
            assert await client.inline_completion(document, 4) == []
    assert await client.stop() == 0


async def until_failed(client: Client, messages: int) -> None:
    async with asyncio.timeout(60):
        while (await client.status())["state"] != "failed" or len(client.messages) < messages:
            await asyncio.sleep(0.05)
