"""From a place in a document to a problem for the model, and from its candidates to LSP items."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsprotocol import types

from byte_lsp.infill.finish import finish
from byte_lsp.infill.problem import InfillProblem, InfillResult
from byte_lsp.infill.window import prefix_window, suffix_window, unify_line_ends
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


def pose(document: Document, slot: Slot, settings: Settings, alternatives: int) -> InfillProblem:
    """The infill problem at a slot. Line ends become line feeds: what models were trained on."""
    context, suggest = settings.context, settings.suggest
    prefix = prefix_window(document.text, slot.start, context.prefix_bytes) + slot.typed
    return InfillProblem(
        prefix=unify_line_ends(prefix),
        suffix=unify_line_ends(suffix_window(document.text, slot.end, context.suffix_bytes)),
        language=document.language,
        alternatives=alternatives,
        max_bytes=suggest.max_bytes,
        max_lines=suggest.max_lines,
        temperature=suggest.temperature,
        top_p=suggest.top_p,
    )


def read_result(document: Document, slot: Slot, result: InfillResult, line_end: bytes) -> list[str]:
    """The candidates as text to be inserted after ``slot.typed``, ready to be shown."""
    candidates = (candidate.text for candidate in result.candidates)
    return [text.decode() for text in finish(candidates, document.rest_of_line(slot.end), line_end)]


def inline_items(document: Document, slot: Slot, texts: list[str]) -> list[types.InlineCompletionItem]:
    """Ghost text. The range is always given: without one VS Code replaces the word and the line's rest."""
    range_ = document.range(slot.start, slot.end)
    typed = slot.typed.decode()
    return [types.InlineCompletionItem(insert_text=typed + text, range=range_) for text in texts]


def completion_items(
    document: Document, slot: Slot, texts: list[str], detail: str, *, as_is: bool
) -> list[types.CompletionItem]:
    """The same texts for an editor without inline completion.

    Such editors filter items by the word before the cursor, so ``filterText`` and ``textEdit`` begin with
    it. ``as_is`` keeps an editor that can be told so from indenting the lines again.
    """
    range_ = document.range(slot.start, slot.end)
    typed = slot.typed.decode()
    return [_completion_item(typed + text, range_, detail, as_is) for text in texts]


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
