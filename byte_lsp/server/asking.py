"""What every request for suggestions goes through, whichever message it came by."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException

from byte_lsp.errors import ByteLspError, WorkerDied
from byte_lsp.settings import is_disabled

if TYPE_CHECKING:
    from byte_lsp.server.documents import Document
    from byte_lsp.server.server import ByteLspServer
    from byte_lsp.server.suggestions import Slot, Suggestion

SPLITS_AT_LINE_FEEDS_ONLY = {"Neovim"}


async def suggest(
    ls: ByteLspServer,
    document: Document,
    slot: Slot,
    method: str,
    *,
    invoked: bool,
    cursor: int | None = None,
) -> list[Suggestion]:
    """What to show after ``slot.typed``, best first; none while there is no model, or if its worker dies.

    One suggestion while somebody types, and none that is likely to be wrong; several to who asks for them.
    With ``cursor`` a request that comes of a move alone asks the model nothing (``server.moves``).
    """
    ls.counters["requests"] += 1
    if not ls.settings.suggest.enabled:
        return []
    look_at(ls, document.uri)
    is_private = ls.privacy.exclusion(document.file_uri) is not None
    if is_private or is_disabled(ls.settings, document.language):
        ls.counters["excluded"] += 1
        return []
    wish = ls.suggester.suggest(
        document, slot, ls.settings, line_end(ls, document), invoked=invoked, cursor=cursor
    )
    try:
        with ls.status.at_work():
            shown = await ls.in_flight.wait(document.uri, method, wish)
    except WorkerDied:
        ls.counters["worker_died"] += 1
        return []
    except (JsonRpcException, asyncio.CancelledError):
        ls.counters["cancelled"] += 1
        raise
    except ByteLspError as error:
        if not ls.model.answers:  # it was closed or given up meanwhile, which is told elsewhere
            return []
        raise failed(error) from error
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


def check_version(document: Document, asked: types.TextDocumentIdentifier) -> None:
    """Errors: ``JsonRpcContentModified`` for a position in an older text than the document's.

    Editors know no newer one; some count up where no text has changed, as when a file is saved.
    """
    version = getattr(asked, "version", None)
    if version is not None and version < document.version:
        raise JsonRpcContentModified("the document changed since that version")


def failed(error: ByteLspError) -> JsonRpcException:
    """An error as the answer to a request."""
    return JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed)
