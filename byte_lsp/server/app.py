"""The features: each takes LSP parameters, lets another module do the work, and returns an LSP value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from lsprotocol import types

from byte_lsp.server import copilot, copilot_older, insight, notebook_messages, secret_text
from byte_lsp.server.asking import check_version, look_at, suggest
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document, DocumentStore
from byte_lsp.server.notebooks import Cell
from byte_lsp.server.offers import DID_ACCEPT
from byte_lsp.server.paths import Roots, root_uris
from byte_lsp.server.positions import PositionEncoding
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.suggestions import (
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
    server.command(DID_ACCEPT)(copilot.did_accept)
    return server


def initialize(ls: ByteLspServer, params: types.InitializeParams) -> None:
    ls.documents = DocumentStore(ENCODINGS[ls.workspace.position_encoding])
    roots = Roots(root_uris(params))
    ls.privacy.move(roots)
    ls.neighbours = ls.suggester.neighbours = Neighbours(roots, ls.privacy)
    told = params.client_info.name if params.client_info else ""
    ls.client_name = told or copilot.editor_name(params.initialization_options)
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
    text, page = document.text, document.page
    found = {"version": document.version, "bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
    return found | ({"page_sha256": hashlib.sha256(page.text).hexdigest()} if page.parts else {})


def did_open(ls: ByteLspServer, params: types.DidOpenTextDocumentParams) -> None:
    if isinstance(ls.documents.get(params.text_document.uri), Cell):
        return  # its notebook has opened it, and says what becomes of it
    ls.open_document(Document(params.text_document, ls.documents.encoding))
    look_at(ls, params.text_document.uri)


def did_change(ls: ByteLspServer, params: types.DidChangeTextDocumentParams) -> None:
    ls.change_document(params)


def did_close(ls: ByteLspServer, params: types.DidCloseTextDocumentParams) -> None:
    ls.close_document(params.text_document.uri)


def did_change_watched_files(ls: ByteLspServer, params: types.DidChangeWatchedFilesParams) -> None:
    ls.privacy.recheck(at_once=True)


def did_change_workspace_folders(ls: ByteLspServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.neighbours.roots = Roots([folder.uri for folder in ls.workspace.folders.values()])
    ls.privacy.move(ls.neighbours.roots)


async def inline_completion(
    ls: ByteLspServer, params: types.InlineCompletionParams
) -> types.InlineCompletionList:
    document = ls.documents.get(params.text_document.uri)
    if document is None:
        return types.InlineCompletionList([])
    check_version(document, params.text_document)
    selected = params.context.selected_completion_info
    cursor = slot_at(document, params.position)
    slot = slot_of_popup(document, selected) if selected else cursor
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    method = types.TEXT_DOCUMENT_INLINE_COMPLETION
    suggestions = await suggest(ls, document, slot, method, invoked=invoked, cursor=cursor.start)
    return types.InlineCompletionList(inline_items(document, slot, suggestions, ls.offers))


async def completion(ls: ByteLspServer, params: types.CompletionParams) -> types.CompletionList:
    document = ls.documents.get(params.text_document.uri)
    if document is None:
        return types.CompletionList(is_incomplete=True, items=[])
    slot = slot_of_word(document, params.position)
    suggestions = await suggest(ls, document, slot, types.TEXT_DOCUMENT_COMPLETION, invoked=False)
    items = completion_items(document, slot, suggestions, ls.model.name, as_is=ls.keeps_indentation)
    return types.CompletionList(is_incomplete=True, items=items)


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
    **notebook_messages.FEATURES,
    **insight.FEATURES,
    **copilot.FEATURES,
    **copilot_older.FEATURES,
}
