"""What must hold of every text and byte offset under one vocabulary (design, section 2).

* Token ids are llama.cpp's own on valid UTF-8.
* For every text ``s`` and offset ``n`` the tokens of ``encode(s)`` through the one that crosses ``n`` are
  among the covers of ``s[:n]``.
* Every context listed is extendable: a text is found that begins with it and goes on past the residual.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, product
from typing import Literal, Protocol

from byte_lsp.evaluation.coverage_texts import ODD, edge_characters
from byte_lsp.tokens.characters import decode, encode, incomplete_tail
from byte_lsp.tokens.contexts import Frontier, finder
from byte_lsp.tokens.extendable import Tail
from byte_lsp.tokens.lookahead import Lookahead
from byte_lsp.tokens.pretokenizer import PreTokenizer
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.vocabulary import SPACE_MARK, Kind

PROBES: Sequence[bytes] = (
    b"",
    *ODD,
    *(b"s", b"re", b"ll", b"LL", b"0", b'"', b".", b"/", b" a", b" 1", b" (", b"\n ", b"1a", b"123 "),
    *(b"\x80", b"\x98\x80", b"\x9f\x98\x80"),
)
"""What may follow a text, for the search of witnesses."""

_UNDECIDED = (b" ", b"\n", b"\t", b"\r\n", "\u3000".encode(), b"1", "\u0663".encode(), b"'")
_CONTINUATIONS = [bytes([byte]) for byte in range(0x80, 0xC0)]
PAIRS_OF_PROBES: Sequence[bytes] = [
    first + second for first, second in product(_UNDECIDED, (*_UNDECIDED, b"a", b"(", b"re", b"\0"))
]
"""Two characters, of which the first leaves the words before it undecided."""

_SPLIT_BY_LLAMA_CPP = ("<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>")


class Encoder(Protocol):
    """llama.cpp's own tokenizer."""

    def encode(self, text: bytes) -> list[int]:
        """Token ids of a text, without start token, end token or dummy space."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """A text, and a byte offset in it, for which something does not hold."""

    kind: Literal["miss", "unextendable", "ids"]
    text: bytes
    offset: int
    detail: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that the vocabulary can spell, its tokens, and the byte offsets at which they end."""

    text: bytes
    tokens: tuple[int, ...]
    ends: Sequence[int]


class Checker:
    """The checks of one vocabulary. Without ``native`` ids are not compared; ``frontier`` finds contexts."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        native: Encoder | None = None,
        frontier: Callable[[bytes], Frontier] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self._native = native
        self._frontier = frontier or finder(tokenizer).frontier
        splitter = tokenizer.splitter
        self._lookahead = Lookahead(splitter) if isinstance(splitter, PreTokenizer) else None
        self._index = finder(tokenizer).index
        self._unspellable = bytes(sorted(tokenizer.unspellable))
        self._reserved = _reserved(tokenizer)
        self._witness = lru_cache(maxsize=1 << 16)(self._find_witness)

    def passage(self, text: bytes) -> Passage:
        """A text without the bytes that the vocabulary cannot spell, encoded."""
        text = text.translate(None, self._unspellable)
        tokens = tuple(self.tokenizer.encode(text))
        return Passage(text, tokens, list(accumulate(len(self.tokenizer.pieces[token]) for token in tokens)))

    def check_ids(self, text: bytes) -> Iterator[Failure]:
        """Compare ids with llama.cpp's, where both mean the same by the text."""
        if self._native is None or not self.is_comparable(text):
            return
        ours, native = self.tokenizer.encode(text), self._native.encode(text)
        if ours != native:
            yield Failure("ids", text, 0, f"{ours} here, {native} in llama.cpp")

    def check_offset(self, passage: Passage, offset: int) -> tuple[int, list[Failure]]:
        """Check one offset below the text's length; also the number of contexts found there."""
        prefix = passage.text[:offset]
        frontier = self._frontier(prefix)
        at = bisect_right(passage.ends, offset)
        start = passage.ends[at - 1] if at else 0
        true = passage.tokens[:at], passage.text[start:offset]
        failures = []
        covered = False
        for tail, residual in frontier.ends:
            context = frontier.shared + tail.tokens
            if (context, residual) == true:
                covered = tail.admits(passage.tokens[at])
            elif not self._is_extendable(frontier.shared, tail, residual, prefix):
                failures.append(Failure("unextendable", passage.text, offset, f"no witness for {context}"))
        if not covered:
            detail = f"no cover {(*true[0], passage.tokens[at])}"
            failures.append(Failure("miss", passage.text, offset, detail))
        return len(frontier.ends), failures

    def is_comparable(self, text: bytes) -> bool:
        """Whether byte-lsp promises llama.cpp's ids: for valid UTF-8 without what it takes for text."""
        try:
            text.decode()
        except UnicodeDecodeError:
            return False
        return not any(spelling in text for spelling in self._reserved)

    def _is_extendable(self, shared: tuple[int, ...], tail: Tail, residual: bytes, prefix: bytes) -> bool:
        context = shared + tail.tokens
        if self.tokenizer.decode(context) + residual != prefix:
            return False
        witness = self._witness(tail.text, tail.tokens, residual)
        if witness is None:
            return False
        rest, token = witness
        text, wanted = prefix + rest, context if token is None else (*context, token)
        encoder = self._native if self._native and self.is_comparable(text) else self.tokenizer
        return tuple(encoder.encode(text)[: len(wanted)]) == wanted

    def _find_witness(
        self, text: bytes, tokens: tuple[int, ...], residual: bytes
    ) -> tuple[bytes, int | None] | None:
        """A continuation that proves the context, and the token that crosses the residual's end."""
        for rest in self._rests(text, tokens, residual):
            token = self._crosses(text + residual + rest, tokens, residual)
            if token is not None:
                return rest, token if residual else None
        return None

    def _rests(self, text: bytes, tokens: tuple[int, ...], residual: bytes) -> Iterator[bytes]:
        """What may follow, the most telling first: a few probes, then what covers add, then all of it."""
        yield from PROBES
        yield from self._rests_of_covers(text, tokens, residual)
        yield from chain(_completed(text + residual), self._telling(text + residual), PAIRS_OF_PROBES)
        for rest in self._rests_of_covers(text, tokens, residual):
            begun = text + residual + rest
            yield from (rest + more for more in chain(PROBES, _completed(begun), self._telling(begun)))

    def _rests_of_covers(self, text: bytes, tokens: tuple[int, ...], residual: bytes) -> Iterator[bytes]:
        """The bytes past the residual of each token said to cover it, or to complete a character."""
        tail = finder(self.tokenizer).canon.tail(text, tokens)
        beginnings = [residual] if residual else _CONTINUATIONS if incomplete_tail(text) else []
        for token in chain.from_iterable(map(self._index.beginning_with, beginnings)):
            piece = self.tokenizer.pieces[token]
            if len(piece) > len(residual) and tail.admits(token):
                yield piece[len(residual) :]

    def _telling(self, text: bytes) -> Iterator[bytes]:
        """Continuations after which the pre-tokenizer splits a text in all ways it knows."""
        if self._lookahead is not None and not incomplete_tail(text):
            yield from map(encode, self._lookahead.after(decode(text)))

    def _crosses(self, text: bytes, tokens: tuple[int, ...], residual: bytes) -> int | None:
        """The token behind ``tokens`` in the text if it runs past ``residual``; -1 for the text's end."""
        seen = tuple(self.tokenizer.encode(text)[: len(tokens) + 1])
        if seen[: len(tokens)] != tokens:
            return None
        if len(seen) == len(tokens):
            return None if residual else -1
        piece = self.tokenizer.pieces[seen[-1]]
        return seen[-1] if piece.startswith(residual) and len(piece) > len(residual) else None


def _completed(text: bytes) -> Iterator[bytes]:
    """What completes the character that a text ends inside, and goes on from there."""
    head = text[len(text) - incomplete_tail(text) :]
    characters = map(str.encode, edge_characters()) if head else ()
    rests = [character[len(head) :] for character in characters if character.startswith(head)]
    yield from (rest + probe for probe in PROBES for rest in rests)


def _reserved(tokenizer: Tokenizer) -> list[bytes]:
    """Spellings that only llama.cpp finds in a text, and the mark it takes for a space."""
    vocabulary = tokenizer.vocabulary
    found = [
        spelling
        for spelling, kind, piece in zip(
            vocabulary.spellings, vocabulary.kinds, vocabulary.pieces, strict=True
        )
        if (kind == Kind.USER_DEFINED and not piece) or spelling in _SPLIT_BY_LLAMA_CPP
    ]
    return [spelling.encode() for spelling in (*found, *(() if tokenizer.byte_level else (SPACE_MARK,)))]
