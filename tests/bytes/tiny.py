"""Tokenizers so small that every text up to some length can be tried, and what trying them all says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product

import numpy as np

from byte_lsp.bytes.canonical import CanonicalProcess
from byte_lsp.bytes.framing import Framing
from byte_lsp.engines.protocol import Logits, TokenTree
from byte_lsp.engines.table import TableEngine
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.vocabulary import SPACE_MARK, Kind, Vocabulary

END = 0
"""The control token that opens and ends every text."""

END_OF_TEXT = 256


@dataclass(frozen=True, eq=False)
class Tiny:
    """A tokenizer, the bytes that its texts are made of, and the length up to which all of them are tried."""

    name: str
    tokenizer: Tokenizer
    alphabet: Sequence[bytes]
    longest_text: int

    @cached_property
    def text_tokens(self) -> list[int]:
        """The tokens that texts over the alphabet can have."""
        allowed = set(b"".join(self.alphabet))
        pieces = self.tokenizer.pieces
        return [token for token, piece in enumerate(pieces) if piece and set(piece) <= allowed]

    @cached_property
    def extendable(self) -> frozenset[tuple[int, ...]]:
        """By definition: the beginnings of the encodings of all texts, as far as the texts reach."""
        found: set[tuple[int, ...]] = set()
        for text in self.texts():
            tokens = tuple(self.tokenizer.encode(text))
            while tokens not in found:
                found.add(tokens)
                tokens = tokens[:-1]
        return frozenset(found)

    def texts(self) -> list[bytes]:
        """All texts over the alphabet up to the longest length."""
        return [
            b"".join(parts)
            for length in range(self.longest_text + 1)
            for parts in product(self.alphabet, repeat=length)
        ]

    def engine(self, seed: int) -> "MaskedEngine":
        """A table model that gives every other token probability zero."""
        return MaskedEngine(len(self.tokenizer.pieces), [END, *self.text_tokens], seed)

    def process(self) -> CanonicalProcess:
        """The canonical process with every token asked about."""
        return CanonicalProcess(finder(self.tokenizer), FRAMING, 0.0, len(self.tokenizer.pieces))


FRAMING = Framing((END,), (END,))


class MaskedEngine(TableEngine):
    """A table engine in which only some tokens have probability."""

    def __init__(self, vocabulary_size: int, allowed: Sequence[int], seed: int) -> None:
        super().__init__(vocabulary_size, seed=seed, spread=1.5)
        self._mask = np.full(vocabulary_size, -np.inf)
        self._mask[list(allowed)] = 0.0

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        rows = super().evaluate(tree, nodes) + self._mask
        return rows - np.logaddexp.reduce(rows, axis=1, keepdims=True)


@dataclass(frozen=True)
class BruteForce:
    """The canonical process of a table model, found by walking through all token sequences."""

    tiny: Tiny
    engine: MaskedEngine
    temperature: float = 1.0

    def node(self, tokens: tuple[int, ...]) -> dict[int, float]:
        """Probabilities of the tokens that may follow, the end of the text included."""
        tiny = self.tiny
        row = self.engine.evaluate(TokenTree((END, *tokens)), [-1])[0]
        masses = {
            token: float(np.exp(row[token] / self.temperature))
            for token in tiny.text_tokens
            if (*tokens, token) in tiny.extendable
        }
        if tuple(tiny.tokenizer.encode(tiny.tokenizer.decode(tokens))) == tokens:
            masses[END] = float(np.exp(row[END] / self.temperature))
        total = sum(masses.values())
        return {token: mass / total for token, mass in masses.items()}

    def covers(self, prefix: bytes) -> dict[tuple[int, ...], float]:
        """Probability of every cover of a prefix, as a token sequence; a final END is the end of the text."""
        pieces = self.tiny.tokenizer.pieces
        found: dict[tuple[int, ...], float] = {}
        open_nodes: list[tuple[tuple[int, ...], bytes, float]] = [((), b"", 1.0)]
        while open_nodes:
            tokens, text, mass = open_nodes.pop()
            for token, share in self.node(tokens).items():
                grown = text + pieces[token]
                if token == END or len(grown) > len(prefix):
                    if (grown == prefix) if token == END else grown.startswith(prefix):
                        found[*tokens, token] = mass * share
                elif prefix.startswith(grown):
                    open_nodes.append(((*tokens, token), grown, mass * share))
        return found

    def text_mass(self, prefix: bytes) -> float:
        """P(x): the probability that a text begins with the prefix."""
        return sum(self.covers(prefix).values())

    def next_byte(self, prefix: bytes) -> Logits:
        """Probabilities (not logarithms) of the next byte, shape (257,)."""
        masses = np.zeros(257)
        for tokens, mass in self.covers(prefix).items():
            text = self.tiny.tokenizer.decode(tokens)
            masses[text[len(prefix)] if tokens[-1] != END else END_OF_TEXT] += mass
        return masses / masses.sum()


def byte_level(name: str, pre: str, alphabet: str, merges: Sequence[str], longest_text: int) -> Tiny:
    """A byte-level vocabulary with merges like ``"a b"``; ``_`` is a space, ``~`` a line feed."""
    pairs = [tuple(part.translate(_READABLE).encode("latin-1") for part in merge.split()) for merge in merges]
    singles = _single_bytes(alphabet)
    pieces = list(dict.fromkeys([b"", *singles, *(left + right for left, right in pairs)]))
    vocabulary = _vocabulary("gpt2", pre, pieces, {}, merges=[(left, right) for left, right in pairs])
    return Tiny(name, Tokenizer(vocabulary), singles, longest_text)


def sentencepiece(name: str, alphabet: str, pieces: Mapping[str, float], longest_text: int) -> Tiny:
    """A SentencePiece vocabulary with all byte tokens; pieces with their scores, ``_`` is the space."""
    spelled = {piece.translate(_READABLE).encode(): score for piece, score in pieces.items()}
    vocabulary = _vocabulary("llama", "default", [b"", *spelled], spelled)
    return Tiny(name, Tokenizer(vocabulary), _single_bytes(alphabet), longest_text)


_READABLE = str.maketrans({"_": " ", "~": "\n"})


def _single_bytes(alphabet: str) -> list[bytes]:
    return [bytes([byte]) for byte in alphabet.encode("latin-1")]


def _vocabulary(
    model: str,
    pre: str,
    pieces: list[bytes],
    scores: Mapping[bytes, float],
    merges: Sequence[tuple[bytes, bytes]] = (),
) -> Vocabulary:
    kinds = [Kind.CONTROL] + [Kind.NORMAL] * (len(pieces) - 1)
    spellings = ["<|end|>", *(_spelling(piece, model) for piece in pieces[1:])]
    if model == "llama":
        pieces = [*pieces, *(bytes([byte]) for byte in range(256))]
        kinds += [Kind.BYTE] * 256
        spellings += [f"<0x{byte:02X}>" for byte in range(256)]
    return Vocabulary(
        model=model,
        pre=pre,
        spellings=spellings,
        kinds=kinds,
        pieces=pieces,
        merges=merges,
        scores=[
            scores.get(piece, 0.0) if kind == Kind.NORMAL else 0.0
            for piece, kind in zip(pieces, kinds, strict=True)
        ],
        bos_id=END,
        eos_id=END,
    )


def _spelling(piece: bytes, model: str) -> str:
    if model == "llama":
        return piece.decode().replace(" ", SPACE_MARK)
    return piece.decode("latin-1")  # not GPT-2's own, but a vocabulary made in memory is never decoded


@cache
def tinies() -> tuple[Tiny, ...]:
    """The tokenizers that identities are checked on."""
    runs = ["~ ~", "~~ ~", "_ _", "_ a", "a a", "( ("]
    return (
        byte_level("gpt-2", "gpt-2", "a( \n", [*runs, "__ _"], 8),
        byte_level("llama-bpe", "llama-bpe", "a( \n", [*runs, "~ _", "_ ~", "( ~"], 8),
        byte_level("digits", "qwen2", "a0 \n", [*runs[:5], "0 0"], 8),
        byte_level("contractions", "gpt-2", "'sa (", ["' s", "s a", "_ '", "' '", "_ s", "a s", "_ ("], 7),
        byte_level(
            "utf-8", "qwen2", "a \xc3\xa9\xaa", ["\xc3 \xa9", "a \xc3", "_ \xc3", "\xa9 a", "\xa9 \xc3"], 7
        ),
        sentencepiece(
            "sentencepiece",
            "ab \xc3\xbc",
            {"a": -6, "b": -7, "_": -8, "ab": -1, "_a": -2, "ba": -3, "__": -4, "aba": -5},
            6,
        ),
    )
