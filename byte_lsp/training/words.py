"""Source text as hashed words, for what is alike however it is laid out."""

import re
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_WORD = re.compile(r"[^\W\d]\w*|\d+")
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def find_words(text: str) -> list[str]:
    """Names, keywords and whole numbers in order: no punctuation, no white space."""
    return _WORD.findall(text)


class WordHasher(dict[str, int]):
    """64-bit hashes of words, the same on every machine; remembers the words it was given."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value

    def hash(self, words: list[str]) -> Hashes:
        """One hash a word; shape (words,)."""
        return np.fromiter(map(self.__getitem__, words), dtype=np.uint64, count=len(words))


def hash_grams(hashes: Hashes, length: int) -> Hashes:
    """A hash of every run of ``length`` words; shape (words - length + 1,), or (0,)."""
    count = len(hashes) - length + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    grams = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        grams = grams * _BASE + hashes[offset : offset + count]
    return (grams ^ (grams >> np.uint64(29))) * _MIX
