"""Messages on a byte stream, and the bytes between them."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.client.framing import FrameReader, frame

MESSAGE = {"jsonrpc": "2.0", "method": "grüß", "params": ["😀", None]}


async def read_all(content: bytes) -> tuple[list[dict[str, object]], bytes]:
    stream = asyncio.StreamReader()
    stream.feed_data(content)
    stream.feed_eof()
    reader = FrameReader(stream)
    messages = []
    while (message := await reader.read()) is not None:
        messages.append(message)
    return messages, bytes(reader.stray)


async def test_messages_without_stray_bytes() -> None:
    assert await read_all(frame(MESSAGE) * 3) == ([MESSAGE] * 3, b"")


async def test_a_content_type_and_any_case_are_headers() -> None:
    content = b"content-type: application/vscode-jsonrpc\r\ncontent-length: 2\r\n\r\n{}"
    assert await read_all(content) == ([{}], b"")


@pytest.mark.parametrize(
    "stray",
    [
        b"llama_model_load: hello\n",
        b"\xff\xfe\n",
        b"Content-Length of what?\n",
        b"\n\n",
        b"\r\n",
        b"Content-Length: 3\r\n\r\nabc",
        b"Content-Length: 2\r\n\r\n[]",
    ],
)
async def test_stray_bytes_are_kept_and_the_messages_around_them_read(stray: bytes) -> None:
    messages, found = await read_all(frame(MESSAGE) + stray + frame(MESSAGE))
    assert messages == [MESSAGE] * 2
    assert found == stray[-3:] if b": 3" in stray else stray[-2:] if b": 2" in stray else stray


async def test_a_message_cut_short_is_stray() -> None:
    messages, stray = await read_all(frame(MESSAGE)[:-1])
    assert messages == []
    assert stray == frame(MESSAGE).partition(b"\r\n\r\n")[2][:-1]


@given(st.binary(max_size=60))
def test_nothing_that_comes_breaks_the_reader(content: bytes) -> None:
    asyncio.run(read_all(content))
