"""The features: each takes LSP parameters, lets another module do the work, and returns an LSP value."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from byte_lsp.errors import ByteLspError, WorkerDied
from byte_lsp.server import secret_text
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document, DocumentStore
from byte_lsp.server.paths import Roots, root_uris
from byte_lsp.server.positions import PositionEncoding
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.suggestions import (
    Slot,
    Suggestion,
    completion_items,
    inline_items,
    slot_at,
    slot_of_popup,
    slot_of_word,
)
from byte_lsp.server.threads import in_thread

RESTART = "byteLsp.restart"
STATUS = "byteLsp/status"
DOCUMENT = "byteLsp/document"
TRIGGERS = [".", "(", "[", "{", ",", "=", ":", " ", "/", '"', "'", "<", ">", "@", "#", "-"]
SPLITS_AT_LINE_FEEDS_ONLY = {"Neovim"}

ENCODINGS: dict[types.PositionEncodingKind | str | None, PositionEncoding] = {
    types.PositionEncodingKind.Utf8: "utf-8",
    types.PositionEncodingKind.Utf16: "utf-16",
    types.PositionEncodingKind.Utf32: "utf-32",
}


def build_server() -> ByteLspServer:
    """A server with every feature registered, not yet listening."""
    server = ByteLspServer()
    for method, handler in FEATURES.items():
        server.feature(method)(handler)
    server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())(inline_completion)
    server.command(RESTART)(restart)
    return server


def initialize(ls: ByteLspServer, params: types.InitializeParams) -> None:
    ls.documents = DocumentStore(ENCODINGS[ls.workspace.position_encoding])
    roots = Roots(root_uris(params))
    ls.privacy.move(roots)
    ls.neighbours = ls.suggester.neighbours = Neighbours(roots, ls.privacy)
    ls.client_name = params.client_info.name if params.client_info else ""
    ls.configuration.begin(params.initialization_options)
    ls.privacy.follow(ls.settings.privacy)
    wish = ls.settings.suggest.completion_items
    if wish == "always" or (wish == "auto" and not ls.shows_ghost_text):
        options = types.CompletionOptions(trigger_characters=TRIGGERS)
        ls.feature(types.TEXT_DOCUMENT_COMPLETION, options)(completion)


async def initialized(ls: ByteLspServer, params: types.InitializedParams) -> None:
    ls.parent.start(ls.process_id)
    ls.editor.follow_settings()
    ls.editor.follow_ignore_files()
    await ls.configuration.refresh()
    ls.privacy.follow(ls.settings.privacy)
    ls.model.follow(ls.settings)
    ls.status.open()
    await in_thread(secret_text.load)


async def did_change_configuration(ls: ByteLspServer, params: types.DidChangeConfigurationParams) -> None:
    before = ls.settings
    await ls.configuration.refresh(params.settings)
    if ls.settings != before:
        ls.suggester.forget_all()
    ls.privacy.follow(ls.settings.privacy)
    ls.model.follow(ls.settings)
    ls.status.update()


def shutdown(ls: ByteLspServer, params: None) -> None:
    ls.close()


def restart(ls: ByteLspServer) -> None:
    ls.suggester.forget_all()
    ls.model.start(ls.settings)


def status(ls: ByteLspServer, params: object) -> dict[str, Any]:
    return {
        "state": ls.model.state,
        "model": ls.model.name,
        "worker_pid": ls.model.worker_pid,
        "counters": dict(ls.counters),
        "status": ls.status.status.as_params(),
    }


def document_digest(ls: ByteLspServer, params: Any) -> dict[str, Any] | None:
    """What a client needs to see whether the document here is its own; None for one that is not open."""
    uri = params.get("uri") if isinstance(params, dict) else None
    document = ls.documents.get(uri) if isinstance(uri, str) else None
    if document is None:
        return None
    digest = hashlib.sha256(document.text).hexdigest()
    return {"version": document.version, "bytes": len(document.text), "sha256": digest}


def did_open(ls: ByteLspServer, params: types.DidOpenTextDocumentParams) -> None:
    ls.in_flight.edited(params.text_document.uri)
    ls.neighbours.opened(ls.documents.open(params.text_document))
    look_at(ls, params.text_document.uri)


def did_change(ls: ByteLspServer, params: types.DidChangeTextDocumentParams) -> None:
    if params.content_changes:
        ls.in_flight.edited(params.text_document.uri)
    ls.documents.change(params)
    if document := ls.documents.get(params.text_document.uri):
        ls.suggester.edited(document)
    ls.neighbours.changed(params.text_document.uri, params.content_changes)


def did_close(ls: ByteLspServer, params: types.DidCloseTextDocumentParams) -> None:
    ls.in_flight.closed(params.text_document.uri)
    ls.documents.close(params.text_document.uri)
    ls.neighbours.closed(params.text_document.uri)
    ls.privacy.closed(params.text_document.uri)
    if ls.asked_in == params.text_document.uri:
        ls.asked_in = ""
        ls.status.update()


def did_change_watched_files(ls: ByteLspServer, params: types.DidChangeWatchedFilesParams) -> None:
    ls.privacy.recheck(at_once=True)


def did_change_workspace_folders(ls: ByteLspServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.neighbours.roots = Roots([folder.uri for folder in ls.workspace.folders.values()])
    ls.privacy.move(ls.neighbours.roots)


async def inline_completion(
    ls: ByteLspServer, params: types.InlineCompletionParams
) -> list[types.InlineCompletionItem]:
    document = ls.documents.get(params.text_document.uri)
    if document is None:
        return []
    selected = params.context.selected_completion_info
    slot = slot_of_popup(document, selected) if selected else slot_at(document, params.position)
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    method = types.TEXT_DOCUMENT_INLINE_COMPLETION
    return inline_items(document, slot, await suggest(ls, document, slot, method, invoked=invoked))


async def completion(ls: ByteLspServer, params: types.CompletionParams) -> types.CompletionList:
    document = ls.documents.get(params.text_document.uri)
    if document is None:
        return types.CompletionList(is_incomplete=True, items=[])
    slot = slot_of_word(document, params.position)
    suggestions = await suggest(ls, document, slot, types.TEXT_DOCUMENT_COMPLETION, invoked=False)
    items = completion_items(document, slot, suggestions, ls.model.name, as_is=ls.keeps_indentation)
    return types.CompletionList(is_incomplete=True, items=items)


async def suggest(
    ls: ByteLspServer, document: Document, slot: Slot, method: str, *, invoked: bool
) -> list[Suggestion]:
    """What to show after ``slot.typed``, best first; none while there is no model, or if its worker dies.

    One suggestion while somebody types, and none that is likely to be wrong; several to who asks for them.
    """
    ls.counters["requests"] += 1
    if not ls.settings.suggest.enabled:
        return []
    look_at(ls, document.uri)
    if ls.privacy.exclusion(document.uri) is not None:
        ls.counters["excluded"] += 1
        return []
    work = ls.suggester.suggest(document, slot, ls.settings, line_end(ls, document), invoked=invoked)
    try:
        with ls.status.at_work():
            shown = await ls.in_flight.wait(document.uri, method, work)
    except WorkerDied:
        ls.counters["worker_died"] += 1
        return []
    except (JsonRpcException, asyncio.CancelledError):
        ls.counters["cancelled"] += 1
        raise
    except ByteLspError as error:
        if not ls.model.answers:  # it was closed or given up meanwhile, which is told elsewhere
            return []
        raise JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed) from error
    ls.counters["answered"] += 1
    return shown


def look_at(ls: ByteLspServer, uri: str) -> None:
    """The user works in this document now: the status is about it."""
    ls.privacy.recheck()
    ls.status_file.write_later()
    if ls.asked_in != uri:
        ls.asked_in = uri
        ls.status.update()


def line_end(ls: ByteLspServer, document: Document) -> bytes:
    """The document's line end, or a line feed for an editor that would show the rest as a character."""
    return b"\n" if ls.client_name in SPLITS_AT_LINE_FEEDS_ONLY else document.line_end


FEATURES: dict[str, Callable[..., Any]] = {
    types.INITIALIZE: initialize,
    types.INITIALIZED: initialized,
    types.SHUTDOWN: shutdown,
    types.WORKSPACE_DID_CHANGE_CONFIGURATION: did_change_configuration,
    types.TEXT_DOCUMENT_DID_OPEN: did_open,
    types.TEXT_DOCUMENT_DID_CHANGE: did_change,
    types.TEXT_DOCUMENT_DID_CLOSE: did_close,
    types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: did_change_workspace_folders,
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: did_change_watched_files,
    STATUS: status,
    DOCUMENT: document_digest,
}
