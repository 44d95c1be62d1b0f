"""The cheap exact path: draw a cover, emit its bytes past the prefix, go on token by token.

Exact because the covers partition the texts that extend the prefix, and because drawing a token again
whenever it leaves the extendable set is drawing from the canonical process. So beyond the covers nothing
is restricted or renormalised, unless somebody asks what a draw's probability was.

With a drafter the rows behind guessed tokens come in the same batch. Each token is drawn as ever, from the
row behind those drawn before it, for as long as the guess agrees with what was drawn: drafts change how many
batches a text takes, and nothing else.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

import numpy as np

from byte_lsp.bytes.canonical import Process, Row, descending, sharpen
from byte_lsp.bytes.covers import Cover, CoverSet, draw_cover
from byte_lsp.bytes.drafts import Drafter
from byte_lsp.bytes.draws import NOTHING_FOLLOWS, draw_accepted
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree, agreement, tree_of
from byte_lsp.errors import EngineError


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


class Drawing:
    """One continuation on its way: ``first``, and a further step for every answer of the model.

    The first step is ``cover``, or drawn from the covers. ``wanted`` is the token path whose row the next
    step needs, None once the text has ended or the model's context is full. ``text`` are the bytes past the
    prefix so far, ``drawn`` the tokens that brought them, ``tail`` the end of the token sequence.
    """

    def __init__(
        self,
        process: Process,
        covers: CoverSet,
        sampling: Sampling,
        context_tokens: int,
        cover: Cover | None = None,
        scoring: Process | None = None,
    ) -> None:
        self.process = process
        self._scoring = scoring or process
        self._sampling = sampling
        self._generator = sampling.generator()
        self._context_tokens = context_tokens
        if cover is None:
            cover = draw_cover(process, covers, self._generator, sampling.top_p)
        context = covers.contexts[cover.context]
        piece = process.finder.tokenizer.pieces[cover.token]
        self._path, self.tail = context.path, context.tail
        self.first = Step(
            piece[len(context.residual) :], process.is_end(cover.token), partial(_known, cover.logprob)
        )
        self.wanted: tuple[int, ...] | None = None
        self.text = b""
        self.drawn: list[int] = []
        self._go_on(cover.token, self.first)

    def take(self, row: Row) -> Step:
        """Draw the next token from the model's logits after ``wanted``, shape (vocabulary size,)."""
        tail, token = self.tail, self._draw(row)
        ended = self.process.is_end(token)
        data = b"" if ended else self.process.finder.tokenizer.pieces[token]
        step = Step(data, ended, partial(self._scoring.logprob, tail, row, token))
        self._go_on(token, step)
        return step

    def take_along(self, draft: Sequence[int], rows: Sequence[Row]) -> list[Step]:
        """Draw as long as ``draft`` holds: ``rows[i]`` are the logits after ``wanted`` and ``draft[:i]``.

        One step, and a further one for each token of ``draft`` that was drawn: at most ``len(draft) + 1``.
        """
        steps = [self.take(rows[0])]
        for token, row in zip(draft, rows[1:], strict=True):
            if self.wanted is None or self.drawn[-1] != token:
                break
            steps.append(self.take(row))
        return steps

    def _go_on(self, token: int, step: Step) -> None:
        self.text += step.data
        self.drawn.append(token)
        if step.ended or len(self._path) + 1 >= self._context_tokens:
            self.wanted = None
            return
        self._path, self.tail = (*self._path, token), self.tail.push(token)
        self.wanted = self._path

    def _draw(self, row: Row) -> int:
        follows = partial(self.process.follows, self.tail)
        if self._generator is None:
            best = next((token for token in descending(row) if follows(token)), None)
            if best is None:
                raise EngineError(NOTHING_FOLLOWS)
            return best
        temperature, top_p = self._sampling.temperature, self._sampling.top_p
        # A part of the whole has to know the whole, and what cannot follow is none of it.
        hot = (
            sharpen(row, temperature)
            if top_p == 1
            else self.process.restrict(self.tail, row, temperature).row
        )
        return draw_accepted(hot, top_p, follows, self._generator)


class Sampler:
    """Draws continuations from weighed covers, with the help of a ``drafter`` if there is one.

    ``scoring`` is what steps' log-probabilities are worked out with, ``process`` if there is none: those of
    the canonical process take time, and for some purposes the bare model's do.
    """

    def __init__(
        self,
        engine: Engine,
        process: Process,
        drafter: Drafter | None = None,
        scoring: Process | None = None,
    ) -> None:
        self.engine = engine
        self.process = process
        self.drafter = drafter
        self.scoring = scoring

    def begin(self, covers: CoverSet, sampling: Sampling, cover: Cover | None = None) -> Drawing:
        """A continuation that begins with ``cover``, or as it is drawn from the covers."""
        return Drawing(self.process, covers, sampling, self.engine.context_tokens, cover, self.scoring)

    def steps(self, covers: CoverSet, sampling: Sampling, cover: Cover | None = None) -> Iterator[Step]:
        """Draws one token after another until the text ends or the model's context is full."""
        drawing = self.begin(covers, sampling, cover)
        yield drawing.first
        while drawing.wanted is not None:
            yield from self.advance([drawing])[0]

    def count_fitting(self, drawings: Sequence[Drawing]) -> int:
        """How many of some drawings that want a step, from the first on, one batch has room for.

        One at least. Engines have room for a tree of as many tokens as a text may have.
        """
        paths = [drawing.wanted for drawing in drawings if drawing.wanted is not None]
        common = agreement(min(paths), max(paths))
        totals = accumulate((len(path) - common for path in paths), initial=common)
        return max(1, sum(total <= self.engine.context_tokens for total in totals) - 1)

    def advance(self, drawings: Sequence[Drawing]) -> list[list[Step]]:
        """The next steps of each of some drawings that want one, all evaluated in one batch.

        One for each drawing, and more for one that grows alone where its draft holds: several fill a batch.
        """
        if len(drawings) == 1 and self.drafter is not None:
            return [self._advance_along(drawings[0], self.drafter)]
        tree, nodes = tree_of([drawing.wanted for drawing in drawings if drawing.wanted is not None])
        rows = self.engine.evaluate(tree, nodes)
        return [[drawing.take(row)] for drawing, row in zip(drawings, rows, strict=True)]

    def _advance_along(self, drawing: Drawing, drafter: Drafter) -> list[Step]:
        assert drawing.wanted is not None
        room = self.engine.context_tokens - len(drawing.wanted) - 1
        draft = tuple(drafter.propose(drawing.text, drawing.tail))[:room]
        line = range(TRUNK_END, len(draft))
        tree = TokenTree(drawing.wanted, draft, tuple(line[:-1]), guessed=True)
        evaluated, started = self.engine.tokens_evaluated, time.perf_counter()
        rows = self.engine.evaluate(tree, line)
        seconds, evaluated = time.perf_counter() - started, self.engine.tokens_evaluated - evaluated
        steps = drawing.take_along(draft, list(rows))
        # A batch that first had to catch up says nothing of what tokens cost.
        drafter.learn(drawing.drawn[-len(steps) :], len(draft), seconds if evaluated == len(line) else None)
        return steps


def _known(logprob: float) -> float:
    return logprob
