"""From a place in a document to a problem for the model, and from its candidates to LSP items."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsprotocol import types

from byte_lsp.infill.finish import set_line_ends
from byte_lsp.infill.problem import InfillProblem, InfillResult
from byte_lsp.infill.window import unify_line_ends
from byte_lsp.server.context import Neighbours, pose_context
from byte_lsp.server.documents import Document
from byte_lsp.server.positions import encode_text
from byte_lsp.settings import Settings

HALF_TYPED_WORD = re.compile(r"\w+\Z")
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
    """Text to be inserted after ``Slot.typed``, in place of so many bytes behind the slot, if any."""

    text: str
    replaced_bytes: int = 0

    def range(self, document: Document, slot: Slot) -> types.Range:
        """What the text, with what was typed before it, takes the place of."""
        return document.range(slot.start, slot.end + self.replaced_bytes)


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
    word = HALF_TYPED_WORD.search(document.text[line_start:cursor].decode())
    typed = word.group().encode() if word else b""
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
        alternatives=suggest.alternatives if invoked else 1,
        draws=suggest.draws if invoked else 1,
        max_bytes=suggest.max_bytes,
        max_lines=suggest.max_lines,
        temperature=suggest.temperature,
        top_p=suggest.top_p,
    )


def read_result(result: InfillResult, line_end: bytes, least_confidence: float) -> list[Suggestion]:
    """The candidates ready to be shown, best first, but for those that are too likely to be wrong."""
    return [
        Suggestion(set_line_ends(candidate.text, line_end).decode(), candidate.replaced_bytes)
        for candidate in result.candidates
        if candidate.confidence is None or candidate.confidence >= least_confidence
    ]


def inline_items(
    document: Document, slot: Slot, suggestions: list[Suggestion]
) -> list[types.InlineCompletionItem]:
    """Ghost text. The range is always given: without one VS Code replaces the word and the line's rest."""
    typed = slot.typed.decode()
    return [
        types.InlineCompletionItem(insert_text=typed + each.text, range=each.range(document, slot))
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
        _completion_item(typed + each.text, each.range(document, slot), detail, as_is) for each in suggestions
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
