"""A tokenizer over bytes: llama.cpp's own token ids for every valid text, and exact pieces for any bytes."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from byte_lsp.errors import TokenizerError
from byte_lsp.tokens.character_merges import character_merges, neighbours
from byte_lsp.tokens.characters import decode, encode
from byte_lsp.tokens.merges import NO_RANK, Merges, Rule, pack, unpack
from byte_lsp.tokens.pretokenizer import PreTokenizer
from byte_lsp.tokens.vocabulary import Kind, Vocabulary, load_vocabulary

_KEPT_RANKS = 1 << 17


@dataclass(frozen=True, slots=True)
class Split:
    """How a text falls into words.

    ``ends`` are the character offsets at which words end, ascending. ``atoms`` maps the end of a word that
    is one USER_DEFINED token to that token. ``restarts`` are the ends at which splitting can begin anew
    with the same result for the rest.
    """

    ends: list[int]
    atoms: dict[int, int]
    restarts: list[int]


class Tokenizer:
    """Encodes bytes as a model's tokenizer does, without start token, end token or dummy space.

    ``pieces[id]`` are the bytes of a token; the pieces of ``encode(data)`` spell ``data`` exactly, but for
    bytes that no token spells (``unspellable``), which are left out, as llama.cpp leaves them out. Tokens
    that stand for no text (control, unused) have an empty piece and are never produced: a text that spells
    one is text.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.pieces: Sequence[bytes] = vocabulary.pieces
        self.byte_level = vocabulary.byte_level
        self.splitter: PreTokenizer | BarrierSplitter
        if self.byte_level:
            self.splitter = PreTokenizer(vocabulary.pre)
            self.merges = _byte_level_merges(vocabulary)
        elif vocabulary.ranks_merges:
            self.splitter = BarrierSplitter(neighbours(vocabulary))
            self.merges = character_merges(vocabulary)
        else:
            self.splitter = BarrierSplitter(_neighbours_in_pieces(vocabulary))
            self.merges = _sentencepiece_merges(vocabulary)
        self.whole_words = self._whole_words()

    def encode(self, data: bytes) -> list[int]:
        """The tokens of ``data``: llama.cpp's ids where it is valid UTF-8.

        Invalid bytes are split as U+FFFD would be but keep their own bytes.
        """
        text = decode(data)
        return list(self.tokens_of_words(text, self.split(text), len(text)))

    def tokens_of_words(self, text: str, split: Split, limit: int) -> tuple[int, ...]:
        """The tokens of the words of ``split`` that end at or before character ``limit``."""
        tokens: list[int] = []
        start = 0
        for end in split.ends:
            if end > limit:
                break
            atom = split.atoms.get(end)
            tokens += (atom,) if atom is not None else self.encode_word(encode(text[start:end]))
            start = end
        return tuple(tokens)

    def decode(self, tokens: Sequence[int]) -> bytes:
        """The bytes that these tokens spell."""
        return b"".join([self.pieces[token] for token in tokens])

    def encode_word(self, word: bytes) -> tuple[int, ...]:
        """The tokens of one complete word of the split."""
        whole = self.whole_words.get(word)
        return self.merges.encode(word) if whole is None else (whole,)

    def is_reachable(self, token: int) -> bool:
        """Whether any text at all is encoded with this token."""
        piece = self.pieces[token]
        return (
            self.merges.encode(piece) == (token,)
            or self.whole_words.get(piece) == token
            or self.vocabulary.kinds[token] == Kind.USER_DEFINED
        )

    def split(self, text: str) -> Split:
        """The words of a text given as characters (see ``characters.decode``)."""
        ends: list[int] = []
        atoms: dict[int, int] = {}
        restarts: list[int] = []
        for start, end, atom in self._fragments(text):
            if atom is None:
                word_ends, fresh = self.splitter.split_with_restarts(text[start:end])
                ends += [start + at for at in word_ends] if start else word_ends
                restarts += [start + at for at in fresh] if start else fresh
            else:
                ends.append(end)
                restarts.append(end)
                atoms[end] = atom
        return Split(ends, atoms, restarts)

    def _fragments(self, text: str) -> Iterator[tuple[int, int, int | None]]:
        """Text cut at the USER_DEFINED tokens in it, as llama.cpp does: the longest spelling first."""
        fragments: list[tuple[int, int, int | None]] = [(0, len(text), None)] if text else []
        for spelling, token in self._atoms_in(text):
            cut: list[tuple[int, int, int | None]] = []
            for start, end, atom in fragments:
                at = start
                while atom is None and (found := text.find(spelling, at, end)) >= 0:
                    if found > at:
                        cut.append((at, found, None))
                    at = found + len(spelling)
                    cut.append((found, at, token))
                if at < end:
                    cut.append((at, end, atom))
            fragments = cut
        yield from fragments

    def _atoms_in(self, text: str) -> Iterator[tuple[str, int]]:
        for spelling, token in self.atoms.items():
            if spelling in text:
                yield spelling, token

    @cached_property
    def unspellable(self) -> frozenset[int]:
        """Bytes that no sequence of tokens spells: some byte-level vocabularies lack a few of the 256."""
        return frozenset(byte for byte in range(256) if not self.merges.encode(bytes([byte])))

    @cached_property
    def spelling_tokens(self) -> frozenset[int]:
        """Tokens of one byte that, in a row, spell a symbol of the merges that is no token itself."""
        if not self.byte_level:
            return frozenset(t for t, kind in enumerate(self.vocabulary.kinds) if kind == Kind.BYTE)
        if self.merges.highest_made < len(self.pieces):
            return frozenset()
        return frozenset(token for token, piece in enumerate(self.pieces) if len(piece) == 1)

    @cached_property
    def atoms(self) -> dict[str, int]:
        """Spellings of USER_DEFINED tokens that are genuine text, longest first."""
        return {spelling.decode(): token for spelling, token in self.vocabulary.atoms.items()}

    @cached_property
    def atom_tokens(self) -> frozenset[int]:
        """The tokens of ``atoms``."""
        return frozenset(self.atoms.values())

    def _whole_words(self) -> dict[bytes, int]:
        if not (isinstance(self.splitter, PreTokenizer) and self.splitter.ignores_merges):
            return {}
        kinds = self.vocabulary.kinds
        return {
            piece: token for token, piece in enumerate(self.pieces) if kinds[token] == Kind.NORMAL and piece
        }


class BarrierSplitter:
    """Splits text for vocabularies without a pre-tokenizer, where no merge can ever cross.

    Two neighbouring characters that are not ``joined``, side by side in some piece or merge, are a barrier.
    Splitting there changes no token; it bounds the work.
    """

    def __init__(self, joined: Set[str]) -> None:
        self._joined = joined

    def split(self, text: str) -> list[int]:
        """The ends of the words of ``text``, as character offsets."""
        joined = self._joined
        ends = [at for at in range(1, len(text)) if text[at - 1 : at + 1] not in joined]
        return [*ends, len(text)] if text else []

    def split_with_restarts(self, text: str) -> tuple[list[int], list[int]]:
        """The word ends, all of which are restarts too."""
        ends = self.split(text)
        return ends, ends


def _neighbours_in_pieces(vocabulary: Vocabulary) -> set[str]:
    return {
        text[at : at + 2]
        for token, kind in enumerate(vocabulary.kinds)
        if kind in (Kind.NORMAL, Kind.USER_DEFINED) and vocabulary.pieces[token]
        for text in [decode(vocabulary.pieces[token])]
        for at in range(len(text) - 1)
    }


def _byte_level_merges(vocabulary: Vocabulary) -> Merges:
    """GPT-2's scheme: leaves are single bytes, ranks are the order of the file's merge list."""
    count = len(vocabulary)
    symbols = {
        piece: token
        for token, piece in enumerate(vocabulary.pieces)
        if piece and vocabulary.kinds[token] == Kind.NORMAL
    }
    extra: list[bytes] = []  # merged strings and single bytes that are no tokens

    def symbol(piece: bytes) -> int:
        known = symbols.get(piece)
        if known is None:
            known = symbols[piece] = count + len(extra)
            extra.append(piece)
        return known

    leaf = [symbol(bytes([byte])) for byte in range(256)]
    ranks: dict[int, int] = {}
    merged: dict[int, int] = {}
    for rank, (left, right) in enumerate(vocabulary.merges):
        if left and right:
            pair = pack(symbol(left), symbol(right))
            if ranks.setdefault(pair, rank) == rank:
                merged[pair] = symbol(left + right)

    def tokens_of(found: int) -> tuple[int, ...]:
        if found < count:
            return (found,)
        spelled = extra[found - count]
        return tuple(leaf[byte] for byte in spelled if leaf[byte] < count)

    return Merges(
        rank_of=lambda pair: ranks.get(pair, NO_RANK),
        merged=merged,
        leaves=lambda word: [leaf[byte] for byte in word],
        tokens_of=tokens_of,
        rules=lambda: [Rule(*unpack(pair), merged[pair], rank) for pair, rank in ranks.items()],
    )


def _sentencepiece_merges(vocabulary: Vocabulary) -> Merges:
    """SentencePiece's scheme: leaves are characters; a pair that makes a piece merges, best score first."""
    return _ScoreMerges(vocabulary).merges()


class _ScoreMerges:
    """Symbols of a SentencePiece vocabulary; those that are no token are spelled in byte tokens."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        kinds, pieces = vocabulary.kinds, vocabulary.pieces
        self.count = len(vocabulary)
        self.byte_tokens = {pieces[t][0]: t for t, kind in enumerate(kinds) if kind == Kind.BYTE}
        if len(self.byte_tokens) < 256:
            raise TokenizerError(
                f"the vocabulary has byte tokens for {len(self.byte_tokens)} of 256 bytes; without byte "
                "fallback a SentencePiece model cannot spell every text"
            )
        self.symbols = {
            piece: token
            for token, piece in enumerate(pieces)
            if piece and kinds[token] in (Kind.NORMAL, Kind.USER_DEFINED)
        }
        self.spelled: list[bytes] = []
        order = {score: rank for rank, score in enumerate(sorted(set(vocabulary.scores), reverse=True))}
        self.rank_of_token = [order[score] for score in vocabulary.scores]
        self.pieces = pieces
        self.merged: dict[int, int] = {}

    def merges(self) -> Merges:
        rank_of = lru_cache(maxsize=_KEPT_RANKS)(self.rank_of)
        return Merges(rank_of, self.merged, self.leaves, self.tokens_of, self.rules)

    def rules(self) -> list[Rule]:
        """Every way in which two symbols make a piece."""
        found = []
        for piece, token in list(self.symbols.items()):
            if token < self.count:
                text = decode(piece)
                for at in range(1, len(text)):
                    left, right = self.part(text[:at]), self.part(text[at:])
                    if left is not None and right is not None:
                        found.append(Rule(left, right, token, self.rank_of_token[token]))
        return found

    def part(self, text: str) -> int | None:
        """The symbol of a text, if it is a piece or a single character."""
        return self.symbol(encode(text)) if len(text) == 1 else self.symbols.get(encode(text))

    def rank_of(self, pair: int) -> int:
        left, right = unpack(pair)
        joined = self.symbols.get(self.text(left) + self.text(right), self.count)
        if joined == self.count:
            return NO_RANK
        self.merged[pair] = joined
        return self.rank_of_token[joined]

    def text(self, symbol: int) -> bytes:
        return self.pieces[symbol] if symbol < self.count else self.spelled[symbol - self.count]

    def leaves(self, word: bytes) -> list[int]:
        return [self.symbol(encode(character)) for character in decode(word)]

    def symbol(self, piece: bytes) -> int:
        known = self.symbols.get(piece)
        if known is None:
            known = self.symbols[piece] = self.count + len(self.spelled)
            self.spelled.append(piece)
        return known

    def tokens_of(self, found: int) -> tuple[int, ...]:
        if found < self.count:
            return (found,)
        return tuple(self.byte_tokens[byte] for byte in self.spelled[found - self.count])


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer of a GGUF file; one without weights (``vocab_only``) will do.

    Raises ``ModelFileError`` and ``TokenizerError``, which name the file.
    """
    vocabulary = load_vocabulary(path)
    try:
        return Tokenizer(vocabulary)
    except TokenizerError as error:
        raise TokenizerError(f"{path}: {error}") from error
