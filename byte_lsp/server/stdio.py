"""Standard input and output for the protocol alone."""

import asyncio
import os
import sys
import threading
from typing import BinaryIO

READ_BYTES = 1 << 16


def claim_stdio() -> tuple[int, BinaryIO]:
    """Take descriptors 0 and 1 for the protocol and leave harmless ones in their place.

    Whatever else writes to standard output from now on, Python, native code or a child process, reaches
    standard error; whatever else reads standard input finds it empty. Returns the input's descriptor and
    the output.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    if not _is_open(2):
        os.dup2(nothing, 2)
    reader, writer = os.dup(0), os.dup(1)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    if nothing != 2:
        os.close(nothing)
    sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout = sys.stderr
    return reader, os.fdopen(writer, "wb")


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


class _Tap(asyncio.ReadTransport):
    """Lets the reading thread go on, one chunk at a time, while the stream has room."""

    def __init__(self) -> None:
        super().__init__()
        self._is_open = threading.Event()
        self._is_paused = False
        self._is_open.set()

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._is_open.set()

    def wait(self) -> None:
        """In the thread: return when a chunk may be read, which is one chunk's leave."""
        self._is_open.wait()
        self._is_open.clear()

    def pass_on(self, stream: asyncio.StreamReader, chunk: bytes) -> None:
        """In the event loop: hand a chunk over, an empty one as the end."""
        if not chunk:
            stream.feed_eof()
            return
        stream.feed_data(chunk)
        if not self._is_paused:
            self._is_open.set()


def read_in_background(descriptor: int) -> asyncio.StreamReader:
    """A stream of what arrives at ``descriptor``, read by a daemon thread that holds up no exit.

    The thread reads no further than the stream is listened to, so that a client that writes faster than it is
    answered has to wait. Pipes that asyncio can wait for by itself do not exist on Windows.
    """
    loop = asyncio.get_running_loop()
    stream, tap = asyncio.StreamReader(), _Tap()
    stream.set_transport(tap)

    def read() -> None:
        chunk = b"?"
        while chunk:
            tap.wait()
            chunk = _read_some(descriptor)
            try:
                loop.call_soon_threadsafe(tap.pass_on, stream, chunk)
            except RuntimeError:  # the loop is closed
                return

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return stream


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_BYTES)
    except OSError:
        return b""
