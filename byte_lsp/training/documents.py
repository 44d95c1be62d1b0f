"""The texts of a data set that ``python -m byte_lsp.training.data`` built."""

import gzip
import json
import math
import random
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Literal

from byte_lsp.errors import TrainingError
from byte_lsp.training.spans import Lines

Split = Literal["train", "valid"]


@dataclass(frozen=True)
class Document:
    """One source file: ``text`` is UTF-8 with line feeds, ``language`` an LSP language identifier.

    No span is to begin in the lines, by index, of ``prose``.
    """

    package: str
    path: str
    language: str
    text: bytes
    prose: frozenset[int] = frozenset()

    @cached_property
    def lines(self) -> Lines:
        """Where its lines are."""
        return Lines(self.text, self.prose)


class Documents:
    """The documents of one split, to be drawn from."""

    def __init__(self, by_language: Mapping[str, Sequence[Document]]) -> None:
        """Languages without documents are left out."""
        self._languages = {language: _Drawer(found) for language, found in by_language.items() if found}

    @property
    def bytes_of_language(self) -> dict[str, int]:
        """How many bytes of text each language has."""
        return {
            language: sum(shelf.bytes for shelf in drawer.shelves.values())
            for language, drawer in self._languages.items()
        }

    def draw(self, language: str, rng: random.Random) -> Document:
        """A document: its package by the root of the package's length, itself by its own."""
        return self._languages[language].draw(rng)

    def neighbour(self, document: Document, rng: random.Random) -> Document | None:
        """Another document of the same package and language, None where there is none."""
        other = rng.choice(self._languages[document.language].shelves[document.package].documents)
        return None if other is document else other


class _Shelf:
    """The documents of a package in one language."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self._ends = list(accumulate(len(document.text) for document in documents))
        self.bytes = self._ends[-1]

    def draw(self, rng: random.Random) -> Document:
        return self.documents[bisect_right(self._ends, rng.randrange(self.bytes))]


class _Drawer:
    """The packages of a language. Large ones are held back, so that many hands are seen."""

    def __init__(self, documents: Sequence[Document]) -> None:
        packages: dict[str, list[Document]] = {}
        for document in documents:
            packages.setdefault(document.package, []).append(document)
        self.shelves = {package: _Shelf(found) for package, found in packages.items()}
        self._in_order = list(self.shelves.values())
        self._ends = list(accumulate(math.sqrt(shelf.bytes) for shelf in self._in_order))

    def draw(self, rng: random.Random) -> Document:
        at = bisect_right(self._ends, rng.random() * self._ends[-1])
        return self._in_order[min(at, len(self._in_order) - 1)].draw(rng)


def read_documents(folder: Path, split: Split, languages: Sequence[str] = ()) -> Documents:
    """One split of a data set, of all languages or of some. Errors: ``TrainingError`` naming the file."""
    shards = sorted((folder / split).glob("*.jsonl.gz"))
    found = {shard.name.removesuffix(".jsonl.gz"): shard for shard in shards}
    missing = [language for language in languages if language not in found]
    if not found or missing:
        wanted = f"{missing[0]}.jsonl.gz" if missing else "shards (LANGUAGE.jsonl.gz)"
        raise TrainingError(
            f"{folder / split} has no {wanted}: build the data set with python -m byte_lsp.training.data"
        )
    return Documents({language: _read(found[language]) for language in languages or found})


def _read(shard: Path) -> list[Document]:
    language = shard.name.removesuffix(".jsonl.gz")
    documents = []
    try:
        with gzip.open(shard, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                row = json.loads(line)
                documents.append(Document(row["package"], row["path"], language, row["text"].encode()))
    except KeyError as error:
        raise TrainingError(f"{shard}, row {len(documents) + 1}: no key {error}") from error
    except (OSError, EOFError, ValueError, TypeError, AttributeError) as error:
        raise TrainingError(f"{shard} is no readable shard: {error}") from error
    return documents
