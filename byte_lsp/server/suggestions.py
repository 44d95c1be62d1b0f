"""From a place in a document to a problem for the model, and from its candidates to LSP items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types

from byte_lsp.infill.finish import has_in_order, set_line_ends
from byte_lsp.infill.problem import InfillProblem, InfillResult
from byte_lsp.infill.window import next_character, unify_line_ends
from byte_lsp.server.context import Neighbours, pose_context
from byte_lsp.server.documents import Document
from byte_lsp.server.places import Typed
from byte_lsp.server.positions import encode_text
from byte_lsp.settings import Settings

if TYPE_CHECKING:
    from byte_lsp.infill.confidence import Calibration
    from byte_lsp.server.offers import Offers

LONGEST_WORD_BYTES = 1024
LABEL_CHARACTERS = 80
FIRST_IN_LIST = "!"


@dataclass(frozen=True, slots=True)
class Slot:
    """Bytes ``[start, end)`` of a document make room for ``typed`` and the suggestion after it."""

    start: int
    end: int
    typed: bytes = b""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text to be inserted after ``Slot.typed``, in place of so many bytes behind the slot, if any.

    ``confidence`` and ``line_steps`` are a candidate's: see ``infill.problem``.
    """

    text: str
    replaced_bytes: int = 0
    confidence: float | None = None
    line_steps: tuple[tuple[int, float], ...] = ()

    def range(self, document: Document, slot: Slot) -> types.Range:
        """What the text, with what was typed before it, takes the place of."""
        return document.range(slot.start, slot.end + self.replaced_bytes)

    def after(self, typed: Typed, calibration: Calibration | None) -> Suggestion | None:
        """What is left of it once something was typed; None if that was something else."""
        text = self.text.encode()
        if not text.startswith(typed.text) or typed.passed > self.replaced_bytes:
            return None
        rest = text[len(typed.text) :]
        try:
            left = rest.decode()
        except UnicodeDecodeError:  # typed to the middle of a character, which no editor does
            return None
        replaced = self.replaced_bytes - typed.passed
        if typed.closed:
            if has_in_order(rest, typed.closed):
                replaced += len(typed.closed)
            elif replaced:
                return None
        confidence = self._confidence_after(len(typed.text), calibration)
        steps = tuple((end - len(typed.text), logprob) for end, logprob in self.line_steps)
        return Suggestion(left, replaced, confidence, steps)

    def _confidence_after(self, typed_bytes: int, calibration: Calibration | None) -> float | None:
        """How likely the rest of the line is right: what was typed already was.

        A step that was typed in part counts in part; of further lines nobody knows.
        """
        if calibration is None or not typed_bytes:
            return self.confidence
        if not self.line_steps or self.line_steps[-1][0] <= typed_bytes:
            return None
        known, at = 0.0, 0
        for end, logprob in self.line_steps:
            if end > typed_bytes:
                known += (logprob - known) * max(0, typed_bytes - at) / (end - at)
                break
            known, at = logprob, end
        return calibration.confidence(self.line_steps[-1][1] - known)


def slot_at(document: Document, position: types.Position) -> Slot:
    """The cursor itself."""
    cursor = document.offset(position)
    return Slot(cursor, cursor)


def slot_of_popup(document: Document, selected: types.SelectedCompletionInfo) -> Slot:
    """What the editor's completion popup would replace; the suggestion goes on from its selected text."""
    return Slot(*document.span(selected.range), encode_text(selected.text))


def slot_of_word(document: Document, position: types.Position) -> Slot:
    """The half-typed word before the cursor, which may be empty."""
    cursor = document.offset(position)
    line_start, _ = document.line_span(document.line_at(cursor))
    reach = next_character(document.text, max(line_start, cursor - LONGEST_WORD_BYTES))
    before = document.text[reach:cursor].decode()
    start = len(before)
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    typed = before[start:].encode()
    return Slot(cursor - len(typed), cursor, typed)


def pose(
    document: Document, slot: Slot, settings: Settings, neighbours: Neighbours, *, invoked: bool
) -> InfillProblem:
    """The infill problem at a slot. Line ends become line feeds: what models were trained on.

    Who asks for suggestions gets several, chosen by the text behind the cursor; while somebody types there is
    time for one.
    """
    suggest = settings.suggest
    around = pose_context(document, slot.start, slot.end, settings.context, neighbours)
    return InfillProblem(
        prefix=around.prefix + unify_line_ends(slot.typed),
        suffix=around.suffix,
        suffix_goes_on=around.suffix_goes_on,
        language=document.language,
        path=around.path,
        repo=around.repo,
        chunks=around.chunks,
        prompt_tokens=around.prompt_tokens,
        deadline_ms=around.deadline_ms,
        answer_ms=0.0 if invoked else float(suggest.deadline_ms),
        alternatives=suggest.alternatives if invoked else 1,
        draws=suggest.draws if invoked else 1,
        max_bytes=suggest.max_bytes,
        max_lines=suggest.max_lines,
        temperature=suggest.temperature,
        top_p=suggest.top_p,
    )


def read_result(result: InfillResult, line_end: bytes) -> tuple[Suggestion, ...]:
    """The candidates as an editor inserts them."""
    return tuple(
        Suggestion(
            set_line_ends(candidate.text, line_end).decode(),
            candidate.replaced_bytes,
            candidate.confidence,
            candidate.line_steps,
        )
        for candidate in result.candidates
    )


def inline_items(
    document: Document, slot: Slot, suggestions: list[Suggestion], offers: Offers
) -> list[types.InlineCompletionItem]:
    """Ghost text. The range is always given: without one VS Code replaces the word and the line's rest."""
    typed = slot.typed.decode()
    return [
        types.InlineCompletionItem(
            insert_text=typed + each.text,
            range=each.range(document, slot),
            command=offers.offer(typed, each.text),
        )
        for each in suggestions
    ]


def completion_items(
    document: Document, slot: Slot, suggestions: list[Suggestion], detail: str, *, as_is: bool
) -> list[types.CompletionItem]:
    """The same texts for an editor without inline completion.

    Such editors filter items by the word before the cursor, so ``filterText`` and ``textEdit`` begin with
    it. ``as_is`` keeps an editor that can be told so from indenting the lines again.
    """
    typed = slot.typed.decode()
    return [
        _completion_item(typed + each.text, each.range(document, slot), detail, as_is)
        for each in suggestions
        if (typed + each.text).strip()  # a list cannot show what is blank
    ]


def _completion_item(text: str, range_: types.Range, detail: str, as_is: bool) -> types.CompletionItem:
    first_line = text.splitlines()[0]
    return types.CompletionItem(
        label=text.strip().splitlines()[0].rstrip()[:LABEL_CHARACTERS],
        kind=types.CompletionItemKind.Text,
        detail=detail,
        sort_text=FIRST_IN_LIST,
        filter_text=first_line or None,
        text_edit=types.TextEdit(range_, text),
        insert_text_mode=types.InsertTextMode.AsIs if as_is else None,
    )
