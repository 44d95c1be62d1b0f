"""Stand between an editor and a language server and write down what they say to each other.

python lsp_tee.py LOG COMMAND...

Each line of LOG is ``{"to": "server" | "editor", "at": seconds, "message": ...}``. Bytes are passed on as
they come; what is no message is passed on too, and not written down.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that passed: whom it went to, when, and what it says."""

    to: str
    at: float
    message: dict[str, Any]


def read_log(path: Path) -> list[Heard]:
    """What was said so far. The last line may still be being written, and is left out then."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    return [Heard(**json.loads(line)) for line in whole.splitlines()]


class Messages:
    """Takes bytes as they come and gives the messages that are whole."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        self._buffer += data
        while (head_end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = content_length(self._buffer[:head_end])
            end = head_end + 4 + length
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
            yield json.loads(body)


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    raise ValueError(f"no Content-Length in {head!r}")


def pass_on(source: IO[bytes], target: IO[bytes], to: str, log: IO[str], lock: threading.Lock) -> None:
    """Pass bytes on until the source ends, and write the messages in them down."""
    messages = Messages()
    while data := source.read1(65536):  # type: ignore[attr-defined]
        for message in messages.feed(data):
            with lock:
                print(json.dumps({"to": to, "at": time.time(), "message": message}), file=log, flush=True)
        target.write(data)
        target.flush()
    target.close()


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print("usage: lsp_tee.py LOG COMMAND...", file=sys.stderr)
        return 2
    path, *command = arguments
    if command[-1] == "--version":
        return subprocess.run(command, check=False).returncode
    lock = threading.Lock()
    with (
        open(path, "a", encoding="utf-8") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        upwards = (sys.stdin.buffer, server.stdin, "server", log, lock)
        threading.Thread(target=pass_on, args=upwards, daemon=True).start()
        pass_on(server.stdout, sys.stdout.buffer, "editor", log, lock)
        return server.wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
