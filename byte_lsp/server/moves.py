"""Moving around asks the model nothing.

Some editors ask for suggestions wherever the cursor comes to rest. An answer is wanted where something was
typed, not at every place that a cursor passes, so an automatic request is a *move* when nothing was edited
since the last request and the cursor was somewhere else then. Such a request is answered from memory. After a
move nothing but an edit, or somebody who asks (an invoked request), wakes the model again, not even a second
request at the same place: two requests may come for one move.

The first request of a file that was just opened is none, and neither is another item that was selected in the
popup: there the cursor stays where it is. The cells of a notebook are one file. A request that was cancelled
counts as one: who cancels it by moving on has moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byte_lsp.server.documents import Document

_Cursor = tuple[str, int]


class Moves:
    """For each file the only cursor at which the model may be asked, None for nowhere; any after an edit."""

    def __init__(self) -> None:
        self._asked_at: dict[str, _Cursor | None] = {}

    def is_move(self, document: Document, cursor: int) -> bool:
        """Whether an automatic request at the byte offset ``cursor`` comes of a move alone."""
        here = (document.uri, cursor)
        if self._asked_at.setdefault(document.file_uri, here) == here:
            return False
        self._asked_at[document.file_uri] = None
        return True

    def invoked(self, document: Document, cursor: int) -> None:
        """Somebody asks here."""
        self._asked_at[document.file_uri] = (document.uri, cursor)

    def edited(self, file_uri: str) -> None:
        """A file was opened, edited or closed, or was not answered for want of a model."""
        self._asked_at.pop(file_uri, None)

    def forget_all(self) -> None:
        """The model or the settings changed: answers would be others."""
        self._asked_at.clear()
