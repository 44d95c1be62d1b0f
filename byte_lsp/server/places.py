"""Where a cursor stands: the text around it, by which the place is known again after keys were typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byte_lsp.server.documents import Document
    from byte_lsp.server.suggestions import Slot

BEFORE_BYTES = 4096
AFTER_BYTES = 1024
"""More than the model sees with the default settings: where both are equal, so is its answer."""

CLOSERS = b")]}>\"'`"
MOST_CLOSERS = 4


@dataclass(frozen=True, slots=True)
class Typed:
    """What has been typed since an earlier place.

    ``closed`` are closers that the editor put behind the cursor meanwhile, ``passed`` says how many of
    those behind it were typed over.
    """

    text: bytes
    closed: bytes = b""
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor ``offset`` bytes into a document's page, and as much of the text around it as matters.

    ``page_bytes`` is the length of the page.
    """

    uri: str
    offset: int
    before: bytes
    after: bytes
    page_bytes: int

    @classmethod
    def of(cls, document: Document, slot: Slot) -> Place:
        """The place behind ``slot.typed``, once that stands in the document."""
        page = document.page
        start, end = page.start + slot.start, page.start + slot.end
        before = bytes(page.text[max(0, start - BEFORE_BYTES) : start]) + slot.typed
        after = bytes(page.text[end : end + AFTER_BYTES])
        length = len(page.text) - (end - start) + len(slot.typed)
        return cls(document.uri, start + len(slot.typed), before[-BEFORE_BYTES:], after, length)

    def typed_since(self, earlier: Place) -> Typed | None:
        """What was typed at ``earlier`` to come here; None if something else happened."""
        count = self.offset - earlier.offset
        if self.uri != earlier.uri or not 0 <= count <= len(self.before):
            return None
        split = len(self.before) - count
        reach = min(split, len(earlier.before))
        if self.before[split - reach : split] != earlier.before[len(earlier.before) - reach :]:
            return None
        return self._compare_after(earlier, self.before[split:])

    def inserted_since(self, document: Document) -> bytes | None:
        """What was inserted at this place of a document, without closers at its end; None if it was changed
        elsewhere or something was taken away.
        """
        text = document.page.text
        end = self.offset + len(text) - self.page_bytes
        before = text[max(0, self.offset - len(self.before)) : self.offset]
        after = text[max(end, 0) : max(end, 0) + len(self.after)]
        if end < self.offset or before != self.before or after != self.after:
            return None
        return bytes(text[self.offset : end]).rstrip(CLOSERS)

    def _compare_after(self, earlier: Place, text: bytes) -> Typed | None:
        if self.after == earlier.after:
            return Typed(text)
        for count in range(1, MOST_CLOSERS + 1):
            added, passed = self.after[:count], earlier.after[:count]
            if _are_closers(added) and _same(self.after[count:], earlier.after):
                return Typed(text, closed=added)
            if _are_closers(passed) and text.endswith(passed) and _same(self.after, earlier.after[count:]):
                return Typed(text, passed=count)
        return None


def _are_closers(text: bytes) -> bool:
    return bool(text) and all(byte in CLOSERS for byte in text)


def _same(left: bytes, right: bytes) -> bool:
    """Whether two texts are one as far as both were looked at: one window ends a little earlier."""
    shorter = min(len(left), len(right))
    return left[:shorter] == right[:shorter] and max(len(left), len(right)) - shorter <= MOST_CLOSERS
