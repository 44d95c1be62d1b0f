"""The cheap exact path: draw a cover, emit its bytes past the prefix, go on token by token.

Exact because the covers partition the texts that extend the prefix, and because drawing a token again
whenever it leaves the extendable set is drawing from the canonical process.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from byte_lsp.bytes.canonical import Process, Row, descending
from byte_lsp.bytes.covers import Cover, CoverSet, draw_cover, nucleus
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree
from byte_lsp.tokens.extendable import Tail


@dataclass(frozen=True, slots=True)
class Sampling:
    """``temperature`` 0 is greedy. ``top_p`` keeps the most probable draws of that total probability."""

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None

    def generator(self) -> np.random.Generator | None:
        """The source of randomness, or None for greedy decoding."""
        return None if self.temperature == 0 else np.random.default_rng(self.seed)


@dataclass(frozen=True, slots=True)
class Step:
    """Bytes emitted by one draw, the log-probability (nats) of that draw, and whether the text ended."""

    data: bytes
    logprob: float
    ended: bool


class Sampler:
    """Draws continuations from weighed covers."""

    def __init__(self, engine: Engine, process: Process) -> None:
        self.engine = engine
        self.process = process

    def steps(self, covers: CoverSet, sampling: Sampling, cover: Cover | None = None) -> Iterator[Step]:
        """Draws one token after another until the text ends or the model's context is full.

        The first is ``cover``, or drawn from the covers.
        """
        generator = sampling.generator()
        if cover is None:
            cover = draw_cover(self.process, covers, generator, sampling.top_p)
        context = covers.contexts[cover.context]
        pieces = self.process.finder.tokenizer.pieces
        ended = self.process.is_end(cover.token)
        yield Step(pieces[cover.token][len(context.residual) :], cover.logprob, ended)
        path, tail, token = context.path, context.tail, cover.token
        while not ended and len(path) + 1 < self.engine.context_tokens:
            path, tail = (*path, token), tail.push(token)
            row = self.engine.evaluate(TokenTree(path), [TRUNK_END])[0]
            token, logprob = self._draw(tail, row, sampling, generator)
            ended = self.process.is_end(token)
            yield Step(b"" if ended else pieces[token], logprob, ended)

    def _draw(
        self, tail: Tail, row: Row, sampling: Sampling, generator: np.random.Generator | None
    ) -> tuple[int, float]:
        restricted = self.process.restrict(tail, row)
        if generator is None:
            token = next(t for t in descending(restricted.row) if self.process.follows(tail, t))
        else:
            hot = (
                self.process.restrict(tail, row, sampling.temperature).row
                if sampling.temperature != 1
                else restricted.row
            )
            token = self._draw_extendable(tail, hot, sampling.top_p, generator)
        return token, float(restricted.row[token]) - restricted.log_mass

    def _draw_extendable(self, tail: Tail, row: Row, top_p: float, generator: np.random.Generator) -> int:
        masses = np.exp(row - row.max())
        if top_p < 1.0:
            masses = nucleus(masses, top_p, lambda token: self.process.follows(tail, token))
        while True:
            sums = np.cumsum(masses)
            token = int(np.searchsorted(sums, generator.random() * sums[-1], side="right"))
            if self.process.follows(tail, token):
                return token
            masses[token] = 0.0
