"""From a cursor to suggestions: out of memory where it can be, else from the model, in good time.

A request that the model has to answer may wait a moment for another key. When a suggestion is on the screen
and nothing else is to do, what would follow it is prepared. A cursor that only moves asks the model nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from byte_lsp.errors import ByteLspError
from byte_lsp.server.debounce import Debounce
from byte_lsp.server.memory import Entry, Memory
from byte_lsp.server.moves import Moves
from byte_lsp.server.places import Place
from byte_lsp.server.secret_guard import known_secrets, without_secrets
from byte_lsp.server.suggestions import Slot, Suggestion, pose, read_result

if TYPE_CHECKING:
    from byte_lsp.infill.problem import InfillProblem, InfillResult
    from byte_lsp.server.context import Neighbours
    from byte_lsp.server.documents import Document
    from byte_lsp.server.model import ModelHost
    from byte_lsp.settings import Settings

AHEAD_SECONDS = 0.2
"""A suggestion is looked at for so long before what follows it is prepared."""

HAND_OVER_SECONDS = 0.002
"""Within so long a problem is on its way to the model's process."""


class Suggester:
    """What one conversation remembers of its suggestions. All methods are called on the event loop."""

    def __init__(self, model: ModelHost, neighbours: Neighbours, counters: Counter[str]) -> None:
        self.neighbours = neighbours
        self._model = model
        self._counters = counters
        self._memory = Memory()
        self._debounce = Debounce()
        self._moves = Moves()
        self._unfinished: Entry | None = None
        self._ahead: asyncio.Task[None] | None = None
        self._ahead_place: Place | None = None

    async def suggest(
        self,
        document: Document,
        slot: Slot,
        settings: Settings,
        line_end: bytes,
        *,
        invoked: bool,
        cursor: int | None = None,
    ) -> list[Suggestion]:
        """What to show after ``slot.typed``, best first; nothing while there is no model.

        With the byte offset of the ``cursor``, a request that comes of a move alone is answered from memory.
        Errors: ``asyncio.CancelledError``, which stops the model, ``ByteLspError``.
        """
        place = Place.of(document, slot)
        least = 0.0 if invoked else self._least_confidence(settings)
        if invoked:
            self._moves.invoked(document, slot.end if cursor is None else cursor)
        elif cursor is not None and self._moves.is_move(document, cursor):
            return self._recall(place, settings, least)
        self._debounce.typed()
        known = await self._remember(place, settings, invoked=invoked)
        if known is None:
            # Only now: memory does without related lines. An edit meanwhile would have cancelled this.
            problem = pose(document, slot, settings, self.neighbours, invoked=invoked)
            problem = replace(problem, whole_line=least > 0)
            known = await self._ask(place, problem, settings, line_end, invoked=invoked)
            if known is None:
                self.wake(document.file_uri)
                return []
        shown = _likely(known, least)
        self._counters["held_back"] += bool(known) and not shown
        if shown and settings.suggest.memory and settings.suggest.ahead:
            self._look_ahead(document, slot, shown[0], settings, line_end)
        return shown

    def edited(self, document: Document) -> None:
        """A document changed: what is being written for it goes on only if that was typing along."""
        self.wake(document.file_uri)
        entry = self._unfinished
        if entry is not None and entry.place.uri == document.uri and not _is_along(document, entry):
            self._drop_unfinished()
            self._stop_ahead()

    def wake(self, file_uri: str) -> None:
        """Something happened to a file, its being opened or closed included: the model may be asked in it."""
        self._moves.edited(file_uri)

    def forget_all(self) -> None:
        """The model or the settings changed."""
        self._moves.forget_all()
        self._stop_ahead()
        self._drop_unfinished()
        self._memory.forget_all()

    def _recall(self, place: Place, settings: Settings, least: float) -> list[Suggestion]:
        """What is known of a place that the cursor moved to. What it left is not worked on any more."""
        self._counters["moved"] += 1
        self._stop_ahead()
        self._drop_unfinished()
        found = self._memory.find(place, self._model.calibration) if settings.suggest.memory else None
        self._counters["from_memory"] += found is not None
        return _likely(found.suggestions, least) if found else []

    async def _remember(
        self, place: Place, settings: Settings, *, invoked: bool
    ) -> tuple[Suggestion, ...] | None:
        if not settings.suggest.memory:
            return None
        alternatives = settings.suggest.alternatives if invoked else 1
        while found := self._memory.find(place, self._model.calibration, alternatives):
            if found.suggestions or found.entry.more is None:
                self._counters["from_memory"] += 1
                return found.suggestions
            await asyncio.shield(found.entry.more)
        return None

    async def _ask(
        self, place: Place, problem: InfillProblem, settings: Settings, line_end: bytes, *, invoked: bool
    ) -> tuple[Suggestion, ...] | None:
        """What the model suggests, None while there is none."""
        if not invoked and (wait_ms := self._debounce.wait_ms(settings.suggest.debounce_ms)):
            await asyncio.sleep(wait_ms / 1e3)
        self._stop_ahead()
        entry = Entry(place, (), problem.alternatives)
        result = await self._solve(problem, entry, line_end)
        if result is None:
            self._counters["no_model"] += 1
            return None
        if not invoked:  # several texts take longer than the one that typing waits for
            self._debounce.answered(result.elapsed_ms)
        self._counters["asked"] += 1
        self._counters["prompt_tokens_evaluated"] += result.prompt_tokens_evaluated
        self._counters["tokens_drawn"] += result.tokens_drawn
        return entry.suggestions

    async def _solve(self, problem: InfillProblem, entry: Entry, line_end: bytes) -> InfillResult | None:
        """Have the model fill an entry in, and remember it. None while there is no model."""

        def finish(result: InfillResult | None) -> None:
            self._count(result)
            entry.finish(self._read(problem, result, line_end) if result else None)

        self._drop_unfinished()
        work = self._model.infill(problem, finish)
        if work is None:
            return None
        # While the model works: what is new in the text is looked at, and known then. Not at once, because
        # the thread that hands the problem over needs the interpreter.
        asyncio.get_running_loop().call_later(HAND_OVER_SECONDS, known_secrets, problem)
        result = await asyncio.wrap_future(work)
        self._count(result)
        entry.begin(self._read(problem, result, line_end), unfinished=result.unfinished)
        self._unfinished = entry if entry.more is not None else None
        self._memory.keep(entry)
        return result

    def _read(self, problem: InfillProblem, result: InfillResult, line_end: bytes) -> tuple[Suggestion, ...]:
        """The suggestions of a result, but for those that would show a secret."""
        safe = without_secrets(problem, result)
        self._counters["secrets_dropped"] += len(result.candidates) - len(safe.candidates)
        return read_result(safe, line_end)

    def _look_ahead(
        self, document: Document, slot: Slot, shown: Suggestion, settings: Settings, line_end: bytes
    ) -> None:
        """Prepare what follows a suggestion, unless that is being done or known."""
        behind = Slot(slot.start, slot.end + shown.replaced_bytes, slot.typed + shown.text.encode())
        place = Place.of(document, behind)
        is_coming = place == self._ahead_place and self._ahead is not None and not self._ahead.done()
        if is_coming or self._memory.find(place, self._model.calibration) is not None:
            return
        self._stop_ahead()
        self._ahead_place = place
        problem = replace(pose(document, behind, settings, self.neighbours, invoked=False), answer_ms=0.0)
        self._ahead = asyncio.create_task(self._prepare(problem, Entry(place, ()), line_end))

    async def _prepare(self, problem: InfillProblem, entry: Entry, line_end: bytes) -> None:
        await asyncio.sleep(AHEAD_SECONDS)
        if self._unfinished is not None and self._unfinished.more is not None:
            return  # nobody knows yet what will be accepted
        with suppress(ByteLspError):  # nobody asked
            if await self._solve(problem, entry, line_end):
                self._counters["ahead"] += 1

    def _stop_ahead(self) -> None:
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    def _drop_unfinished(self) -> None:
        entry, self._unfinished = self._unfinished, None
        if entry is not None and entry.more is not None:
            self._model.drop_more()

    def _least_confidence(self, settings: Settings) -> float:
        """How likely to be right a suggestion has to be that nobody asked for."""
        wanted = settings.suggest.confidence
        return self._model.threshold if wanted < 0 else wanted

    def _count(self, result: InfillResult | None) -> None:
        if result is not None:
            self._counters["tokens_evaluated"] += result.tokens_evaluated
            self._counters["drafted"] += result.drafted
            self._counters["drafts_accepted"] += result.drafts_accepted


def _likely(known: Iterable[Suggestion], least: float) -> list[Suggestion]:
    """Those that are right with the probability ``least``, or of which nobody knows."""
    return [each for each in known if each.confidence is None or each.confidence >= least]


def _is_along(document: Document, entry: Entry) -> bool:
    """Whether all that was done to a document since an entry's place is typing one of its suggestions."""
    typed = entry.place.inserted_since(document)
    if typed is None:
        return False
    texts = [suggestion.text.encode() for suggestion in entry.suggestions]
    return any(text.startswith(typed) or typed.startswith(text) for text in texts)
