"""What ordinary tools do at a cursor inside a token: for comparison, and for what needs no exact figure.

Both are restricted sets of contexts, drawn from the bare model without the canonical process, as those tools
do: `complete`, `next-byte` and `bench` show these. `eval bias` scores texts by the same sets of contexts in
the canonical process (``model.ContextSet``), so that the difference is in the contexts alone:

* ``plain``: the tokens of the prefix as they are, then any token.
* ``healing``: the last token is rolled back and the next one must begin with its bytes.
"""

import math
from copy import copy
from dataclasses import replace

import numpy as np

from byte_lsp.bytes.canonical import Restricted, Row, log_sum, sharpen
from byte_lsp.bytes.covers import CoverContext, CoverSet
from byte_lsp.bytes.framing import Framing
from byte_lsp.engines.protocol import TRUNK_END, Engine, TokenTree
from byte_lsp.tokens.contexts import ContextFinder
from byte_lsp.tokens.extendable import Tail


class BareProcess:
    """The model's own next-token distribution; only tokens that stand for nothing are left out."""

    def __init__(self, finder: ContextFinder, framing: Framing) -> None:
        self.finder = finder
        pieces = finder.tokenizer.pieces
        self._without_text = np.array(
            [token for token, piece in enumerate(pieces) if not piece], dtype=np.intp
        )
        self._none = np.zeros(len(pieces), dtype=np.bool_)
        self._frame(framing)

    def framed(self, framing: Framing) -> "BareProcess":
        """The same process in another framing, at no cost to speak of."""
        other = copy(self)
        other._frame(framing)
        return other

    def _frame(self, framing: Framing) -> None:
        self.framing = framing
        self._ends = frozenset(framing.ends)
        self._silent = self._without_text[~np.isin(self._without_text, framing.ends)]

    def restrict(self, tail: Tail, row: Row, temperature: float = 1.0) -> Restricted:
        """The row, tokens that neither stand for text nor end it at minus infinity."""
        masked = row.copy() if temperature == 1.0 else sharpen(row, temperature)
        masked[self._silent] = -np.inf
        return Restricted(masked, log_sum(masked), 0.0, self._none)

    def logprob(self, tail: Tail, row: Row, token: int) -> float:
        """The log-probability (nats) of a token that may be drawn."""
        # In place: what a row goes through, once a token, is mostly the time that memory takes.
        weights = row.copy()
        weights[self._silent] = -np.inf
        highest = weights.max()
        weights -= highest
        np.exp(weights, out=weights)
        return float(row[token] - highest) - math.log(weights.sum())

    def follows(self, tail: Tail, token: int) -> bool:
        """Any token that stands for text or ends it may follow."""
        return bool(self.finder.tokenizer.pieces[token]) or token in self._ends

    def is_end(self, token: int) -> bool:
        """Whether the token says that the text is over."""
        return token in self._ends


def weigh_plain(engine: Engine, process: BareProcess, prefix: bytes, temperature: float = 1.0) -> CoverSet:
    """The one context that plain tokenization has: all of ``encode(prefix)``."""
    tokens = tuple(process.finder.tokenizer.encode(prefix))
    return _single(engine, process, prefix, tokens, b"", temperature)


def weigh_healing(engine: Engine, process: BareProcess, prefix: bytes, temperature: float = 1.0) -> CoverSet:
    """The one context that token healing has: ``encode(prefix)`` without its last token."""
    tokens = tuple(process.finder.tokenizer.encode(prefix))
    residual = process.finder.tokenizer.pieces[tokens[-1]] if tokens else b""
    return _single(engine, process, prefix, tokens[:-1], residual, temperature)


def weigh_healed_bytes(engine: Engine, process: BareProcess, prefix: bytes) -> CoverSet:
    """Token healing for the next byte: a longer token in place of the last, or any token after that."""
    tokens = process.finder.tokenizer.encode(prefix)
    if not tokens:
        return weigh_plain(engine, process, prefix)
    healed = weigh_healing(engine, process, prefix)
    plain = weigh_plain(engine, process, prefix)
    (rolled_back,), (whole,) = healed.contexts, plain.contexts
    kept = float(rolled_back.log_q1[rolled_back.tokens == tokens[-1]][0])
    pieces = process.finder.tokenizer.pieces
    longer = np.array([len(pieces[token]) > len(rolled_back.residual) for token in rolled_back.tokens])
    q1 = np.where(longer, rolled_back.log_q1, -np.inf)
    after = whole.log_q1 - log_sum(whole.log_q1) + kept
    contexts = [
        replace(rolled_back, log_weights=q1, log_q1=q1),
        replace(whole, log_weights=after, log_q1=after),
    ]
    return CoverSet(contexts, 0.0, healed.tokens_evaluated + plain.tokens_evaluated, 2)


def _single(
    engine: Engine,
    process: BareProcess,
    prefix: bytes,
    tokens: tuple[int, ...],
    residual: bytes,
    temperature: float,
) -> CoverSet:
    before = engine.tokens_evaluated
    path = (*process.framing.head, *tokens)
    row = engine.evaluate(TokenTree(path), [TRUNK_END])[0]
    tail = process.finder.canon.tail(process.finder.tokenizer.decode(tokens), tokens).since_settled()
    candidates = np.array(process.finder.index.beginning_with(residual)) if residual else np.arange(len(row))
    hot = process.restrict(tail, row, temperature).row[candidates]
    q1 = process.restrict(tail, row).row[candidates]
    context = CoverContext(path, tail, residual, candidates, hot, q1)
    return CoverSet([context], 0.0, engine.tokens_evaluated - before, 1)
