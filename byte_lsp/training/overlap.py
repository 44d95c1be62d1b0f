"""Files that repeat what is measured elsewhere: benchmarks and the held-out packages.

A file overlaps if it has a run of ``RUN_WORDS`` words in the same order that says something. Words are names
and whole numbers, so neither layout nor punctuation hides a copy. Ten words are a line or two: less than any
benchmark's task, more than idioms share. A run says something if ``_FEWEST_DISTINCT`` of its words differ and
``_FEWEST_NAMES`` of these are names, which keeps tables of numbers out. A notice of copyright at the top of a
file is not looked at. What several packages have in common with a held-out one is an idiom or a notice
(``common_grams``); of a benchmark nothing is excused.
"""

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from byte_lsp.errors import DataSetError
from byte_lsp.training.words import Hashes, WordHasher, find_words, hash_grams

RUN_WORDS = 10
COMMON_PACKAGES = 4
_FEWEST_DISTINCT = 6
_FEWEST_NAMES = 4
_BENCHMARK_KEYS = ("prompt", "canonical_solution", "suffix", "test")
_NOTICE = re.compile(r"copyright|licen[cs]e|spdx|all rights reserved", re.IGNORECASE)
_HEADER = re.compile(
    r"\A(?:\s*(?:#[^\n]*|//[^\n]*|/\*.*?\*/|<!--.*?-->|[rub]?\"\"\".*?\"\"\"|dnl[^\n]*))+",
    re.DOTALL | re.IGNORECASE,
)


def strip_notice(text: str) -> str:
    """The text without the comments at its top, if these speak of copyright or a licence."""
    header = _HEADER.match(text)
    return text[header.end() :] if header and _NOTICE.search(header[0]) else text


def telling_grams(texts: Iterable[str], hasher: WordHasher) -> Hashes:
    """Hashes of all runs of words in the texts that say something, sorted."""
    grams = [np.empty(0, dtype=np.uint64)]
    for text in texts:
        words = find_words(text)
        hashed = hash_grams(hasher.hash(words), RUN_WORDS)
        telling = np.fromiter(
            (_says_something(words[start : start + RUN_WORDS]) for start in range(len(hashed))),
            dtype=np.bool_,
        )
        grams.append(hashed[telling])
    return np.unique(np.concatenate(grams))


def _says_something(words: Sequence[str]) -> bool:
    distinct = set(words)
    names = sum(1 for word in distinct if not word[0].isdigit())
    return len(distinct) >= _FEWEST_DISTINCT and names >= _FEWEST_NAMES


def shared_grams(words: Hashes, grams: Hashes) -> Hashes:
    """Which of ``grams``, sorted, a file's words have; each once."""
    own = np.unique(hash_grams(words, RUN_WORDS))
    return np.intersect1d(own, grams, assume_unique=True)


def common_grams(by_package: Iterable[Hashes]) -> Hashes:
    """What at least ``COMMON_PACKAGES`` packages have: idioms and notices, no sign of a copy. Sorted."""
    grams = [np.empty(0, dtype=np.uint64), *(np.unique(each) for each in by_package)]
    values, counts = np.unique(np.concatenate(grams), return_counts=True)
    return values[counts >= COMMON_PACKAGES]


def read_benchmarks(folder: Path) -> list[str]:
    """The texts of every ``*.jsonl.gz`` in a folder, each once: programs whole and what tests them.

    Errors: ``DataSetError`` where there is none, or one is not a file of HumanEval-Infilling.
    """
    paths = sorted(folder.glob("*.jsonl.gz"))
    if not paths:
        raise DataSetError(f"{folder} has no *.jsonl.gz; give the folder of HumanEval-Infilling's files")
    texts: dict[str, None] = {}
    for path in paths:
        try:
            lines = gzip.decompress(path.read_bytes()).decode().splitlines()
            for line in lines:
                prompt, solution, suffix, test = (str(json.loads(line)[key]) for key in _BENCHMARK_KEYS)
                texts[prompt + solution + suffix] = None
                texts[test] = None
        except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
            raise DataSetError(f"{path} is no file of HumanEval-Infilling ({error!r}); remove it") from error
    return list(texts)


def write_grams(path: Path, grams: Hashes) -> None:
    """Write sorted hashes, 8 bytes each, little-endian."""
    path.write_bytes(grams.astype("<u8").tobytes())


def read_grams(path: Path) -> Hashes:
    """What ``write_grams`` wrote. Errors: ``DataSetError`` where the file is missing or cut."""
    try:
        return np.frombuffer(path.read_bytes(), dtype="<u8").astype(np.uint64)
    except (OSError, ValueError) as error:
        raise DataSetError(
            f"{path} cannot be read ({error}); without it benchmarks would be trained on, so restore it"
        ) from error
