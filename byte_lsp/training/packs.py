"""Rows of equal length, so that hardly a place of a batch is padding.

Examples are made to fill their row, windows being ours to choose. What is short of it is padded on the right,
where causal attention never looks.
"""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from byte_lsp.errors import TrainingError
from byte_lsp.training.documents import Document, Documents
from byte_lsp.training.examples import Example, ExampleMaker
from byte_lsp.training.excerpts import draw_excerpt
from byte_lsp.training.spans import SpanKind, draw_kind, draw_span

ROW_SHARES: Mapping[int, float] = {128: 0.36, 256: 0.46, 512: 0.13, 1024: 0.05}
"""Shares of tokens by the length of their row. What teaches is the middles, and short rows hold more of them
for the same work; but a model that saw short ones alone makes less of a suffix that is far away.
"""

CHUNK_PROBABILITY = 0.3
"""How often lines of another file of the same package come first in a long row, both paths as comments."""

_LONG_ROW = 512
_LEAST_FILLED = 0.6
_MOST_TRIES = 200
_TRIES_OF_A_KIND = 25
_TRIES_OF_AN_EXCERPT = 10


@dataclass(frozen=True, slots=True)
class Pack:
    """Arrays [rows, length]: token ids, those that follow them, and the weights of their losses.

    ``begun``: the first bytes of some targets, which are known, by place, counted through all rows.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    weights: NDArray[np.float32]
    begun: Mapping[int, bytes]

    @property
    def tokens(self) -> int:
        """How many places the model computes."""
        return int(self.inputs.size)


class Packer:
    """Draws packs from documents: the same seed and number, the same pack."""

    def __init__(
        self,
        documents: Documents,
        maker: ExampleMaker,
        shares: Mapping[str, float],
        seed: int,
        row_shares: Mapping[int, float] = ROW_SHARES,
        excerpts: float = 0.0,
    ) -> None:
        """``shares`` are weights of languages; ``excerpts`` is the share of the examples that are made of one
        definition each, beside last lines, which always are. Errors: ``TrainingError`` for a language without
        documents.
        """
        missing = sorted(set(shares) - set(documents.bytes_of_language))
        if missing:
            raise TrainingError(
                f"the data set has no {missing[0]}; it has {', '.join(documents.bytes_of_language)}"
            )
        self._documents = documents
        self._maker = maker
        self._shares = shares
        self._seed = seed
        self._row_shares = row_shares
        self._excerpts = excerpts

    def pack(self, number: int, tokens: int) -> Pack:
        """The pack of that number: rows of one length, ``tokens`` places in all or one row."""
        rng = random.Random(_seed_of(self._seed, number))
        length = rng.choices(list(self._row_shares), list(self._row_shares.values()))[0]
        return fill_rows([self.example(length, rng) for _ in range(max(1, tokens // length))], length)

    def example(self, length: int, rng: random.Random) -> Example:
        """An example that fills most of a row of ``length``. Errors: ``TrainingError`` if none does."""
        language = rng.choices(list(self._shares), list(self._shares.values()))[0]
        kind, excerpt = self._draw_kind(rng)
        for attempt in range(_MOST_TRIES):
            if attempt % _TRIES_OF_A_KIND == _TRIES_OF_A_KIND - 1:
                kind, excerpt = self._draw_kind(rng)
            document = self._documents.draw(language, rng)
            if excerpt:
                found = draw_excerpt(document, rng)
                if found is None and attempt % _TRIES_OF_A_KIND < _TRIES_OF_AN_EXCERPT:
                    continue
                document = found or document
            span = draw_span(document.lines, kind, rng)
            if span is None:
                kind, excerpt = self._draw_kind(rng)
                continue
            other = self._other(document, rng) if length >= _LONG_ROW and not excerpt else None
            example = self._maker.make(document, span, length, rng, other)
            least = length * _LEAST_FILLED if attempt < _MOST_TRIES // 2 else 0
            if example and len(example.tokens) - 1 >= least:
                return example
        raise TrainingError(f"no {language} document of the data set makes an example of {length} tokens")

    def _draw_kind(self, rng: random.Random) -> tuple[SpanKind, bool]:
        """A kind, and whether it is one of an excerpt: a last line always is."""
        kind = draw_kind(rng)
        return kind, kind == "last" or rng.random() < self._excerpts

    def _other(self, document: Document, rng: random.Random) -> Document | None:
        return self._documents.neighbour(document, rng) if rng.random() < CHUNK_PROBABILITY else None


def fill_rows(examples: Sequence[Example], length: int) -> Pack:
    """One example a row, padded to ``length``."""
    shape = len(examples), length
    inputs, targets = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    weights = np.zeros(shape, np.float32)
    begun = {}
    for row, example in enumerate(examples):
        used = len(example.tokens) - 1
        inputs[row, :used] = example.tokens[:-1]
        targets[row, :used] = example.tokens[1:]
        weights[row, :used] = example.weights
        if example.begun and example.middle_at:
            begun[row * length + example.middle_at - 1] = example.begun
    return Pack(inputs, targets, weights, begun)


def _seed_of(seed: int, number: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:8])
