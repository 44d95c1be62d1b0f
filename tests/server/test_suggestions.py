"""From places to problems, and from candidates to LSP items."""

import pytest
from lsprotocol import types

from byte_lsp.infill.problem import Candidate, InfillResult
from byte_lsp.server.documents import Document
from byte_lsp.server.suggestions import (
    Slot,
    completion_items,
    inline_items,
    pose,
    read_result,
    slot_at,
    slot_of_popup,
    slot_of_word,
)
from byte_lsp.settings import ContextSettings, Settings, SuggestSettings


def open_document(text: str) -> Document:
    return Document(types.TextDocumentItem("file:///a.py", "python", 1, text), "utf-16")


def result(*texts: bytes) -> InfillResult:
    return InfillResult(tuple(Candidate(text, -1.0, "stop", 1) for text in texts), 1.0, 1)


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("self.ite", "ite"),
        ("self.", ""),
        ("", ""),
        ("a1_b", "a1_b"),
        ("x = größe", "größe"),
        ("x😀y", "y"),
        ("“quoted", "quoted"),
    ],
)
def test_the_half_typed_word(line: str, word: str) -> None:
    document = open_document("first\n" + line + "\nlast")
    cursor = len(("first\n" + line).encode())
    slot = slot_of_word(document, document.position(cursor))
    assert slot == Slot(cursor - len(word.encode()), cursor, word.encode())


def test_a_problem_holds_what_the_settings_ask_for() -> None:
    settings = Settings(
        suggest=SuggestSettings(max_bytes=9, max_lines=2, temperature=0.5, top_p=0.9),
        context=ContextSettings(prefix_bytes=64, suffix_bytes=4),
    )
    document = open_document("a\r\nbc\rde\r\nf")
    problem = pose(document, slot_at(document, types.Position(1, 1)), settings, alternatives=3)
    assert (problem.prefix, problem.suffix, problem.language) == (b"a\nb", b"c\nde", "python")
    assert (problem.alternatives, problem.max_bytes, problem.max_lines) == (3, 9, 2)
    assert (problem.temperature, problem.top_p, problem.arm) == (0.5, 0.9, "exact")


def test_the_popups_text_takes_the_place_of_its_range() -> None:
    document = open_document("self.it()")
    range_ = types.Range(types.Position(0, 5), types.Position(0, 7))
    slot = slot_of_popup(document, types.SelectedCompletionInfo(range_, "items"))
    problem = pose(document, slot, Settings(), alternatives=1)
    assert (problem.prefix, problem.suffix) == (b"self.items", b"()")
    (item,) = inline_items(document, slot, read_result(document, slot, result(b".append()"), b"\n"))
    assert (item.insert_text, item.range) == ("items.append", range_)


def test_ghost_text_has_an_empty_range_at_the_cursor() -> None:
    document = open_document("😀 x")
    slot = slot_at(document, types.Position(0, 99))
    (item,) = inline_items(document, slot, [" = 1"])
    cursor = types.Position(0, 4)
    assert (item.insert_text, item.range) == (" = 1", types.Range(cursor, cursor))


def test_candidates_become_text_with_the_documents_line_ends() -> None:
    document = open_document("f(x)\r\n")
    slot = Slot(3, 3)
    texts = read_result(document, slot, result(b"\n    y)", "ü\xf0".encode("latin-1"), b"  "), b"\r\n")
    assert texts == ["\r\n    y"]


def test_a_completion_item_covers_the_half_typed_word() -> None:
    document = open_document("    self.ite")
    slot = slot_of_word(document, types.Position(0, 12))
    (item,) = completion_items(document, slot, ["ms = 1\n    b"], "tiny", as_is=True)
    assert item.label == "items = 1"
    assert item.filter_text == "items = 1"
    assert item.detail == "tiny"
    assert item.kind == types.CompletionItemKind.Text
    assert item.insert_text_mode == types.InsertTextMode.AsIs
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.new_text == "items = 1\n    b"
    assert item.text_edit.range == types.Range(types.Position(0, 9), types.Position(0, 12))


def test_a_completion_item_that_starts_with_a_line_end_has_a_label() -> None:
    document = open_document("x:")
    (item,) = completion_items(document, Slot(2, 2), ["\n    pass"], "tiny", as_is=False)
    assert (item.label, item.filter_text, item.insert_text_mode) == ("pass", None, None)
