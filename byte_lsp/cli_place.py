"""``FILE:LINE:COL`` on the command line, and the byte offset it stands for."""

import codecs
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass
from pathlib import Path

from byte_lsp.errors import PlaceError
from byte_lsp.infill.window import LINE_END

_PLACE = re.compile(r"(?P<file>.+?):(?P<line>\d+)(:(?P<column>\d+))?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file as people count: lines and columns from 1; no column is the end of the line."""

    file: Path
    line: int
    column: int | None


def parse_place(text: str) -> Place:
    """Read ``FILE:LINE:COL`` or ``FILE:LINE``. Errors: ``ArgumentTypeError``."""
    found = _PLACE.fullmatch(text)
    if not found:
        raise ArgumentTypeError(f"{text!r} is not FILE:LINE:COL")
    column = found["column"]
    return Place(Path(found["file"]), int(found["line"]), int(column) if column else None)


def read_file(file: Path) -> bytes:
    """The file's bytes as an editor has them: without a byte order mark. Errors: ``PlaceError``."""
    try:
        return file.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise PlaceError(f"{file} cannot be read ({error.strerror}); give an existing text file") from error


def find_offset(text: bytes, place: Place) -> int:
    """The byte offset of a place in ``text``.

    Columns count Unicode characters; the one after the last character is the end of the line. A byte that
    is no part of one counts as a character. Errors: ``PlaceError`` naming what the file has.
    """
    starts = [0, *(found.end() for found in LINE_END.finditer(text))]
    if not 1 <= place.line <= len(starts):
        raise PlaceError(f"{place.file} has no line {place.line}; its lines are 1 to {len(starts)}")
    start = starts[place.line - 1]
    line_end = LINE_END.search(text, start)
    line = text[start : line_end.start() if line_end else None]
    characters = line.decode(errors="surrogateescape")
    column = len(characters) + 1 if place.column is None else place.column
    if not 1 <= column <= len(characters) + 1:
        raise PlaceError(
            f"{place.file}:{place.line} has no column {column}; its columns are 1 to {len(characters) + 1}"
        )
    return start + len(characters[: column - 1].encode(errors="surrogateescape"))
