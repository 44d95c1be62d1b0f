"""The client: a server, started or connected to, and what an editor would say to it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from lsprotocol import types

from byte_lsp.client.connection import Connection, Pending, ServerError
from byte_lsp.client.document import ClientDocument

SERVER_COMMAND = (sys.executable, "-m", "byte_lsp.server")
STREAM_LIMIT_BYTES = 1 << 24
LOG_LINES = 2000
POLL_SECONDS = 0.05


class Client:
    """Talks LSP to one server and keeps all that it says.

    ``settings`` answers ``workspace/configuration``; ``choice`` answers ``window/showMessageRequest``.
    ``messages`` and ``questions`` are what the user would have seen, ``progress`` the work-done reports,
    ``statuses`` what a status line would have shown,
    ``log`` the last lines on the server's standard error. ``capabilities`` and ``encoding`` were agreed on.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        process: asyncio.subprocess.Process | None = None,
    ) -> None:
        self.settings: Mapping[str, Any] | None = None
        self.choice: str | None = None
        self.messages: list[types.ShowMessageParams] = []
        self.questions: list[types.ShowMessageRequestParams] = []
        self.registrations: list[types.Registration] = []
        self.progress: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.log: deque[str] = deque(maxlen=LOG_LINES)
        self.encoding = "utf-16"
        self.capabilities = types.ServerCapabilities()
        self.process = process
        self.connection = Connection(reader, writer, self._answer, self._hear)
        self._logging = asyncio.create_task(self._keep_log())

    @classmethod
    async def start(
        cls, command: Sequence[str] = SERVER_COMMAND, *, env: Mapping[str, str] | None = None
    ) -> Self:
        """Start a server that talks on standard input and output. ``env`` adds to this process's own."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            limit=STREAM_LIMIT_BYTES,
            env={**os.environ, **(env or {})},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        return cls(process.stdout, process.stdin, process)

    @classmethod
    async def connect(cls, host: str, port: int) -> Self:
        """Connect to a server that listens on a TCP port."""
        return cls(*await asyncio.open_connection(host, port, limit=STREAM_LIMIT_BYTES))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def stray(self) -> bytes:
        """What came on the server's standard output and was no LSP message."""
        return self.connection.stray

    async def initialize(
        self,
        *,
        encodings: Sequence[str] = ("utf-8", "utf-16"),
        inline_completion: bool = True,
        options: Any = None,
        settings: Mapping[str, Any] | None = None,
        name: str = "byte-lsp client",
        process_id: int | None = None,
        actions: bool = False,
        folders: Sequence[str] = (),
    ) -> types.InitializeResult:
        """Shake hands. With ``settings`` the client is one that can be asked for its configuration, with
        ``actions`` one that shows messages with something to choose. ``folders``: the workspace's, as URIs.

        The server leaves when ``process_id`` (default: this process) is gone.
        """
        self.settings = settings
        params = types.InitializeParams(
            capabilities=_capabilities(
                encodings, inline_completion, configuration=settings is not None, actions=actions
            ),
            process_id=process_id or os.getpid(),
            client_info=types.ClientInfo(name),
            initialization_options=options,
            workspace_folders=[types.WorkspaceFolder(uri, uri.rpartition("/")[2]) for uri in folders] or None,
        )
        result: types.InitializeResult = await self.request(types.INITIALIZE, params)
        kind = types.PositionEncodingKind
        self.capabilities = result.capabilities
        self.encoding = kind(result.capabilities.position_encoding or kind.Utf16).value
        self.notify(types.INITIALIZED, types.InitializedParams())
        return result

    async def wait_for_ready(self, timeout_seconds: float = 120.0) -> None:
        """Return when the model can answer. Errors: ``ServerError`` with what the server said went wrong."""
        async with asyncio.timeout(timeout_seconds):
            while (state := (await self.status())["state"]) != "ready":
                if state == "failed":
                    raise ServerError(0, "; ".join(message.message for message in self.messages))
                await asyncio.sleep(POLL_SECONDS)

    async def status(self) -> dict[str, Any]:
        """``byteLsp/status``: state, model, worker_pid, counters."""
        answer: dict[str, Any] = await self.request("byteLsp/status")
        return answer

    async def document(self, uri: str) -> dict[str, Any] | None:
        """``byteLsp/document``: version, bytes and sha256 of what the server has; None if it is not open.

        Of a notebook's cell also ``page_sha256``: that of the text which it is read in.
        """
        answer: dict[str, Any] | None = await self.request("byteLsp/document", {"uri": uri})
        return answer

    def open(self, uri: str, text: str, language: str = "python") -> ClientDocument:
        """Open a document at the server."""
        document = ClientDocument(uri, text, language, self.encoding)
        item = types.TextDocumentItem(uri, language, document.version, text)
        self.notify(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(item))
        return document

    def replace(self, document: ClientDocument, start: int, end: int, text: str) -> None:
        """Replace the text ``[start, end)``, here and at the server, incrementally."""
        self.notify(types.TEXT_DOCUMENT_DID_CHANGE, document.replace(start, end, text))

    def close(self, document: ClientDocument) -> None:
        """Close a document at the server."""
        params = types.DidCloseTextDocumentParams(document.identifier)
        self.notify(types.TEXT_DOCUMENT_DID_CLOSE, params)

    def ask_inline(
        self,
        document: ClientDocument,
        offset: int,
        *,
        invoked: bool = False,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> Pending:
        """Send ``textDocument/inlineCompletion`` at a text offset, without waiting."""
        kind = types.InlineCompletionTriggerKind
        context = types.InlineCompletionContext(kind.Invoked if invoked else kind.Automatic, selected)
        params = types.InlineCompletionParams(context, document.identifier, document.position(offset))
        return self.connection.send(types.TEXT_DOCUMENT_INLINE_COMPLETION, params)

    async def inline_completion(
        self,
        document: ClientDocument,
        offset: int,
        *,
        invoked: bool = False,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> list[types.InlineCompletionItem]:
        """The suggestions at a text offset. Errors: ``ServerError``."""
        return await self.ask_inline(document, offset, invoked=invoked, selected=selected).answer or []

    async def completion(self, document: ClientDocument, offset: int) -> types.CompletionList:
        """The ordinary completion items at a text offset. Errors: ``ServerError``."""
        params = types.CompletionParams(document.identifier, document.position(offset))
        answer: types.CompletionList = await self.request(types.TEXT_DOCUMENT_COMPLETION, params)
        return answer

    def cancel(self, pending: Pending) -> None:
        """Send ``$/cancelRequest``; the server answers the request all the same."""
        self.notify(types.CANCEL_REQUEST, types.CancelParams(pending.id))

    async def request(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its result, structured as ``lsprotocol`` has it."""
        return await self.connection.send(method, params).answer

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.connection.notify(method, params)

    async def stop(self, timeout_seconds: float = 20.0) -> int | None:
        """Shut the server down, and kill it if it will not go. Returns its exit code, None over TCP."""
        with suppress(ServerError, TimeoutError, ConnectionError):
            async with asyncio.timeout(timeout_seconds):
                await self.request(types.SHUTDOWN)
                self.notify(types.EXIT)
        code = await self._wait_for_exit(timeout_seconds)
        await self.connection.close()
        self._logging.cancel()
        await asyncio.gather(self._logging, return_exceptions=True)
        return code

    async def _wait_for_exit(self, timeout_seconds: float) -> int | None:
        if self.process is None:
            return None
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self.process.wait()
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()

    async def _keep_log(self) -> None:
        if self.process is None or self.process.stderr is None:
            return
        while line := await self.process.stderr.readline():
            self.log.append(line.decode(errors="replace").rstrip())

    def _answer(self, method: str, params: Any) -> Any:
        converter = self.connection.converter
        match method:
            case types.WORKSPACE_CONFIGURATION:
                return [self.settings for _ in params["items"]]
            case types.WINDOW_SHOW_MESSAGE_REQUEST:
                self.questions.append(converter.structure(params, types.ShowMessageRequestParams))
                return {"title": self.choice} if self.choice else None
            case types.CLIENT_REGISTER_CAPABILITY:
                self.registrations += converter.structure(params, types.RegistrationParams).registrations
                return None
            case types.WINDOW_WORK_DONE_PROGRESS_CREATE:
                return None
        raise LookupError(method)

    def _hear(self, method: str, params: Any) -> None:
        match method:
            case types.WINDOW_SHOW_MESSAGE:
                self.messages.append(self.connection.converter.structure(params, types.ShowMessageParams))
            case types.PROGRESS:
                self.progress.append(params["value"])
            case "didChangeStatus":
                self.statuses.append(params)


def _capabilities(
    encodings: Sequence[str], inline_completion: bool, *, configuration: bool, actions: bool
) -> types.ClientCapabilities:
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(
            position_encodings=[types.PositionEncodingKind(encoding) for encoding in encodings]
        ),
        window=types.WindowClientCapabilities(
            work_done_progress=True,
            show_message=types.ShowMessageRequestClientCapabilities() if actions else None,
        ),
        notebook_document=types.NotebookDocumentClientCapabilities(
            types.NotebookDocumentSyncClientCapabilities(execution_summary_support=True)
        ),
        workspace=types.WorkspaceClientCapabilities(
            configuration=configuration,
            did_change_configuration=types.DidChangeConfigurationClientCapabilities(
                dynamic_registration=True
            ),
            did_change_watched_files=types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
        ),
        text_document=types.TextDocumentClientCapabilities(
            inline_completion=types.InlineCompletionClientCapabilities() if inline_completion else None,
            completion=types.CompletionClientCapabilities(),
        ),
    )
