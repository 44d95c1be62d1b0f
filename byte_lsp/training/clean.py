"""Files that must not be in the set together: copies of each other, and of what is measured elsewhere.

Languages that share code are cleaned together, and no others, so that a language's shard does not depend on
which other languages are built.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.training.collect import SourceFile
from byte_lsp.training.duplicates import Duplicates
from byte_lsp.training.overlap import common_grams, shared_grams, strip_notice, telling_grams
from byte_lsp.training.sources import SPLITS, Language
from byte_lsp.training.words import Hashes, WordHasher, find_words

FAMILIES: tuple[tuple[Language, ...], ...] = (
    ("python",), ("javascript", "typescript"), ("go",), ("rust",), ("c",), ("java",), ("shellscript",),
)  # fmt: skip
"""Languages that are cleaned together."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The files that stay, and how many do not for which reason, by language."""

    files: tuple[SourceFile, ...]
    dropped: dict[Language, Counter[str]]


def clean(files: Sequence[SourceFile], benchmarks: Hashes, done: Callable[[int], None]) -> Cleaned:
    """Drop copies, and files of ``train`` and ``valid`` that overlap with ``heldout`` or the benchmarks.

    Of two files alike that one stays whose split comes first in ``SPLITS``, or else whose package comes
    first in the manifest. ``benchmarks`` are sorted hashes of runs of words. ``done`` is told how many files
    were looked at.
    """
    hasher = WordHasher()
    dropped: defaultdict[Language, Counter[str]] = defaultdict(Counter)
    kept: list[tuple[SourceFile, Hashes]] = []
    duplicates = Duplicates()
    ordered = sorted(files, key=lambda file: SPLITS.index(file.source.split))
    for count, file in enumerate(ordered, 1):
        words = hasher.hash(find_words(strip_notice(file.text)))
        if not duplicates.add_exact(file.text):
            dropped[file.language]["copy"] += 1
        elif not duplicates.add_near(words):
            dropped[file.language]["near copy"] += 1
        else:
            kept.append((file, words))
        done(count)
    heldout = telling_grams(
        (strip_notice(file.text) for file, _ in kept if file.source.split == "heldout"), hasher
    )
    common = _grams_in_common(kept, heldout)
    telling = np.setdiff1d(heldout, common, assume_unique=True)
    clear: list[SourceFile] = []
    for file, words in kept:
        if file.source.split != "heldout" and len(shared_grams(words, benchmarks)):
            dropped[file.language]["overlaps with a benchmark"] += 1
        elif file.source.split != "heldout" and len(shared_grams(words, telling)):
            dropped[file.language]["overlaps with a held-out package"] += 1
        else:
            clear.append(file)
    return Cleaned(tuple(clear), dict(dropped))


def _grams_in_common(files: Sequence[tuple[SourceFile, Hashes]], grams: Hashes) -> Hashes:
    """Which of ``grams`` are idioms, by how many packages outside ``heldout`` have them."""
    by_package: defaultdict[str, list[Hashes]] = defaultdict(list)
    for file, words in files:
        if file.source.split != "heldout":
            by_package[file.source.name].append(shared_grams(words, grams))
    return common_grams(np.concatenate(each) for each in by_package.values())
