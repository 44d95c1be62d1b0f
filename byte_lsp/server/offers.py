"""What became of suggestions: shown, accepted, accepted in part.

Each item has a command with an id, which comes back when the item is accepted
(``workspace/executeCommand``) or, in the item, with Copilot's notifications. Nothing else comes of it than
counters that grow.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lsprotocol import types

from byte_lsp.server.positions import byte_offset

DID_ACCEPT = "byteLsp.didAccept"
KEPT = 256


@dataclass(slots=True)
class _Offer:
    """An item's new text, the UTF-16 units that stood there before it, and the bytes accepted so far."""

    text: bytes
    typed_units: int
    accepted_bytes: int = 0
    is_shown: bool = False
    is_accepted: bool = False


class Offers:
    """The newest items. What is said of one that is not known any more is ignored."""

    def __init__(self, counters: Counter[str]) -> None:
        self._counters = counters
        self._offers: dict[str, _Offer] = {}
        self._count = 0

    def offer(self, typed: str, text: str) -> types.Command:
        """The command of an item that inserts ``typed``, which was there before, and the new ``text``."""
        self._count += 1
        number = str(self._count)
        self._offers[number] = _Offer(text.encode(), len(typed.encode("utf-16-le")) // 2)
        if len(self._offers) > KEPT:
            del self._offers[next(iter(self._offers))]
        return types.Command(title="Accepted", command=DID_ACCEPT, arguments=[number])

    def shown(self, number: object) -> None:
        """An item is on the screen."""
        offer = self._get(number)
        if offer is not None and not offer.is_shown:
            offer.is_shown = True
            self._counters["shown"] += 1

    def accepted(self, number: object) -> None:
        """An item was accepted whole, or the rest of one was."""
        offer = self._get(number)
        if offer is not None:
            self._accept(offer, len(offer.text))

    def partly_accepted(self, number: object, utf16_units: int) -> None:
        """So much of an item was accepted, counted from its beginning."""
        offer = self._get(number)
        if offer is not None and utf16_units > offer.typed_units:
            self._accept(offer, byte_offset(offer.text, utf16_units - offer.typed_units, "utf-16"))

    def _accept(self, offer: _Offer, end: int) -> None:
        """So many bytes of the new text were accepted in all: once in part, or once as a whole."""
        if end <= offer.accepted_bytes and end < len(offer.text):
            return
        self._counters["taken"] += not offer.accepted_bytes
        if not offer.accepted_bytes and end < len(offer.text):
            self._counters["partly_accepted"] += 1
        self._counters["accepted_bytes"] += max(0, end - offer.accepted_bytes)
        offer.accepted_bytes = max(offer.accepted_bytes, end)
        if end >= len(offer.text) and not offer.is_accepted:
            offer.is_accepted = True
            self._counters["accepted"] += 1

    def _get(self, number: object) -> _Offer | None:
        return self._offers.get(number) if isinstance(number, str) else None
