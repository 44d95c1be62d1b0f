"""What was suggested is found again from wherever typing along it leads."""

import asyncio

from lsprotocol import types

from byte_lsp.server.documents import Document
from byte_lsp.server.memory import Entry, Memory
from byte_lsp.server.places import Place
from byte_lsp.server.suggestions import Slot, Suggestion

TEXT = "class A:\n    def f(self):\n        self.ite\n"
AT = TEXT.index("ite") + 3


def place(typed: str = "", at: int = AT) -> Place:
    text = TEXT[:at] + typed + TEXT[at:]
    document = Document(types.TextDocumentItem("file:///a.py", "python", 1, text), "utf-8")
    return Place.of(document, Slot(at + len(typed), at + len(typed)))


def known(memory: Memory, typed: str = "", at: int = AT, alternatives: int = 1) -> list[str] | None:
    found = memory.find(place(typed, at), None, alternatives)
    return None if found is None else [each.text for each in found.suggestions]


def test_typing_along() -> None:
    memory = Memory()
    memory.keep(Entry(place(), (Suggestion("ms.append(x)"), Suggestion("ration"))))
    assert known(memory) == ["ms.append(x)", "ration"]
    assert known(memory, "m") == ["s.append(x)"]
    assert known(memory, "r") == ["ation"]
    assert known(memory, "ms.append(x") == [")"]
    assert known(memory, "ms.append(x)") is None, "all of it is typed: the model knows what follows"
    assert known(memory, "q") is None
    assert known(memory, at=AT - 1) is None


def test_the_newest_answer_counts_and_older_ones_are_there_for_a_backspace() -> None:
    memory = Memory()
    memory.keep(Entry(place(), (Suggestion("ms"),)))
    memory.keep(Entry(place("r"), (Suggestion("able"),)))
    assert known(memory, "ra") == ["ble"]
    assert known(memory) == ["ms"]
    memory.keep(Entry(place(), (Suggestion("mized"),)))
    assert known(memory, "m") == ["ized"]


def test_nothing_is_an_answer_at_the_very_place() -> None:
    memory = Memory()
    memory.keep(Entry(place(), ()))
    assert known(memory) == []
    assert known(memory, "m") is None


def test_who_asks_for_several_is_not_given_the_one() -> None:
    memory = Memory()
    memory.keep(Entry(place(), (Suggestion("ms"),)))
    assert known(memory, alternatives=3) is None
    memory.keep(Entry(place(), (Suggestion("ms"), Suggestion("rs")), alternatives=3))
    assert known(memory, alternatives=3) == ["ms", "rs"]
    assert known(memory) == ["ms", "rs"]


async def test_what_is_still_being_written_is_waited_for() -> None:
    memory = Memory()
    entry = Entry(place(), (Suggestion("ms."),), more=asyncio.get_running_loop().create_future())
    memory.keep(entry)
    assert known(memory, "ms") == ["."]
    assert known(memory, "ms.") == [], "typed as far as it goes"
    waiting = entry.more
    entry.finish((Suggestion("ms.append"),))
    assert known(memory, "ms.") == ["append"]
    assert waiting is not None
    assert waiting.done()


def test_old_entries_go() -> None:
    memory = Memory(kept=2)
    for typed in ("", "a", "b"):
        memory.keep(Entry(place(typed), (Suggestion("xyz"),)))
    assert known(memory) is None
    assert known(memory, "a") == ["xyz"]
    memory.forget_all()
    assert known(memory, "b") is None


async def test_a_rest_that_overtakes_its_beginning() -> None:
    for whole, kept in (((Suggestion("ms.append"),), "ms.append"), (None, "ms.")):
        entry = Entry(place(), ())
        entry.finish(whole)
        entry.begin((Suggestion("ms."),), unfinished=True)
        assert entry.more is None, "nobody would ever say that there is more"
        assert [each.text for each in entry.suggestions] == [kept]
