"""From places to problems, and from candidates to LSP items."""

from collections import Counter

import pytest
from lsprotocol import types

from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.problem import Candidate, InfillResult
from byte_lsp.server.context import Neighbours
from byte_lsp.server.documents import Document
from byte_lsp.server.offers import DID_ACCEPT, Offers
from byte_lsp.server.places import Typed
from byte_lsp.server.suggestions import (
    Slot,
    Suggestion,
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


def offers() -> Offers:
    return Offers(Counter())


def result(*candidates: Candidate) -> InfillResult:
    return InfillResult(candidates, 1.0, 1)


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
        suggest=SuggestSettings(
            alternatives=4, draws=7, max_bytes=9, max_lines=2, temperature=0.5, top_p=0.9
        ),
        context=ContextSettings(prefix_bytes=64, suffix_bytes=4, tokens=99, deadline_ms=250),
    )
    document = open_document("a\r\nbc\rde\r\nf")
    slot = slot_at(document, types.Position(1, 1))
    problem = pose(document, slot, settings, Neighbours(), invoked=True)
    assert (problem.prefix, problem.suffix, problem.language) == (b"a\nb", b"c\nde", "python")
    assert (problem.alternatives, problem.draws, problem.max_bytes, problem.max_lines) == (4, 7, 9, 2)
    assert (problem.temperature, problem.top_p, problem.arm) == (0.5, 0.9, "exact")
    assert (problem.prompt_tokens, problem.deadline_ms, problem.suffix_goes_on) == (99, 250.0, True)
    assert problem.suffix_fit
    assert not problem.raw


def test_while_somebody_types_there_is_time_for_one_text() -> None:
    document = open_document("a = ")
    slot = slot_at(document, types.Position(0, 4))
    problem = pose(document, slot, Settings(), Neighbours(), invoked=False)
    assert (problem.alternatives, problem.draws) == (1, 1)


def test_the_popups_text_takes_the_place_of_its_range() -> None:
    document = open_document("self.it()")
    range_ = types.Range(types.Position(0, 5), types.Position(0, 7))
    slot = slot_of_popup(document, types.SelectedCompletionInfo(range_, "items"))
    problem = pose(document, slot, Settings(), Neighbours(), invoked=False)
    assert (problem.prefix, problem.suffix) == (b"self.items", b"()")
    (item,) = inline_items(document, slot, [Suggestion(".append")], offers())
    assert (item.insert_text, item.range) == ("items.append", range_)
    assert item.command == types.Command("Accepted", DID_ACCEPT, arguments=["1"])


def test_what_the_editor_closed_by_itself_is_in_the_range() -> None:
    document = open_document("é = f()")
    slot = slot_at(document, types.Position(0, 6))
    (item,) = inline_items(document, slot, [Suggestion("x) + g(y)", replaced_bytes=1)], offers())
    assert item.range == types.Range(types.Position(0, 6), types.Position(0, 7))
    (other,) = completion_items(document, slot, [Suggestion("x) + 1", replaced_bytes=1)], "tiny", as_is=True)
    assert isinstance(other.text_edit, types.TextEdit)
    assert other.text_edit.range == item.range


def test_ghost_text_has_an_empty_range_at_the_cursor() -> None:
    document = open_document("😀 x")
    slot = slot_at(document, types.Position(0, 99))
    (item,) = inline_items(document, slot, [Suggestion(" = 1")], offers())
    cursor = types.Position(0, 4)
    assert (item.insert_text, item.range) == (" = 1", types.Range(cursor, cursor))


def test_candidates_become_text_with_the_documents_line_ends() -> None:
    found = result(
        Candidate(b"\n    y)", None, "stop", 1, replaced_bytes=1),
        Candidate(b"z", None, "stop", 1, 0, 0.5, line_steps=((1, -0.7),)),
    )
    assert read_result(found, b"\r\n") == (
        Suggestion("\r\n    y)", 1),
        Suggestion("z", 0, 0.5, ((1, -0.7),)),
    )


def test_what_is_left_after_typing() -> None:
    suggestion = Suggestion("ms.append(item)\n", 2)
    assert suggestion.after(Typed(b"ms."), None) == Suggestion("append(item)\n", 2)
    assert suggestion.after(Typed(b"ms,"), None) is None
    assert suggestion.after(Typed(b"ms.append(", closed=b")"), None) == Suggestion("item)\n", 3)
    assert suggestion.after(Typed(b"ms.append(item)", passed=1), None) == Suggestion("\n", 1)
    assert Suggestion("x)").after(Typed(b"x)", passed=1), None) is None, "it is not the suggestion's own"
    assert Suggestion("(a").after(Typed(b"(", closed=b")"), None) == Suggestion("a"), "before the closer"


def test_each_key_that_agrees_makes_the_rest_more_likely() -> None:
    calibration = Calibration((-4.0, 0.0), (0.0, 1.0), 0.4)
    suggestion = Suggestion("abcdef\nx", 0, 0.25, ((2, -2.0), (6, -3.0)))
    rests = [suggestion.after(Typed(b"abcdef"[:count]), calibration) for count in range(7)]
    assert [rest and rest.confidence for rest in rests] == [0.25, 0.5, 0.75, 0.8125, 0.875, 0.9375, None]
    once = suggestion.after(Typed(b"a"), calibration)
    assert once
    assert once.after(Typed(b"bcd"), calibration) == suggestion.after(Typed(b"abcd"), calibration)


def test_a_completion_item_covers_the_half_typed_word() -> None:
    document = open_document("    self.ite")
    slot = slot_of_word(document, types.Position(0, 12))
    (item,) = completion_items(document, slot, [Suggestion("ms = 1\n    b")], "tiny", as_is=True)
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
    (item,) = completion_items(document, Slot(2, 2), [Suggestion("\n    pass")], "tiny", as_is=False)
    assert (item.label, item.filter_text, item.insert_text_mode) == ("pass", None, None)
