"""Messages out of a byte stream (LSP 3.17, "Base Protocol"), whatever else is in it."""

from __future__ import annotations

import logging
import re
from asyncio import IncompleteReadError, StreamReader

MOST_MESSAGE_BYTES = 1 << 29
"""A longer message is not believed: its length is taken for damage."""

_LENGTH = re.compile(rb"Content-Length: *(\d{1,18})[ \t]*\r?\n\Z", re.IGNORECASE)
"""At the end of a line: what stands before it may be the rest of a body that was longer than announced."""

_WEB_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_JUNK = b"?"

logger = logging.getLogger(__name__)


class MessageReader:
    """The bodies of the messages in a stream, one after the other.

    What is no header is passed over up to the next ``Content-Length``, so that one bad message costs no more
    than itself and the next. A web page's request ends the stream: browsers reach ports of this machine, and
    nothing that they send is an editor's.
    """

    def __init__(self, stream: StreamReader, most_bytes: int = MOST_MESSAGE_BYTES) -> None:
        self._stream = stream
        self._most_bytes = most_bytes

    async def read(self) -> bytes | None:
        """The next body, or None where the stream ends. Errors: ``ConnectionError``."""
        length = 0
        while line := await self._line():
            if found := _LENGTH.search(line):
                length = self._believable(int(found[1]))
            elif length and not line.strip():
                return await self._body(length)
            elif _WEB_REQUEST.match(line):
                logger.warning("a web page's request came in place of LSP messages; the conversation ends")
                return None
        return None

    async def _line(self) -> bytes:
        try:
            return await self._stream.readline()
        except ValueError:  # longer than the stream's limit, which has thrown it away
            return _JUNK

    async def _body(self, length: int) -> bytes | None:
        try:
            return await self._stream.readexactly(length)
        except IncompleteReadError:
            return None

    def _believable(self, length: int) -> int:
        if length > self._most_bytes:
            logger.warning("a message of %d bytes was passed over; %d is the limit", length, self._most_bytes)
            return 0
        return length
