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


def read_in_background(descriptor: int) -> asyncio.StreamReader:
    """A stream of what arrives at ``descriptor``, read by a daemon thread that holds up no exit.

    Pipes that asyncio can wait for by itself do not exist on Windows.
    """
    loop = asyncio.get_running_loop()
    stream = asyncio.StreamReader()

    def read() -> None:
        while chunk := _read_some(descriptor):
            if not _tell(loop, stream, chunk):
                return
        _tell(loop, stream, b"")

    threading.Thread(target=read, name="stdin", daemon=True).start()
    return stream


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, READ_BYTES)
    except OSError:
        return b""


def _tell(loop: asyncio.AbstractEventLoop, stream: asyncio.StreamReader, chunk: bytes) -> bool:
    """Pass a chunk on, an empty one as the end; False once the loop is closed."""
    try:
        if chunk:
            loop.call_soon_threadsafe(stream.feed_data, chunk)
        else:
            loop.call_soon_threadsafe(stream.feed_eof)
    except RuntimeError:
        return False
    return True
