"""What byte-lsp does differently from pygls's own protocol.

pygls keeps each document as a ``str`` and splits lines as Python does, also at form feeds and U+2028; an
edit there can fail or go astray. Its document handlers are taken out, ours are plain features.

It reads a message as it structures every JSON object in it, answers no request that it cannot read, and lets
a client break its books: an answer to a question of the client's own, an id used twice, a request before
``initialize``. Here a message is looked at as a whole, and each request gets exactly one answer.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import json
import logging
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from cattrs import transform_error
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcInvalidRequest,
    JsonRpcMethodNotFound,
    JsonRpcParseError,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.uris import from_fs_path, to_fs_path

OUR_OWN = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)
CHANGES_TEXT = (types.TEXT_DOCUMENT_DID_OPEN, types.TEXT_DOCUMENT_DID_CHANGE)
CHANGES_CELLS = (types.NOTEBOOK_DOCUMENT_DID_OPEN, types.NOTEBOOK_DOCUMENT_DID_CHANGE)
MOST_FAULTS = 3
MOST_VERSION = 1 << 31

Id = int | str
T = TypeVar("T")

logger = logging.getLogger(__name__)


class Protocol(LanguageServerProtocol):
    """pygls's protocol, with documents left to us. ``stopped`` is set once the client has said ``exit``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.stopped = threading.Event()
        self._is_initialized = False
        self._told: set[str] = set()
        self._is_unreachable = False
        self._sending: set[asyncio.Future[Any]] = set()
        super().__init__(*args, **kwargs)

    @property
    def was_shut_down(self) -> bool:
        """Whether the client has sent ``shutdown``."""
        return self._shutdown

    def take(self, body: bytes) -> None:
        """Handle one message. Whatever it is, nothing is raised, and a request gets one answer."""
        try:
            message = json.loads(body)
        except (ValueError, RecursionError) as error:
            self._refuse(None, JsonRpcParseError(f"this is no JSON: {error}"))
            return
        if not isinstance(message, dict):
            self._refuse(None, JsonRpcInvalidRequest("a message is one JSON object"))
        elif "method" not in message and ("result" in message or "error" in message):
            self._take_answer(message)
        elif message.get("jsonrpc") != self.VERSION or not isinstance(message.get("method"), str):
            self._refuse(_id_of(message), JsonRpcInvalidRequest('"jsonrpc": "2.0" or a method is missing'))
        else:
            take = self._take_request if "id" in message else self._take_notification
            contextvars.copy_context().run(take, message)

    def read(self, value: Any, kind: type[T]) -> T:
        """A JSON value as ``lsprotocol`` has it. Errors: ``JsonRpcInvalidParams`` saying what is wrong."""
        try:
            return _keep_version(self._converter.structure(value, kind), value)
        except Exception as error:
            raise JsonRpcInvalidParams(_faults(error)) from error

    async def settle(self) -> None:
        """Return when the client has taken what it was sent, or is gone."""
        if isinstance(self.writer, asyncio.StreamWriter):
            await self.writer.drain()
        elif self._sending:
            await asyncio.wait(self._sending)

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        """Choose the position encoding, then initialize as pygls does."""
        _settle_encodings(params)
        _drop_unreadable_root(params)
        result = yield from super().lsp_initialize(params)
        self._is_initialized = True
        return result

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *args: Any) -> Generator[Any, Any, None]:
        """As pygls does; what is cancelled takes itself out of the books, so that it goes over a copy."""
        number, waiting = self.msg_id, dict(self._request_futures)
        yield self.fm.features[types.SHUTDOWN], args, None
        for each, future in waiting.items():
            if each != number and not future.done():
                future.cancel()
        self._shutdown = True

    @lsp_method(types.EXIT)
    def lsp_exit(self, *args: Any) -> None:  # type: ignore[override]
        """Let the conversation end after this message."""
        self.stopped.set()

    def _register_builtin_features(self) -> None:
        super()._register_builtin_features()  # type: ignore[no-untyped-call]
        for method in OUR_OWN:
            del self.fm.builtin_features[method]

    def _take_request(self, message: dict[str, Any]) -> None:
        number, method = _id_of(message), message["method"]
        if number is None:
            self._refuse(None, JsonRpcInvalidRequest("an id is a whole number or a string"))
            return
        try:
            self._check_order(number, method)
            request = self._structure(message, self.get_message_type(method))
        except JsonRpcException as error:
            self._refuse(number, error)
            return
        self._handle_request(number, method, request)

    def _check_order(self, number: Id, method: str) -> None:
        """Errors: ``JsonRpcException`` for a request that cannot come now, or is none."""
        if number in self._request_futures:
            raise JsonRpcInvalidRequest(f"the id {number!r} is that of a request without an answer yet")
        if self._shutdown:
            raise JsonRpcInvalidRequest("the server was shut down")
        if self._is_initialized == (method == types.INITIALIZE):
            raise (
                JsonRpcInvalidRequest("the server is initialized already")
                if self._is_initialized
                else JsonRpcServerNotInitialized("initialize comes first")
            )
        if self.get_message_type(method) is not None and self.get_result_type(method) is None:
            raise JsonRpcMethodNotFound(f"{method} is a notification; send it without an id")

    def _take_notification(self, message: dict[str, Any]) -> None:
        method = message["method"]
        if method == types.EXIT:
            self.stopped.set()
            return
        if self._shutdown or not self._is_initialized:
            logger.warning("ignored a notification before initialize or after shutdown")
            return
        kind = self.get_message_type(method)
        if kind is not None and self.get_result_type(method) is not None:
            logger.warning("ignored %s without an id: it is a request", method)
            return
        try:
            params = self._structure(message, kind)
        except JsonRpcException as error:
            self._pass_over(message, error)
            return
        self._handle_notification(method, params)

    def _pass_over(self, message: dict[str, Any], error: JsonRpcException) -> None:
        """Do without a notification. A document that misses an edit is closed: its text is wrong now."""
        method = message["method"]
        logger.warning("cannot read %s", method)
        if method in CHANGES_TEXT and (uri := _uri_of(message, "textDocument")) is not None:
            identifier = types.TextDocumentIdentifier(uri)
            closed = types.DidCloseTextDocumentParams(identifier)
            self._handle_notification(types.TEXT_DOCUMENT_DID_CLOSE, closed)
        elif method in CHANGES_CELLS and (uri := _uri_of(message, "notebookDocument")) is not None:
            notebook = types.NotebookDocumentIdentifier(uri)
            self._handle_notification(
                types.NOTEBOOK_DOCUMENT_DID_CLOSE, types.DidCloseNotebookDocumentParams(notebook, [])
            )
        if not method.startswith("$/") and method not in self._told:
            self._told.add(method)
            self._server._report_server_error(error, JsonRpcInvalidParams)

    def _take_answer(self, message: dict[str, Any]) -> None:
        number = _id_of(message)
        if number is None or number not in self._result_types:
            logger.warning("ignored an answer to nothing that was asked")
            return
        kind = self._result_types.pop(number)
        try:
            if "error" in message:
                error = self._converter.structure(message["error"], types.ResponseError)
                self._handle_response(number, None, error)
            else:
                result = self._converter.structure(message, kind).result if kind else message["result"]
                self._handle_response(number, result)
        except Exception as fault:  # noqa: BLE001 - a converter may raise anything; who asked is told
            unreadable = JsonRpcInvalidParams(_faults(fault)).to_response_error()
            self._handle_response(number, None, unreadable)

    def _execute_handler(
        self,
        msg_id: Id,
        handler: Callable[..., Any],
        callback: Callable[[Any], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """As pygls does, but a notification's future is not kept for ever."""

        def forget(future: Any) -> None:
            self._request_futures.pop(msg_id, None)
            callback(future)

        super()._execute_handler(msg_id, handler, forget, args, kwargs)

    def _run_generator(
        self, future: Any, *, gen: Generator[Any, Any, Any], result_future: Future[Any]
    ) -> None:
        """As pygls does, but a handler whose inner one was cancelled is cancelled, too."""
        if future is not None and future.cancelled():
            gen.close()
            result_future.cancel()
        else:
            super()._run_generator(future, gen=gen, result_future=result_future)

    def _handle_cancel_notification(self, msg_id: Id) -> None:
        """As pygls does, but what the server asks is not the client's to cancel."""
        if isinstance(msg_id, Id) and msg_id not in self._result_types:
            super()._handle_cancel_notification(msg_id)

    def _handle_response(
        self, msg_id: Id, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        """As pygls does, but an answer that nobody waits for any more is no fault."""
        future = self._request_futures.get(msg_id)
        if future is not None and future.done():
            del self._request_futures[msg_id]
        else:
            super()._handle_response(msg_id, result, error)

    def _structure(self, message: dict[str, Any], kind: type[Any] | None) -> Any:
        """The message's parameters. Errors: ``JsonRpcInvalidParams`` saying what is wrong in them."""
        if kind is None:
            return message.get("params")
        _name_folders(message.get("params"))
        try:
            return _keep_version(self._converter.structure(message, kind).params, message.get("params"))
        except Exception as error:
            raise JsonRpcInvalidParams(f"{message['method']}: {_faults(error)}") from error

    def _refuse(self, number: Id | None, error: JsonRpcException) -> None:
        logger.warning("refused a message: %s", type(error).__name__)
        fault = self._converter.unstructure(error.to_response_error())
        # Written out, because the converter leaves out an id that is null (JSON-RPC 2.0, section 5).
        self._send_data({"jsonrpc": "2.0", "id": number, "error": fault})

    def _send_data(self, data: Any) -> None:
        """As pygls does, but once the client cannot be reached nothing more is tried."""
        if self.writer is None or self._is_unreachable:
            return
        try:
            body = json.dumps(data, default=self._serialize_message)
        except Exception as error:  # noqa: BLE001 - a converter may raise anything; who asked is told
            logger.error("a message cannot be written as JSON: %s", type(error).__name__)
            if (number := getattr(data, "id", None)) is not None and not hasattr(data, "method"):
                self._refuse(number, JsonRpcInternalError(f"the result cannot be written: {error}"))
            return
        head = f"Content-Length: {len(body)}\r\n\r\n" if self._include_headers else ""
        try:
            written = self.writer.write((head + body).encode("ascii"))
        except (OSError, ValueError):  # a pipe that broke, a file that was closed
            logger.warning("the client cannot be reached any more")
            self._is_unreachable = True
            return
        if inspect.isawaitable(written):
            sending = asyncio.ensure_future(written)
            self._sending.add(sending)
            sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Future[Any]) -> None:
        self._sending.discard(sending)
        if not sending.cancelled() and sending.exception() is not None:
            logger.warning("the client cannot be reached any more")


def _id_of(message: object) -> Id | None:
    number = message.get("id") if isinstance(message, dict) else None
    return number if isinstance(number, int | str) and not isinstance(number, bool) else None


def _uri_of(message: dict[str, Any], key: str) -> str | None:
    params = message.get("params")
    document = params.get(key) if isinstance(params, dict) else None
    uri = document.get("uri") if isinstance(document, dict) else None
    return uri if isinstance(uri, str) else None


def _faults(error: Exception) -> str:
    """What is wrong, and where."""
    try:
        return "; ".join(transform_error(error)[:MOST_FAULTS])
    except Exception:  # noqa: BLE001 - not every error of a converter can be told in this way
        return type(error).__name__


def _name_folders(params: Any) -> None:
    """Give the workspace's folders names where they have none.

    LSP wants one; the README of GitHub's copilot-language-server, and so its clients, leave it out.
    """
    if not isinstance(params, dict):
        return
    event = params.get("event")
    lists = (event.get("added"), event.get("removed")) if isinstance(event, dict) else ()
    for folders in (params.get("workspaceFolders"), *lists):
        for folder in folders if isinstance(folders, list) else ():
            if isinstance(folder, dict) and isinstance(folder.get("uri"), str):
                folder.setdefault("name", folder["uri"].rpartition("/")[2])


def _keep_version(params: T, value: Any) -> T:
    """Have the ``textDocument.version`` of requests for suggestions in the parameters as well.

    LSP does not have it (its issue 1529); clients of GitHub's copilot-language-server send it.
    """
    if isinstance(params, types.InlineCompletionParams | types.TextDocumentPositionParams):
        version = value["textDocument"].get("version")
        if isinstance(version, int) and abs(version) < MOST_VERSION:
            versioned = types.VersionedTextDocumentIdentifier(version, params.text_document.uri)
            params.text_document = versioned  # type: ignore[assignment] # one more field
    return params


def _settle_encodings(params: types.InitializeParams) -> None:
    """Move UTF-8 to the front of what the client offers; pygls takes the first it knows.

    Documents are kept in UTF-8, so such a position is an addition away. After that the client's order
    stands: it names first what costs it least. Clients of GitHub's copilot-language-server count in UTF-16,
    whatever the editor offers in their name: that server takes nothing else.
    """
    general = params.capabilities.general
    offered = general.position_encodings if general else None
    options = params.initialization_options
    if general is None or not offered:
        return
    if isinstance(options, Mapping) and "editorPluginInfo" in options:
        general.position_encodings = None
    elif types.PositionEncodingKind.Utf8 in offered:
        general.position_encodings = [types.PositionEncodingKind.Utf8, *offered]


def _drop_unreadable_root(params: types.InitializeParams) -> None:
    """A folder whose name is no URI is none, and no reason not to start."""
    try:
        to_fs_path(params.root_uri or "")
        from_fs_path(params.root_path or "")
    except ValueError:
        params.root_uri = params.root_path = None
