"""As ``lsp_tee``, and keep answers back for as long as a test wants.

python -m tests.editors.vscode_tee LOG HOLD COMMAND...

While there is a file HOLD, answers to ``textDocument/inlineCompletion`` are written down with
``"to": "held"`` and not passed on, but for those to requests whose ids are in the file, one a line. Once it
is gone they all are, each as it is, whatever became of the document meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .lsp_tee import Messages

METHOD = "textDocument/inlineCompletion"
POLL_S = 0.02


class Tee:
    """Passes messages on in both directions, and writes down those that passed."""

    def __init__(self, log: IO[str], hold: Path, to_editor: IO[bytes], to_server: IO[bytes]) -> None:
        self._log = log
        self._hold = hold
        self._to_editor = to_editor
        self._to_server = to_server
        self._lock = threading.RLock()
        self._asked: set[int | str] = set()
        self._held: list[dict[str, Any]] = []

    def pass_up(self, source: IO[bytes]) -> None:
        """From the editor to the server, until the editor says no more."""
        for message in read(source):
            with self._lock:
                if message.get("method") == METHOD:
                    self._asked.add(message["id"])
                self._note("server", message)
            write(self._to_server, message)
        self._to_server.close()

    def pass_down(self, source: IO[bytes]) -> None:
        """From the server to the editor, until the server says no more."""
        for message in read(source):
            with self._lock:
                if self._may_pass(message):
                    self._send(message)
                else:
                    self._held.append(message)
                    self._note("held", message)

    def release(self) -> None:
        """Let what is held go as soon as it may, for ever."""
        while True:
            time.sleep(POLL_S)
            with self._lock:
                free = [message for message in self._held if self._may_pass(message)]
                self._held = [message for message in self._held if message not in free]
                for message in free:
                    self._send(message)

    def _may_pass(self, message: dict[str, Any]) -> bool:
        if "method" in message or message.get("id") not in self._asked:
            return True
        try:
            return str(message["id"]) in self._hold.read_text().split()
        except FileNotFoundError:
            return True

    def _send(self, message: dict[str, Any]) -> None:
        write(self._to_editor, message)
        self._note("editor", message)

    def _note(self, to: str, message: dict[str, Any]) -> None:
        print(json.dumps({"to": to, "at": time.time(), "message": message}), file=self._log, flush=True)


def read(source: IO[bytes]) -> Iterator[dict[str, Any]]:
    messages = Messages()
    while data := source.read1(65536):  # type: ignore[attr-defined]
        yield from messages.feed(data)


def write(target: IO[bytes], message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()
    target.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    target.flush()


def main(arguments: list[str]) -> int:
    if len(arguments) < 3:
        print("usage: python -m tests.editors.vscode_tee LOG HOLD COMMAND...", file=sys.stderr)
        return 2
    path, hold, *command = arguments
    if command[-1] == "--version":
        return subprocess.run(command, check=False).returncode
    with (
        open(path, "a", encoding="utf-8") as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        tee = Tee(log, Path(hold), sys.stdout.buffer, server.stdin)
        threading.Thread(target=tee.pass_up, args=(sys.stdin.buffer,), daemon=True).start()
        threading.Thread(target=tee.release, daemon=True).start()
        tee.pass_down(server.stdout)
        return server.wait()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
