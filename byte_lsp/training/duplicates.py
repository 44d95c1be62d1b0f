"""Files that are the same, or nearly: one stays.

Nearly the same is a Jaccard similarity of at least ``NEAR`` between the sets of runs of five words (Broder,
On the resemblance and containment of documents, 1997). MinHash signatures in bands find the pairs, the sets
themselves decide.
"""

from collections import defaultdict
from hashlib import blake2b

import numpy as np

from byte_lsp.training.words import Hashes, hash_grams

NEAR = 0.7
_SHINGLE_WORDS = 5
_FEWEST_SHINGLES = 20
_BANDS = 16
_BAND_ROWS = 4
_FACTORS = np.random.default_rng(5).integers(1, 2**63, _BANDS * _BAND_ROWS, dtype=np.uint64) * 2 + 1


class Duplicates:
    """Tells of each file whether one like it was added before. Add first what is to be kept."""

    def __init__(self) -> None:
        self._exact: set[bytes] = set()
        self._shingles: list[Hashes] = []
        self._bands: defaultdict[bytes, list[int]] = defaultdict(list)

    def add_exact(self, text: str) -> bool:
        """Add a text; False where one was there that differs in white space alone."""
        digest = blake2b(" ".join(text.split()).encode(), digest_size=16).digest()
        if digest in self._exact:
            return False
        self._exact.add(digest)
        return True

    def add_near(self, words: Hashes) -> bool:
        """Add a file's words; where a file nearly the same was there, False, and nothing is added."""
        shingles = np.unique(hash_grams(words, _SHINGLE_WORDS))
        if len(shingles) < _FEWEST_SHINGLES:
            return True
        keys = _band_keys(shingles)
        candidates = {index for key in keys for index in self._bands.get(key, ())}
        if any(_similarity(shingles, self._shingles[index]) >= NEAR for index in sorted(candidates)):
            return False
        for key in keys:
            self._bands[key].append(len(self._shingles))
        self._shingles.append(shingles)
        return True


def _band_keys(shingles: Hashes) -> list[bytes]:
    signature = np.array([(shingles * factor).min() for factor in _FACTORS], dtype="<u8")
    rows = signature.reshape(_BANDS, _BAND_ROWS)
    return [bytes([band]) + row.tobytes() for band, row in enumerate(rows)]


def _similarity(left: Hashes, right: Hashes) -> float:
    common = len(np.intersect1d(left, right, assume_unique=True))
    return common / (len(left) + len(right) - common)
