"""Records that survive the process that wrote them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.journal import Journal, read_records


@dataclass(frozen=True, slots=True)
class Note:
    name: str
    text: bytes
    value: float | None = None


def open_notes(path: Path | None) -> Journal[Note]:
    return Journal(path, Note, lambda note: note.name)


def test_a_journal_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    kept = Note("one", "é\n".encode() + b"\xff", float("inf"))
    open_notes(path).add(kept)
    again = open_notes(path)
    assert again.find("one") == kept
    assert again.find("two") is None


def test_the_last_record_of_a_key_counts(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    journal = open_notes(path)
    journal.add(Note("one", b"a"))
    journal.add(Note("one", b"b"))
    assert open_notes(path).find("one") == Note("one", b"b")
    assert len(list(read_records(path, Note))) == 2


def test_a_line_that_was_not_finished_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl"
    journal = open_notes(path)
    journal.add(Note("one", b"a"))
    journal.add(Note("two", b"b"))
    path.write_bytes(path.read_bytes()[:-9])
    torn = open_notes(path)
    assert torn.find("one") is not None
    assert torn.find("two") is None
    torn.add(Note("two", b"c"))
    assert open_notes(path).find("two") == Note("two", b"c")


def test_without_a_file_records_are_in_memory() -> None:
    journal = open_notes(None)
    journal.add(Note("one", b"a"))
    assert journal.find("one") == Note("one", b"a")


@pytest.mark.parametrize(
    "line", [b'{"format": 1, "name": "one", "text": "a"}', b'{"format": 2, "name": "one"}', b"[]", b"no"]
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "notes.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(EvaluationError, match=r"notes\.jsonl cannot be gone on with.*name another --out"):
        open_notes(path)
    assert path.read_bytes() == line + b"\n"


def test_a_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    journal = open_notes(tmp_path / "gone" / "notes.jsonl")
    with pytest.raises(EvaluationError, match="cannot be written"):
        journal.add(Note("one", b"a"))
