"""The messages that clients of GitHub's copilot-language-server send, beside those of LSP.

Such a client works here by a change of its command line. There is nothing to sign in to: who asks is told
that it is done. What the client shows, and what of it is accepted, is counted and told to nobody.

``textDocument/didFocus`` says which document the status is about. It warms nothing up: who goes through ten
tabs would have the model read ten files, and moving around asks the model nothing.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from typing import Any

from lsprotocol import types

from byte_lsp import __version__
from byte_lsp.server.asking import check_version, look_at, suggest
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.suggestions import inline_items, slot_at

USER = "local"
PANEL = "textDocument/copilotPanelCompletion"


def did_focus(ls: ByteLspServer, params: object) -> None:
    """The editor shows this document now, or none that is open here."""
    uri = _text(_get(params, "textDocument", "uri"))
    look_at(ls, uri if ls.documents.get(uri) or ls.notebooks.get(uri) else "")


def did_show(ls: ByteLspServer, params: object) -> None:
    ls.offers.shown(_offered(params))
    ls.status_file.write_later()


def did_accept(ls: ByteLspServer, *arguments: Any) -> None:
    """The command on each item. Whatever it is given, the editor's insertion must not fail for it."""
    ls.offers.accepted(next(iter(arguments), None))
    ls.status_file.write_later()


def did_accept_partly(ls: ByteLspServer, params: object) -> None:
    units = _get(params, "acceptedLength")
    ls.offers.partly_accepted(_offered(params), units if isinstance(units, int) else 0)
    ls.status_file.write_later()


async def panel(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """All alternatives at once, as for a list beside the text."""
    asked = ls.protocol.read(params, types.TextDocumentPositionParams)
    document = ls.documents.get(asked.text_document.uri)
    if document is None:
        return {"items": []}
    check_version(document, asked.text_document)
    slot = slot_at(document, asked.position)
    suggestions = await suggest(ls, document, slot, PANEL, invoked=True, cursor=slot.end)
    return {"items": inline_items(document, slot, suggestions, ls.offers)}


def no_inline_edit(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """Edits away from the cursor are not made here."""
    return {"edits": []}


def check_status(ls: ByteLspServer, params: object) -> dict[str, Any]:
    return {"status": "OK", "user": USER}


def sign_in(ls: ByteLspServer, params: object) -> dict[str, Any]:
    return {"status": "AlreadySignedIn", "user": USER}


def sign_out(ls: ByteLspServer, params: object) -> dict[str, Any]:
    return {"status": "NotSignedIn"}


def get_version(ls: ByteLspServer, params: object) -> dict[str, Any]:
    return {"version": __version__, "buildType": "release", "runtimeVersion": platform.python_version()}


def set_editor_info(ls: ByteLspServer, params: object) -> str:
    ls.client_name = ls.client_name or editor_name(params)
    return "OK"


def ignore(ls: ByteLspServer, params: object) -> None:
    """Nothing of ours depends on it."""


def editor_name(options: object) -> str:
    """What the client calls the editor, in ``initializationOptions`` or ``setEditorInfo``."""
    return _text(_get(options, "editorInfo", "name"))


def _offered(params: object) -> object:
    arguments = _get(params, "item", "command", "arguments")
    return arguments[0] if isinstance(arguments, list) and arguments else None


def _get(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


FEATURES: dict[str, Callable[..., Any]] = {
    "textDocument/didFocus": did_focus,
    "textDocument/didShowCompletion": did_show,
    "textDocument/didPartiallyAcceptCompletion": did_accept_partly,
    PANEL: panel,
    "textDocument/copilotInlineEdit": no_inline_edit,
    "textDocument/didShowInlineEdit": ignore,
    "checkStatus": check_status,
    "signIn": sign_in,
    "signInInitiate": sign_in,
    "signInConfirm": check_status,
    "signOut": sign_out,
    "getVersion": get_version,
    "setEditorInfo": set_editor_info,
}
