"""A client as the README of ``@github/copilot-language-server`` describes one, and nothing of byte_lsp in it.

It speaks JSON-RPC over the server's standard input and output, sends the messages that are documented there
with the fields that are documented, and answers nothing: the README asks for no more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

LIMIT_BYTES = 1 << 24
LIMIT_S = 120

INITIALIZE: dict[str, Any] = {
    "processId": None,
    "workspaceFolders": [{"uri": "file:///home/user/project"}],
    "capabilities": {"workspace": {"workspaceFolders": True}},
    "initializationOptions": {
        "editorInfo": {"name": "Example Editor", "version": "1.2.3"},
        "editorPluginInfo": {"name": "example-copilot", "version": "0.4"},
    },
}
CONFIGURATION = {
    "settings": {
        "http": {"proxy": None, "proxyStrictSSL": None, "proxyKerberosServicePrincipal": "spn"},
        "telemetry": {"telemetryLevel": "all"},
        "github-enterprise": {"uri": None},
    }
}


class Failed(Exception):
    """The server answered with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


class CopilotClient:
    """One conversation. ``heard`` are the server's notifications, as (method, params)."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[tuple[str, Any]] = []
        self.process = process
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._last = 0
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, command: Sequence[str]) -> CopilotClient:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, limit=LIMIT_BYTES
        )
        return cls(process)

    def send(self, method: str, params: Any) -> tuple[int, asyncio.Future[Any]]:
        """Send a request; its id, and its result to come."""
        self._last += 1
        answer = self._waiting[self._last] = asyncio.get_running_loop().create_future()
        self._write({"id": self._last, "method": method, "params": params})
        return self._last, answer

    async def request(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its result. Errors: ``Failed``."""
        async with asyncio.timeout(LIMIT_S):
            return await self.send(method, params)[1]

    def notify(self, method: str, params: Any) -> None:
        self._write({"method": method, "params": params})

    async def until_state(self, *states: str) -> dict[str, Any]:
        """The first ``didChangeStatus`` of these states, whether it came before or comes yet."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                for method, params in self.heard:
                    if method == "didChangeStatus" and params["state"] in states:
                        return dict(params)
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """Say goodbye; the server's exit code."""
        await self.request("shutdown")
        self.notify("exit", None)
        async with asyncio.timeout(LIMIT_S):
            code = await self.process.wait()
        self._listening.cancel()
        with suppress(asyncio.CancelledError):
            await self._listening
        return code

    def _write(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    async def _listen(self) -> None:
        reader = self.process.stdout
        assert reader is not None
        while head := await reader.readline():
            size = int(head.removeprefix(b"Content-Length: "))
            assert await reader.readline() == b"\r\n"
            self._take(json.loads(await reader.readexactly(size)))

    def _take(self, message: dict[str, Any]) -> None:
        if "method" in message:
            self.heard.append((message["method"], message.get("params")))
            return
        answer = self._waiting.pop(message["id"])
        if "error" in message:
            answer.set_exception(Failed(message["error"]))
        else:
            answer.set_result(message["result"])


class Buffer:
    """A file in the editor, of text without surrogate pairs: columns are UTF-16 units."""

    def __init__(self, client: CopilotClient, uri: str, text: str, language: str) -> None:
        self.client, self.uri, self.text, self.version = client, uri, text, 0
        item = {"uri": uri, "languageId": language, "version": 0, "text": text}
        client.notify("textDocument/didOpen", {"textDocument": item})
        client.notify("textDocument/didFocus", {"textDocument": {"uri": uri}})

    @property
    def end(self) -> dict[str, int]:
        line, column = self.text.count("\n"), len(self.text) - self.text.rfind("\n") - 1
        return {"line": line, "character": column}

    def set(self, text: str) -> None:
        """Change the text; the whole of it is sent, as small clients do."""
        self.text, self.version = text, self.version + 1
        document = {"uri": self.uri, "version": self.version}
        change = {"textDocument": document, "contentChanges": [{"text": text}]}
        self.client.notify("textDocument/didChange", change)

    def ask(self, version: int | None = None, kind: int = 2) -> dict[str, Any]:
        """The parameters of ``textDocument/inlineCompletion`` at the end of the text."""
        return {
            "textDocument": {"uri": self.uri, "version": self.version if version is None else version},
            "position": self.end,
            "context": {"triggerKind": kind},
            "formattingOptions": {"tabSize": 4, "insertSpaces": True},
        }

    def insert(self, item: dict[str, Any], length: int | None = None) -> None:
        """Put an item, or so much of it, in the place of its range, which must be at the end of the text."""
        assert item["range"]["end"] == self.end
        kept = item["range"]["start"]["character"]
        before, line = self.text[: self.text.rfind("\n") + 1], self.text[self.text.rfind("\n") + 1 :]
        self.set(before + line[:kept] + item["insertText"][:length])
