"""The messages of Copilot's agent before it spoke LSP 3.18, which some clients still send (copilot.lua).

A completion's text is the whole line up to where it ends, in place of the line from its start on; its
``displayText`` is what is new. What becomes of it is told by its ``uuid``, in requests that nobody needs the
answers of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from byte_lsp.server.asking import check_version, suggest
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.suggestions import slot_at

if TYPE_CHECKING:
    from byte_lsp.server.documents import Document
    from byte_lsp.server.suggestions import Slot, Suggestion

ONE = "getCompletions"
SEVERAL = "getCompletionsCycling"


async def get_completions(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """One completion, as somebody types."""
    return await _complete(ls, params, ONE)


async def get_several(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """All alternatives."""
    return await _complete(ls, params, SEVERAL)


def shown(ls: ByteLspServer, params: object) -> str:
    ls.offers.shown(_get(params, "uuid"))
    return "OK"


def accepted(ls: ByteLspServer, params: object) -> str:
    """The whole of a completion, or ``acceptedLength`` of its text."""
    length = _get(params, "acceptedLength")
    if isinstance(length, int):
        ls.offers.partly_accepted(_get(params, "uuid"), length)
    else:
        ls.offers.accepted(_get(params, "uuid"))
    return "OK"


def rejected(ls: ByteLspServer, params: object) -> str:
    """Nothing is learnt from it."""
    return "OK"


async def _complete(ls: ByteLspServer, params: object, method: str) -> dict[str, Any]:
    doc = _get(params, "doc")
    where = {"textDocument": {"uri": _get(doc, "uri"), "version": _get(doc, "version")}}
    asked = ls.protocol.read({**where, "position": _get(doc, "position")}, types.TextDocumentPositionParams)
    document = ls.documents.get(asked.text_document.uri)
    if document is None:
        return {"completions": []}
    check_version(document, asked.text_document)
    slot = slot_at(document, asked.position)
    invoked = method == SEVERAL
    suggestions = await suggest(ls, document, slot, method, invoked=invoked, cursor=slot.end)
    return {"completions": [_completion(ls, document, slot, each) for each in suggestions]}


def _completion(ls: ByteLspServer, document: Document, slot: Slot, suggestion: Suggestion) -> dict[str, Any]:
    start, _ = document.line_span(document.line_at(slot.start))
    line = document.text[start : slot.start].decode()
    (number,) = ls.offers.offer(line, suggestion.text).arguments or ()
    return {
        "uuid": number,
        "text": line + suggestion.text,
        "displayText": suggestion.text,
        "range": document.range(start, slot.end + suggestion.replaced_bytes),
        "position": document.position(slot.start),
        "docVersion": document.version,
    }


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, Mapping) else None


FEATURES: dict[str, Callable[..., Any]] = {
    ONE: get_completions,
    SEVERAL: get_several,
    "notifyShown": shown,
    "notifyAccepted": accepted,
    "notifyRejected": rejected,
}
