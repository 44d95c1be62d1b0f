"""The cheap exact path: draw a cover, emit its bytes past the prefix, go on token by token.

Exact because the covers partition the texts that extend the prefix, and because drawing a token again
whenever it leaves the extendable set is drawing from the canonical process. So beyond the covers nothing
is restricted or renormalised, unless somebody asks what a draw's probability was.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from byte_lsp.bytes.canonical import Process, Row, descending, sharpen
from byte_lsp.bytes.covers import Cover, CoverSet, draw_cover
from byte_lsp.bytes.draws import NOTHING_FOLLOWS, draw_accepted
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree
from byte_lsp.errors import EngineError
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
    """Bytes emitted by one draw, and whether the text ended.

    ``logprob`` gives the log-probability (nats) of that draw at temperature 1. It is worked out when asked
    for: it takes longer than the draw.
    """

    data: bytes
    ended: bool
    logprob: Callable[[], float]


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
        yield Step(pieces[cover.token][len(context.residual) :], ended, lambda: cover.logprob)
        path, tail, token = context.path, context.tail, cover.token
        while not ended and len(path) + 1 < self.engine.context_tokens:
            path, tail = (*path, token), tail.push(token)
            row = self.engine.evaluate(TokenTree(path), [TRUNK_END])[0]
            token = self._draw(tail, row, sampling, generator)
            ended = self.process.is_end(token)
            yield Step(b"" if ended else pieces[token], ended, partial(self._logprob, tail, row, token))

    def _logprob(self, tail: Tail, row: Row, token: int) -> float:
        restricted = self.process.restrict(tail, row)
        return float(restricted.row[token]) - restricted.log_mass

    def _draw(self, tail: Tail, row: Row, sampling: Sampling, generator: np.random.Generator | None) -> int:
        if generator is None:
            best = next((token for token in descending(row) if self.process.follows(tail, token)), None)
            if best is None:
                raise EngineError(NOTHING_FOLLOWS)
            return best
        hot = sharpen(row, sampling.temperature)
        return draw_accepted(hot, sampling.top_p, partial(self.process.follows, tail), generator)
