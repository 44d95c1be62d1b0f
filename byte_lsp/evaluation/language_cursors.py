"""Cursors in files of many languages, where a person would stop: reads ``tests/languages/cursors.toml``.

The form of the file is described at its top.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from byte_lsp.errors import EvaluationError
from byte_lsp.toml_table import TomlTable

Stop = Literal["word", "block", "middle", "line"]
STOPS: tuple[Stop, ...] = get_args(Stop)

CURSOR = "|"


@dataclass(frozen=True, slots=True)
class Spot:
    """The byte ``offset`` in ``text``, which is a file without ``truth``, the bytes that it has there.

    ``remark`` is what a person says of the suggestion, or empty.
    """

    stop: Stop
    text: bytes
    offset: int
    truth: bytes
    remark: str

    @property
    def line(self) -> int:
        """The cursor's line, counted from 1."""
        return self.text.count(b"\n", 0, self.offset) + 1

    @property
    def before(self) -> bytes:
        return self.text[: self.offset]

    @property
    def behind(self) -> bytes:
        return self.text[self.offset :]


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its name and its id in editors, a file of it, and the cursors in that."""

    name: str
    id: str
    file: str
    spots: tuple[Spot, ...]


def read_languages(file: Path) -> tuple[Language, ...]:
    """The languages of a cursor file; the files it names are in ``files/`` beside it.

    Errors: ``CatalogError`` for a wrong key, ``EvaluationError`` for what cannot be read and for a text that
    a file does not have, or has more than once.
    """
    try:
        table = TomlTable(str(file), "", tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{file} cannot be read ({error}); give a file of cursors") from error
    languages = tuple(_read_language(entry, file.parent / "files") for entry in table.tables("language"))
    table.finish()
    return languages


def _read_language(table: TomlTable, folder: Path) -> Language:
    name, language_id, file = (table.text(key) for key in ("name", "id", "file"))
    try:
        text = (folder / file).read_bytes()
    except OSError as error:
        raise EvaluationError(f"{folder / file} cannot be read ({error.strerror}); put it there") from error
    spots = tuple(_read_spot(entry, text) for entry in table.tables("cursor"))
    table.finish()
    return Language(name, language_id, file, spots)


def _read_spot(table: TomlTable, text: bytes) -> Spot:
    stop = table.text("stop")
    if stop not in STOPS:
        raise table.fault("stop", f"must be one of {', '.join(STOPS)}, not {stop}")
    before, cursor, behind = table.text("at").encode().partition(CURSOR.encode())
    if not cursor or CURSOR.encode() in behind or text.count(before + behind) != 1:
        raise table.fault("at", f"must be a text that the file has once, with one {CURSOR} at the cursor")
    offset = text.index(before + behind) + len(before)
    truth = table.text("hole").encode()
    if not truth or not text.startswith(truth, offset):
        raise table.fault("hole", "must be what the file has behind the cursor")
    remark = table.text("remark", "")
    table.finish()
    return Spot(stop, text[:offset] + text[offset + len(truth) :], offset, truth, remark)
