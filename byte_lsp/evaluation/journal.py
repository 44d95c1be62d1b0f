"""What was measured so far, kept in a file, so that a run that was stopped goes on.

A file has a line for every record, and each says by itself what it belongs to: what was asked otherwise is
kept beside it and never mixed in. Text that is not UTF-8 is kept with surrogates (PEP 383).
"""

import json
import os
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from cattrs import Converter
from cattrs.errors import BaseValidationError

from byte_lsp.errors import EvaluationError

R = TypeVar("R")

_FORMAT = 2


class Journal(Generic[R]):
    """Records by key, in memory, and in a file if there is one; the last of a key counts."""

    def __init__(self, path: Path | None, kind: type[R], key: Callable[[R], Hashable]) -> None:
        """Read what is there; a line that was not finished is dropped. ``kind`` is a dataclass.

        Errors: ``EvaluationError`` if the file cannot be read or is no such journal.
        """
        self._path, self._key = path, key
        self._found: dict[Hashable, R] = {}
        if path is not None and path.exists():
            _drop_unfinished(path)
            for record in read_records(path, kind):
                self._found[key(record)] = record

    def find(self, key: Hashable) -> R | None:
        """The record of a key, if there is one."""
        return self._found.get(key)

    def add(self, record: R) -> None:
        """Keep a record. Errors: ``EvaluationError`` if it cannot be written."""
        self._found[self._key(record)] = record
        if self._path is None:
            return
        line = json.dumps({"format": _FORMAT, **CONVERTER.unstructure(record)}, separators=(",", ":"))
        try:
            with self._path.open("ab") as file:
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise EvaluationError(
                f"{self._path} cannot be written ({error.strerror}); name another --out"
            ) from error


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """The records of a journal, as they were written. Errors: ``EvaluationError`` if it is none."""
    try:
        content = path.read_bytes()
        for number, line in enumerate(content.splitlines(), 1):
            record = json.loads(line)
            if not isinstance(record, dict) or record.pop("format", None) != _FORMAT:
                raise ValueError(f"line {number} is not of format {_FORMAT}")
            yield CONVERTER.structure(record, kind)
    except (OSError, ValueError, BaseValidationError) as error:
        raise EvaluationError(
            f"{path} cannot be gone on with ({error}); name another --out, or remove that file"
        ) from error


def _drop_unfinished(path: Path) -> None:
    """Cut off a last line that was not finished."""
    try:
        content = path.read_bytes()
        finished = content.rfind(b"\n") + 1
        if finished < len(content):
            os.truncate(path, finished)
    except OSError as error:
        raise EvaluationError(f"{path} cannot be read ({error.strerror}); name another --out") from error


def _make_converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(bytes, lambda text: text.decode("utf-8", "surrogateescape"))
    converter.register_structure_hook(bytes, lambda text, _: text.encode("utf-8", "surrogateescape"))
    return converter


CONVERTER = _make_converter()
"""Dataclasses to JSON's types and back."""
