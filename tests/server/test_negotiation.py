"""What is agreed on at the start: position encoding, and how suggestions are offered."""

from collections.abc import Awaitable, Callable

import pytest
from lsprotocol import types

from byte_lsp.client import Client, ClientDocument, ServerError

StartServer = Callable[..., Awaitable[Client]]

EMOJI_LINE = '😀 = "é中"  # '


@pytest.mark.parametrize(
    ("offered", "chosen", "units"),
    [
        (["utf-8", "utf-16"], "utf-8", len(EMOJI_LINE.encode())),
        (["utf-32", "utf-16", "utf-8"], "utf-8", len(EMOJI_LINE.encode())),
        (["utf-32", "utf-16"], "utf-32", len(EMOJI_LINE)),
        (["utf-16", "utf-32"], "utf-16", len(EMOJI_LINE) + 1),
        ([], "utf-16", len(EMOJI_LINE) + 1),
    ],
)
async def test_positions_are_exact_in_the_encoding_agreed_on(
    start_server: StartServer, model_path: str, offered: list[str], chosen: str, units: int
) -> None:
    client = await start_server(
        encodings=offered, options={"model": model_path, "suggest": {"max_bytes": 24, "confidence": 0}}
    )
    assert client.encoding == chosen
    await client.wait_for_ready()
    text = EMOJI_LINE + "\nimport os\n" + EMOJI_LINE
    document = client.open("file:///emoji.py", text)
    client.replace(document, len(text), len(text), "the quick brown fox jum")
    client.replace(document, len(text) - 1, len(text), "")
    client.replace(document, len(text) - 1, len(text) - 1, " ")
    (item,) = await client.inline_completion(document, len(document.text))
    cursor = types.Position(2, units + len("the quick brown fox jum"))
    assert item.range == types.Range(cursor, cursor)
    assert item.insert_text.startswith("p")


async def test_an_editor_with_ghost_text_gets_no_completion_items(start_server: StartServer) -> None:
    client = await start_server(inline_completion=True)
    with pytest.raises(ServerError, match="textDocument/completion"):
        await client.completion(ClientDocument("file:///a.py", "", "python", "utf-8"), 0)


@pytest.mark.parametrize(
    ("inline_completion", "setting", "expected"),
    [
        (True, "auto", False),
        (True, "always", True),
        (True, "never", False),
        (False, "auto", True),
        (False, "never", False),
    ],
)
async def test_completion_items_are_offered_where_they_are_wanted(
    start_server: StartServer, inline_completion: bool, setting: str, expected: bool
) -> None:
    options = {"model": "none.gguf", "suggest": {"completion_items": setting}}
    client = await start_server(inline_completion=inline_completion, options=options)
    assert (client.capabilities.completion_provider is not None) is expected
    assert client.capabilities.inline_completion_provider is not None


async def test_an_editor_without_ghost_text_gets_a_completion_item(
    start_server: StartServer, model_path: str, stack: str
) -> None:
    client = await start_server(
        inline_completion=False, options={"model": model_path, "suggest": {"max_bytes": 24, "confidence": 0}}
    )
    await client.wait_for_ready()
    document = client.open("file:///stack.py", stack)
    answer = await client.completion(document, len(stack))
    assert answer.is_incomplete
    (item,) = answer.items
    assert item.label.startswith("items")
    assert item.filter_text.startswith("items")
    assert item.text_edit.new_text.startswith("items")
    end = document.position(len(stack))
    assert item.text_edit.range == types.Range(types.Position(end.line, end.character - len("ite")), end)
    assert item.detail.lower().startswith("smollm2")
