"""What was suggested lately, and where: typing along a suggestion asks the model nothing.

Greedy decoding has decided once what it thinks comes next; who types just that gets the rest of it. The
same holds after a partial accept, which is typing by other means, and after a backspace, which leads back to
a place that was asked about. Suggestions that were held back are remembered too: each key that agrees with
one makes it more likely to be right.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from byte_lsp.server.places import Place
from byte_lsp.server.suggestions import Suggestion

if TYPE_CHECKING:
    from byte_lsp.infill.confidence import Calibration

KEPT = 64


@dataclass(slots=True)
class Entry:
    """The suggestions at a place, the best first, held back or not.

    ``alternatives`` is how many were asked for. While the rest of an unfinished one is being written,
    ``more`` waits for it.
    """

    place: Place
    suggestions: tuple[Suggestion, ...]
    alternatives: int = 1
    more: asyncio.Future[None] | None = field(default=None, repr=False)
    is_finished: bool = False

    def begin(self, suggestions: tuple[Suggestion, ...], *, unfinished: bool) -> None:
        """Take the suggestions that were answered, unless the whole ones have overtaken them."""
        self.suggestions = self.suggestions or suggestions
        if unfinished and not self.is_finished:
            self.more = asyncio.get_running_loop().create_future()

    def finish(self, suggestions: tuple[Suggestion, ...] | None) -> None:
        """Take the whole suggestions in place of their beginnings, or stay with these."""
        self.is_finished = True
        self.suggestions = suggestions if suggestions is not None else self.suggestions
        more, self.more = self.more, None
        if more is not None and not more.done():
            more.set_result(None)


@dataclass(frozen=True, slots=True)
class Found:
    """What is left of an entry's suggestions. Without any, ``entry.more`` may bring some."""

    entry: Entry
    suggestions: tuple[Suggestion, ...]


class Memory:
    """The newest entries of all documents."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[Entry] = deque(maxlen=kept)

    def keep(self, entry: Entry) -> None:
        """Remember an entry, which comes before all others."""
        self._entries.appendleft(entry)

    def find(self, place: Place, calibration: Calibration | None, alternatives: int = 1) -> Found | None:
        """What is known of a place, None if the model has to be asked.

        Nothing to suggest is an answer as well, for the very place that was asked about. Who wants several
        ``alternatives`` gets what was found for one who did.
        """
        for entry in self._entries:
            typed = place.typed_since(entry.place)
            if typed is None or alternatives > max(entry.alternatives, 1):
                continue
            if not entry.suggestions and not typed.text:
                return Found(entry, ())
            left = [each.after(typed, calibration) for each in entry.suggestions]
            along = [each for each in left if each is not None]
            rests = tuple(each for each in along if each.text.strip())
            if rests or (along and entry.more is not None):
                return Found(entry, rests)
        return None

    def forget_all(self) -> None:
        """The model or the settings changed: nothing that was said still holds."""
        for entry in self._entries:
            entry.finish(None)
        self._entries.clear()
