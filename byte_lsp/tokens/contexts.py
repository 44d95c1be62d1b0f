"""Extendable contexts of a byte prefix, and the tokens that cover its end."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from byte_lsp.tokens.admission import Admissions
from byte_lsp.tokens.characters import incomplete_tail
from byte_lsp.tokens.extendable import Canon, Tail, words_to_tokens
from byte_lsp.tokens.tokenizer import Tokenizer

_FEW_TOKENS = 64
_FIRST_TOKENS = 2  # asked one by one: mostly one of them will do
_KEPT_ANSWERS = 1 << 14


@dataclass(frozen=True, slots=True)
class Context:
    """An extendable token sequence that ends at a boundary of the prefix.

    ``tokens`` spell the prefix from its first byte up to the boundary, without the bytes that the vocabulary
    cannot spell (``Tokenizer.unspellable``); ``residual`` is the rest of it. One
    of the context's covers is the context and a token whose piece begins with the residual and runs past it.
    """

    tokens: tuple[int, ...]
    residual: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """All contexts of a prefix: ``shared`` tokens that all of them begin with, and each one's own tail."""

    shared: tuple[int, ...]
    ends: tuple[tuple[Tail, bytes], ...]

    def contexts(self) -> list[Context]:
        """The contexts in full, shortest residual first."""
        return [Context(self.shared + tail.tokens, residual) for tail, residual in self.ends]


class PieceIndex:
    """Tokens by the bytes their pieces begin with; ``ids`` are ``tokens`` as an array."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.tokens = sorted((token for token, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self.ids = np.array(self.tokens, dtype=np.intp)
        self._pieces = [pieces[token] for token in self.tokens]
        self.branches = lru_cache(maxsize=1 << 12)(self._find_branches)

    def span(self, beginning: bytes) -> tuple[int, int]:
        """The range of ``tokens`` whose pieces begin with these bytes and are longer."""
        low, high = self._range(beginning)
        while low < high and len(self._pieces[low]) == len(beginning):
            low += 1
        return low, high

    def spelling(self, piece: bytes) -> list[int]:
        """The tokens with exactly this piece."""
        low = bisect_left(self._pieces, piece)
        return self.tokens[low : bisect_right(self._pieces, piece)]

    def beginning_with(self, beginning: bytes) -> list[int]:
        """Tokens whose pieces begin with these bytes, equal ones included."""
        low, high = self._range(beginning)
        return self.tokens[low:high]

    def narrow(self, low: int, high: int, depth: int, byte: int) -> tuple[int, int, int]:
        """Of the places ``low`` to ``high``, whose pieces agree in ``depth`` bytes, those that have ``byte``
        next.

        Returns (first, cut, last): the pieces up to ``cut`` end with that byte, those from there run on.
        """
        pieces = self._pieces
        low = bisect_left(pieces, byte, low, high, key=lambda piece: piece[depth])
        high = bisect_right(pieces, byte, low, high, key=lambda piece: piece[depth])
        cut = low
        while cut < high and len(pieces[cut]) == depth + 1:
            cut += 1
        return low, cut, high

    def _find_branches(self, low: int, high: int, depth: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Where the next byte changes among places ``low`` to ``high``, and what it is from there on."""
        nexts = np.array([piece[depth] for piece in self._pieces[low:high]], dtype=np.intp)
        changes = np.flatnonzero(np.diff(nexts, prepend=-1))
        return changes + low, nexts[changes]

    def bytes_after(self, beginning: bytes) -> Iterator[int]:
        """The bytes that follow ``beginning`` in some piece, ascending."""
        low, high = self.span(beginning)
        while low < high:
            byte = self._pieces[low][len(beginning)]
            yield byte
            _, low = self._range(beginning + bytes([byte]))

    def _range(self, beginning: bytes) -> tuple[int, int]:
        last = beginning.rstrip(b"\xff")
        low = bisect_left(self._pieces, beginning)
        return low, bisect_left(self._pieces, last[:-1] + bytes([last[-1] + 1])) if last else len(
            self._pieces
        )


class ContextFinder:
    """Finds the contexts of byte prefixes for one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.canon = Canon(tokenizer)
        self.index = PieceIndex(tokenizer.pieces)
        self._standing: dict[tuple[bytes, tuple[int, ...]], bool] = {}

    @cached_property
    def admissions(self) -> Admissions:
        """What may follow a sequence, for the whole vocabulary at once."""
        return Admissions(self.canon)

    def prepare(self) -> Iterator[None]:
        """Make what requests need sooner or later, a piece at each step: they need not wait for it then.

        The first takes a third of a second, but no request can do without that.
        """
        admissions = self.admissions
        yield
        yield from admissions.prepare()

    def frontier(self, prefix: bytes) -> Frontier:
        """Every extendable context of ``prefix`` that some extendable cover continues."""
        settled, certain = self.canon.settle(prefix)
        # What the residual settles may still change where something else follows a context.
        start, shared = self.canon.settle(prefix[:settled])
        between = certain[len(shared) :]
        text = prefix[settled:]
        ends: dict[tuple[int, ...], tuple[Tail, bytes]] = {}
        for at, tokens, begun in self._candidates(text):
            if tokens in ends:
                continue
            tail, residual = self.canon.tail(text[:at], tokens), text[at:]
            if self._covered(tail, residual, begun) if residual else self._stands(tail):
                ends[tokens] = self.canon.tail(prefix[start : settled + at], between + tokens), residual
        return Frontier(shared, tuple(sorted(ends.values(), key=lambda end: len(end[1]))))

    def _covered(self, tail: Tail, residual: bytes, begun: bytes) -> bool:
        """Whether some token that begins with ``residual`` runs past it in the word ``begun``."""
        candidates = (
            token
            for byte in self._bytes_inside(tail, residual, begun)
            for token in self.index.beginning_with(residual + bytes([byte]))
        )
        return any(
            (not begun or tail.seam_holds(begun, token))
            and tail.admits(token)
            and self._stands(tail.push(token))
            for token in (self._sift(tail, candidates) if begun else candidates)
        )

    def _sift(self, tail: Tail, candidates: Iterator[int]) -> Iterator[int]:
        """The candidates without those that the merges do not leave standing behind the tail.

        The first few are let through: asking about them costs less.
        """
        yield from islice(candidates, _FIRST_TOKENS)
        others = list(candidates)
        if others:
            standing = self.admissions.standing
            possible = standing.behind(tail) | standing.odd
            yield from (token for token in others if possible[token])

    def _stands(self, tail: Tail) -> bool:
        """Whether some text begins with exactly this tail."""
        known = self._standing.get((tail.text, tail.tokens))
        if known is None:
            known = self._standing[tail.text, tail.tokens] = self._find_standing(tail)
            if len(self._standing) > _KEPT_ANSWERS:
                self._standing.clear()
        return known

    def _find_standing(self, tail: Tail) -> bool:
        if incomplete_tail(tail.text):
            return self.canon.stands_invalid(tail.text, tail.tokens) or self._is_completed(tail)
        if self.canon.stands(tail.text, tail.tokens):
            return True
        outcomes = self.canon.outcomes(tail.text, b"")
        words = {tail.begun_word(outcome.words) for outcome in outcomes if outcome.atom == -1}
        # Where a split needs the word to go on, the merges must let it: of all the letters that may follow a
        # space there can be none that does not merge with it.
        return any(self._covered(tail, b"", begun) for begun in words if begun)

    def _is_completed(self, tail: Tail) -> bool:
        """Whether a character that has begun at the end can be completed, token by token.

        Which characters can follow decides how the text before them is split, and the bytes of a character
        decide how it is merged: both have to be the same character's.
        """
        return any(
            tail.admits(token) and self._stands(tail.push(token))
            for byte in range(0x80, 0xC0)
            for token in self.index.beginning_with(bytes([byte]))
        )

    def _bytes_inside(self, tail: Tail, residual: bytes, begun: bytes) -> list[int]:
        """Bytes that follow ``residual`` in a piece and can do so in one word with ``begun``.

        Saves asking most tokens one by one.
        """
        low, high = self.index.span(residual)
        if high - low <= _FEW_TOKENS:
            return list(self.index.bytes_after(residual))
        possible = self.canon.bytes_inside(tail.text, residual, len(tail.text) - len(begun))
        return [byte for byte in self.index.bytes_after(residual) if byte in possible]

    def _candidates(self, text: bytes) -> Iterator[tuple[int, tuple[int, ...], bytes]]:
        """Boundaries up to the end of ``text``: offset, tokens up to it, the unfinished word."""
        end = len(text)
        for outcome in self.canon.outcomes(text, b""):
            tokens, start = words_to_tokens(self.tokenizer, text, outcome.words)
            if outcome.atom >= 0:
                yield start, tokens, b""
                continue
            for at in range(max(start, end - self.tokenizer.vocabulary.longest_piece), end + 1):
                low, high = self.index.span(text[at:])
                if low < high or at == end:
                    begun = text[start:at]
                    yield at, tokens + (self.tokenizer.merges.encode(begun) if begun else ()), begun


def contexts(tokenizer: Tokenizer, prefix: bytes) -> list[Context]:
    """All extendable contexts of ``prefix``, shortest residual first.

    For every text ``s`` that begins with the prefix, the tokens of ``encode(s)`` up to the one that crosses
    the end of the prefix (or begins there) are among the contexts, and that token's piece begins with the
    residual.
    """
    return finder(tokenizer).frontier(prefix).contexts()


@lru_cache(maxsize=8)
def finder(tokenizer: Tokenizer) -> ContextFinder:
    """The finder of a tokenizer, made once."""
    return ContextFinder(tokenizer)
