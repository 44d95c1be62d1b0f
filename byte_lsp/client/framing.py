"""JSON-RPC messages on a byte stream (LSP 3.17, "Base Protocol")."""

import json
import re
from asyncio import IncompleteReadError, StreamReader
from typing import Any

HEADER = re.compile(rb"(Content-Length|Content-Type): *(.*)\r\n", re.IGNORECASE)


def frame(message: dict[str, Any]) -> bytes:
    """A message as it goes over the wire."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


class FrameReader:
    """Reads messages, and keeps in ``stray`` every byte that is part of none."""

    def __init__(self, stream: StreamReader) -> None:
        self.stray = bytearray()
        self._stream = stream

    async def read(self) -> dict[str, Any] | None:
        """The next message, or None at the end of the stream."""
        length: int | None = None
        while line := await self._stream.readline():
            header = HEADER.fullmatch(line)
            if header and header[1].lower() == b"content-length" and header[2].isdigit():
                length = int(header[2])
            elif line == b"\r\n" and length is not None:
                message = await self._read_body(length)
                if message is not None:
                    return message
                length = None
            elif header is None:
                self.stray += line
        return None

    async def _read_body(self, length: int) -> dict[str, Any] | None:
        try:
            body = await self._stream.readexactly(length)
        except IncompleteReadError as error:
            self.stray += error.partial
            return None
        try:
            message = json.loads(body)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.stray += body
            return None
        return message
