"""Which token sequences a tokenizer can really emit.

A sequence is extendable if it is a prefix of ``encode(s)`` for some text ``s``. Inside one word that is a
matter of neighbouring pairs (see ``merges``); between words it depends on where the pre-tokenizer splits,
which depends on what follows (see ``lookahead``). A ``Tail`` is the end of a sequence from some word
boundary on; what stands before it no longer matters.
"""

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

from byte_lsp.tokens.characters import (
    LETTER,
    MARK,
    NUMBER,
    OTHER,
    WHITESPACE,
    decode,
    encode,
    incomplete_tail,
    is_invalid_start,
    sort_of,
)
from byte_lsp.tokens.lookahead import Lookahead
from byte_lsp.tokens.pretokenizer import PreTokenizer
from byte_lsp.tokens.tokenizer import Split, Tokenizer

_TAIL_BYTES = 48
_NO_CONTINUATION = (b"", b"a", b" ", b"\n", b"0", b"(", b"'", b" a", b"\xff")
_ALL_BYTES = frozenset(range(256))
_TELLING_SORTS = (LETTER, NUMBER, WHITESPACE)
_SETTLING_TURNS = 2
_SHORT_TEXT_CHARACTERS = 64
_LONG_TEXT_BYTES = 512
_KEPT_SETTLED = 16
_CONTRACTION_BEGUN = re.compile(rb"'[a-zA-Z]?\Z")


class Outcome(NamedTuple):
    """One way in which a text followed by a piece can fall into words.

    ``words`` are (end, atom) of the words that end in the text, offsets in bytes, atom -1 for words that
    are no USER_DEFINED token. ``closed`` says that a word ends where the piece ends. ``atom`` is the
    USER_DEFINED token, begun at ``atom_start``, that the piece lies in, or -1.
    """

    words: tuple[tuple[int, int], ...]
    closed: bool
    atom: int = -1
    atom_start: int = 0

    @property
    def begins_at(self) -> int:
        """Where the word that the piece continues or begins has its first byte."""
        return self.words[-1][0] if self.words else 0


class _Settled(NamedTuple):
    """Whatever follows ``text``, a word ends at ``offset``, and these are the tokens up to there."""

    text: bytes
    offset: int
    tokens: tuple[int, ...]


class Canon:
    """The extendable sequences of one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        splitter = tokenizer.splitter
        self._lookahead = Lookahead(splitter) if isinstance(splitter, PreTokenizer) else None
        self._atom_heads = _heads(tokenizer.vocabulary.atoms)
        self._any_atom = re.compile(b"|".join(map(re.escape, tokenizer.vocabulary.atoms)))
        self._longest_atom_head = max(map(len, self._atom_heads), default=0)
        self.outcomes_of_classes = lru_cache(maxsize=1 << 13)(self.find_outcomes_of_classes)
        self._of_bytes = lru_cache(maxsize=1 << 12)(self._outcomes_of_bytes)
        self.shape = lru_cache(maxsize=1 << 13)(self._find_shape)
        self._settled_classes = lru_cache(maxsize=1 << 12)(self._find_settled_classes)
        self._settled: deque[_Settled] = deque(maxlen=_KEPT_SETTLED)

    def outcomes(self, text: bytes, piece: bytes) -> tuple[Outcome, ...]:
        """Every way in which ``text + piece``, followed by anything, can fall into words.

        ``text`` begins at a word boundary; the whole piece lies inside one word.
        """
        begun = incomplete_tail(text)
        if self._lookahead is None or (begun and not piece) or self._meets_atoms(text + piece):
            return self._of_bytes(text, piece)
        if begun and 0x80 <= piece[0] < 0xC0:
            if is_invalid_start(text[-begun:] + piece):
                return self._of_bytes(text, piece)
            # No word ends inside a character: the one begun belongs to the piece as a whole.
            text, piece = text[:-begun], text[-begun:] + piece
        head = incomplete_tail(piece)
        if not head:
            return self._outcomes_of(text, piece)
        body, head_bytes = piece[: len(piece) - head], piece[len(piece) - head :]
        found = dict.fromkeys(self._outcomes_of(text, piece))
        for character in self._lookahead.completions(head_bytes):
            for outcome in self._outcomes_of(text, body + character.encode()):
                found[outcome._replace(closed=False)] = None
        return tuple(found)

    def _outcomes_of(self, text: bytes, piece: bytes) -> tuple[Outcome, ...]:
        """The same for a piece that ends with a character, or with bytes that shall never become one."""
        classes, offsets = self.shape(text, b"")
        piece_classes, _ = self.shape(piece, self.contraction_begun(text))
        found = self.outcomes_of_classes(classes, piece_classes)
        return found if offsets is None else tuple(_relocate(outcome, offsets) for outcome in found)

    @property
    def splits_by_class(self) -> bool:
        """Whether a pre-tokenizer decides where words end."""
        return self._lookahead is not None

    def contraction_begun(self, text: bytes) -> bytes:
        """The apostrophe at the end of ``text``, with the letter behind it if there is one, or nothing."""
        begun = _CONTRACTION_BEGUN.search(text)
        return begun[0] if begun else b""

    def shape_of_piece(self, piece: bytes, behind: bytes) -> str:
        """The look-ahead classes of a piece that follows ``behind``, long runs cut short."""
        return self._find_shape(piece, behind)[0]

    def atom_rests(self, text: bytes) -> list[bytes]:
        """What completes a USER_DEFINED token of which ``text`` ends with the beginning."""
        return [rest for head in self._atoms_begun(text) for rest in self._atom_heads[head]]

    def bytes_inside(self, text: bytes, residual: bytes, begins_at: int) -> frozenset[int]:
        """Bytes that may follow ``text + residual`` while the word that begins at ``begins_at`` goes on.

        Never too few: where a byte does not decide a character's class, it is among them.
        """
        if self._lookahead is None or incomplete_tail(residual) or incomplete_tail(text):
            return _ALL_BYTES
        if self._meets_atoms(text + residual):
            return _ALL_BYTES
        inside = {
            character
            for character in self._lookahead.classes
            if any(o.begins_at == begins_at for o in self.outcomes(text, residual + character.encode()))
        }
        return self._lookahead.first_bytes(frozenset(inside))

    def tail(self, text: bytes, tokens: tuple[int, ...]) -> "Tail":
        """The tail of a sequence whose last word boundary far enough back is where ``text`` begins."""
        return Tail(self, text, tokens)

    def encode(self, text: bytes) -> tuple[int, ...]:
        """As ``Tokenizer.encode``; what a text has in common with one of the last is not encoded again."""
        settled, tokens = self.settle(text)
        return (*tokens, *self.tokenizer.encode(text[settled:]))

    def settle(self, text: bytes) -> tuple[int, tuple[int, ...]]:
        """The last offset at which a word ends whatever follows ``text``, and the tokens up to there.

        What a long text goes on from, such as the text of the last keystroke, is remembered.
        """
        if len(text) < _LONG_TEXT_BYTES:
            return self._settle(text)
        alike = (each for each in tuple(self._settled) if text.startswith(each.text))
        known = max(alike, key=lambda each: each.offset, default=_Settled(b"", 0, ()))
        offset, tokens = self._settle(text[known.offset :])
        found = _Settled(text, known.offset + offset, known.tokens + tokens)
        if text != known.text:
            self._settled.append(found)
        return found.offset, found.tokens

    def _settle(self, text: bytes) -> tuple[int, tuple[int, ...]]:
        # A USER_DEFINED token that may still come would end the text before it: nothing behind that is known.
        text = text[: self._before_atoms_in_doubt(text)]
        characters = decode(text[: len(text) - incomplete_tail(text)])
        split = self.tokenizer.split(characters)
        turned = (at for at in reversed(split.restarts) if self._turns(characters, at) >= _SETTLING_TURNS)
        end = next(turned, 0)
        end += self._settle_further(characters[end:])
        return len(encode(characters[:end])), self.tokenizer.tokens_of_words(characters, split, end)

    def _settle_further(self, text: str) -> int:
        """How many characters of a short text are in words that nothing that follows can change.

        Two turns of sort settle a word under all pre-tokenizers; most of them need less than that.
        """
        if self._lookahead is None or len(text) > _SHORT_TEXT_CHARACTERS:
            return 0
        data = encode(text)
        if self._meets_atoms(data):
            return 0
        classes, offsets = self.shape(data, b"")
        end = self._settled_classes(classes)
        return end if offsets is None else len(decode(data[: offsets[end]]))

    def _find_settled_classes(self, classes: str) -> int:
        """The last place inside a text where a word ends, and splitting can begin anew, whatever follows."""
        assert self._lookahead is not None
        splitter = self.tokenizer.splitter
        found = (
            splitter.split_with_restarts(classes + following) for following in self._lookahead.after(classes)
        )
        common = set.intersection(*(set(restarts) for _, restarts in found))
        return max((end for end in common if end < len(classes)), default=0)

    def stands(self, text: bytes, tokens: tuple[int, ...]) -> bool:
        """Whether some text that follows makes the tokenizer emit exactly these tokens for ``text``."""
        for following in self._continuations(text):
            seen = self.tokenizer.encode(following)[: len(tokens)]
            if tuple(seen) == tokens:
                return True
        return False

    def stands_invalid(self, text: bytes, tokens: tuple[int, ...]) -> bool:
        """The same for a text whose last character is never completed."""
        return any(
            tuple(self.tokenizer.encode(text + following)[: len(tokens)]) == tokens
            for following in _NO_CONTINUATION
        )

    def _turns(self, text: str, start: int) -> int:
        """How often the sort of character changes after ``start``; splits never look past two changes."""
        if self._lookahead is None:
            return _SETTLING_TURNS if start < len(text) else 0
        turns = 0
        last = ""
        for at in range(len(text) - 1, start - 1, -1):
            sort = _sort(text[at])
            turns += bool(last) and sort != last
            last = sort
            if turns >= _SETTLING_TURNS:
                break
        return turns

    def _find_shape(self, text: bytes, behind: bytes) -> tuple[str, tuple[int, ...] | None]:
        """Look-ahead classes of a text that follows ``behind``, long runs cut short.

        Also the byte offset of each class character, or None where the two are the same.
        """
        assert self._lookahead is not None
        characters = decode(behind + text)
        classes = self._lookahead.normalize(characters)[len(behind) :]
        kept = self._lookahead.kept(classes)
        if kept is None and len(classes) == len(text):
            return classes, None
        kept = list(range(len(classes))) if kept is None else kept
        offsets = [0, *accumulate(len(encode(character)) for character in characters[len(behind) :])]
        return "".join(classes[at] for at in kept), (*(offsets[at] for at in kept), offsets[-1])

    def find_outcomes_of_classes(self, text: str, piece: str) -> tuple[Outcome, ...]:
        """As ``outcomes``, for classes of text and piece, without a memory of its own."""
        assert self._lookahead is not None
        split = self.tokenizer.splitter.split
        cut, end = len(text), len(text) + len(piece)
        whole = text + piece
        found: dict[Outcome, None] = {}
        seen: set[tuple[int, ...]] = set()
        for following in self._lookahead.after(whole):
            ends = split(whole + following)
            known = tuple(ends[: bisect_right(ends, end)])
            if known not in seen:
                seen.add(known)
                outcome = self._outcome([(at, -1) for at in known], cut, end)
                if outcome is not None:
                    found[outcome] = None
        return tuple(found)

    def _outcomes_of_bytes(self, text: bytes, piece: bytes) -> tuple[Outcome, ...]:
        cut, end = len(text), len(text) + len(piece)
        found: dict[Outcome, None] = {}
        for following in self._continuations(text + piece):
            characters = decode(following)
            words = _in_bytes(self.tokenizer.split(characters), characters)
            if self._lookahead is None and not piece:
                # Whether a barrier stands here depends on the character to come, or on the one begun.
                undecided = range(cut - incomplete_tail(text), cut + 1)
                edges = _edges_of_atoms(words)
                words = [word for word in words if word[0] not in undecided or word[0] in edges]
            outcome = self._outcome(words, cut, end)
            if outcome is not None:
                found[outcome] = None
        return tuple(found)

    def _outcome(self, words: list[tuple[int, int]], cut: int, end: int) -> Outcome | None:
        before = tuple(word for word in words if word[0] <= cut)
        start = before[-1][0] if before else 0
        if any(cut < at < end for at, _ in words):
            return None
        crossing = next(((at, atom) for at, atom in words if at > cut), (end, -1))
        closed = any(at == end for at, _ in words)
        if crossing[1] >= 0 and (cut < end or start < cut):
            exact = start == cut and crossing[0] == end
            return Outcome(before, closed, crossing[1] if exact or cut == end else -2, start)
        return Outcome(before, closed)

    def _continuations(self, text: bytes) -> Iterator[bytes]:
        """``text`` followed by what tells all its possible splits apart."""
        head = incomplete_tail(text)
        characters = decode(text[: len(text) - head])
        if self._lookahead is None:
            yield text
        elif head:
            for following in self._lookahead.after_head(text[len(text) - head :]):
                yield encode(characters + following)
        else:
            for following in self._lookahead.after(characters):
                yield text + encode(following)
        for rest in self.atom_rests(text):
            yield text + rest

    def _meets_atoms(self, text: bytes) -> bool:
        """Whether a USER_DEFINED token splits ``text``, or may do so by what follows."""
        atoms = self.tokenizer.atoms
        return bool(atoms) and bool(self._any_atom.search(text) or self._atoms_begun(text))

    def _before_atoms_in_doubt(self, text: bytes) -> int:
        """Where no USER_DEFINED token that may still come can change the split of ``text``.

        One that is completed takes the place of a shorter one in its way, which makes way for a third.
        """
        limit = len(text) - max(map(len, self._atoms_begun(text)), default=0)
        while limit < len(text) and (start := self._atom_across(text, limit)) is not None:
            limit = start
        return limit

    def _atom_across(self, text: bytes, limit: int) -> int | None:
        """Where a USER_DEFINED token in ``text`` begins that ends behind ``limit``, the first such."""
        starts = range(max(0, limit - self._longest_atom_head), limit)
        found = ((start, self._any_atom.match(text, start)) for start in starts)
        return next((start for start, match in found if match and match.end() > limit), None)

    def _atoms_begun(self, text: bytes) -> list[bytes]:
        """Ends of ``text`` with which a USER_DEFINED token begins."""
        ends = (text[-length:] for length in range(1, min(len(text), self._longest_atom_head) + 1))
        return [end for end in ends if end in self._atom_heads]


class Tail:
    """The end of an extendable sequence: its bytes since a word boundary, and its tokens since then."""

    __slots__ = ("_canon", "_last_words", "text", "tokens")

    def __init__(self, canon: Canon, text: bytes, tokens: tuple[int, ...]) -> None:
        self._canon = canon
        self._last_words: dict[tuple[tuple[int, int], ...], bytes | None] = {}
        self.text = text
        self.tokens = tokens

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tail) and self.tokens == other.tokens and self.text == other.text

    def __hash__(self) -> int:
        return hash((self.text, self.tokens))

    def admits(self, token: int) -> bool:
        """Whether the sequence stays extendable when this token follows."""
        tokenizer = self._canon.tokenizer
        piece = tokenizer.pieces[token]
        if not piece or not tokenizer.is_reachable(token):
            return False
        for outcome in self._canon.outcomes(self.text, piece):
            begun = self.begun_word(outcome.words)
            if begun is None:
                continue
            if outcome.atom != -1:
                if outcome.atom == token:
                    return True
                continue
            whole = tokenizer.whole_words.get(begun + piece) if outcome.closed else None
            if whole is not None:
                if not begun and token == whole:
                    return True
                continue
            if self.seam_holds(begun, token):
                return True
        return False

    def after_last_atom(self) -> "Tail":
        """The tail since its last USER_DEFINED token, behind which splitting begins anew."""
        tokenizer = self._canon.tokenizer
        atoms = tokenizer.atom_tokens
        last = next((at for at in range(len(self.tokens), 0, -1) if self.tokens[at - 1] in atoms), 0)
        if not last:
            return self
        start = _spelled(tokenizer, self.text, self.tokens[:last])
        return Tail(self._canon, self.text[start:], self.tokens[last:])

    def since_settled(self) -> "Tail":
        """The tail since the last word end that nothing to come can change."""
        start, settled = self._canon.settle(self.text)
        if not settled or self.tokens[: len(settled)] != settled:
            return self
        return Tail(self._canon, self.text[start:], self.tokens[len(settled) :])

    @property
    def has_whole_words(self) -> bool:
        """Whether the tokenizer takes words that are tokens whole, whatever the merges say."""
        return bool(self._canon.tokenizer.whole_words)

    def beginning(self, count: int) -> "Tail":
        """The tail as it was after its first ``count`` tokens."""
        tokens = self.tokens[:count]
        return Tail(self._canon, self.text[: _spelled(self._canon.tokenizer, self.text, tokens)], tokens)

    def push(self, token: int) -> "Tail":
        """The tail after one more token."""
        text, tokens = self.text + self._canon.tokenizer.pieces[token], (*self.tokens, token)
        if len(text) > _TAIL_BYTES:
            text, tokens = self._trim(text, tokens)
        return Tail(self._canon, text, tokens)

    def _trim(self, text: bytes, tokens: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
        settled, _ = self._canon.settle(text)
        for count in range(1, len(tokens)):
            end = _spelled(self._canon.tokenizer, text, tokens[:count])
            if end >= settled:
                return (text[end:], tokens[count:]) if end == settled else (text, tokens)
        return text, tokens

    def begun_word(self, words: tuple[tuple[int, int], ...]) -> bytes | None:
        """The bytes of the unfinished last word if these word ends spell this tail's tokens, else None."""
        if words not in self._last_words:
            self._last_words[words] = self._find_begun_word(words)
        return self._last_words[words]

    def _find_begun_word(self, words: tuple[tuple[int, int], ...]) -> bytes | None:
        tokens, start = words_to_tokens(self._canon.tokenizer, self.text, words)
        begun = self.text[start:]
        if begun:
            tokens += self._canon.tokenizer.merges.encode(begun)
        return begun if tokens == self.tokens else None

    def seam_holds(self, begun: bytes, token: int) -> bool:
        """Whether the merges leave ``token`` standing behind the tokens of the unfinished word ``begun``."""
        tokenizer = self._canon.tokenizer
        encode = tokenizer.merges.encode
        seam = self._seam(begun)
        return encode(seam + tokenizer.pieces[token]) == (*encode(seam), token)

    def _seam(self, begun: bytes) -> bytes:
        """The end of the unfinished word with all symbols of the merges that may meet what follows it.

        That is the last token. Where it spells a symbol that is none, or a part of one, with others, it is
        these and, as they may come to make a character together, the one before.
        """
        tokenizer = self._canon.tokenizer
        if not tokenizer.unspellable.isdisjoint(begun):
            return begun
        start = len(begun)
        for token in reversed(self.tokens):
            start -= len(tokenizer.pieces[token])
            if start <= 0 or token not in tokenizer.spelling_tokens:
                break
        return begun[max(start, 0) :]


def _spelled(tokenizer: Tokenizer, text: bytes, tokens: tuple[int, ...]) -> int:
    """How far into ``text`` these first tokens of it reach; bytes that no token spells lie in between."""
    at = 0
    for token in tokens:
        at = text.index(tokenizer.pieces[token], at) + len(tokenizer.pieces[token])
    return at


def words_to_tokens(
    tokenizer: Tokenizer, text: bytes, words: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, ...], int]:
    """The tokens of these complete words, and where the last of them ends."""
    tokens: tuple[int, ...] = ()
    start = 0
    for end, atom in words:
        tokens += tokenizer.encode_word(text[start:end]) if atom < 0 else (atom,)
        start = end
    return tokens, start


def _relocate(outcome: Outcome, offsets: tuple[int, ...]) -> Outcome:
    return outcome._replace(words=tuple((offsets[end], atom) for end, atom in outcome.words))


def _in_bytes(split: Split, text: str) -> list[tuple[int, int]]:
    atoms = split.atoms
    if text.isascii():
        return [(end, atoms.get(end, -1)) for end in split.ends]
    offsets = [0, *accumulate(len(encode(character)) for character in text)]
    return [(offsets[end], atoms.get(end, -1)) for end in split.ends]


def _edges_of_atoms(words: list[tuple[int, int]]) -> set[int]:
    """Where USER_DEFINED tokens begin and end."""
    atoms = [(start, end) for (start, _), (end, atom) in pairwise([(0, -1), *words]) if atom >= 0]
    return set(chain.from_iterable(atoms))


def _sort(character: str) -> str:
    """Letters, numbers, white space or anything else."""
    kind = sort_of(character)
    return LETTER if kind == MARK else kind if kind in _TELLING_SORTS else OTHER


def _heads(atoms: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    """Proper beginnings of the atoms, each with the rests that complete one."""
    heads: dict[bytes, list[bytes]] = {}
    for atom in atoms:
        for length in range(1, len(atom)):
            heads.setdefault(atom[:length], []).append(atom[length:])
    return heads
