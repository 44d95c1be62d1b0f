"""What a model sees besides the text at the cursor: related lines of open files, and what the file is called.

Lines are chosen by the words that they share with the text around the cursor, rare words counting most; lines
edited lately come before others that are as alike, and so do files of the same language and folder. Only what
is open in the editor is looked at, and of that nothing that ``privacy`` keeps out.

What was chosen stays while somebody types, or the model would have to read all of it at every keystroke:
lines are chosen again when the cursor is ``MOVED_LINES`` lines or ``MOVED_BYTES`` bytes from where it was
then, when another document was opened, edited or closed, or when a setting changed. Then too, what was chosen
before stays unless other lines are clearly more alike, in its old order if only the order would change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from lsprotocol import types

from byte_lsp.infill.problem import Chunk
from byte_lsp.infill.window import LINE_END, prefix_window, suffix_window, unify_line_ends
from byte_lsp.server.blocks import BLOCK_LINES, MOST_BYTES, Block, Blocks, read_blocks, words_in
from byte_lsp.server.documents import Document
from byte_lsp.server.paths import Roots, is_shown, path_of
from byte_lsp.server.positions import encode_text
from byte_lsp.server.privacy import Privacy
from byte_lsp.settings import ContextSettings

MOVED_LINES = 12
MOVED_BYTES = 1024

_QUERY_BYTES_BEFORE = 1536
_QUERY_BYTES_AFTER = 512
_READ_AT_ONCE_BYTES = 2 * MOST_BYTES  # of documents that changed, at one choice; others wait for the next
_KEPT_PLACES = 8  # recently edited, of each document

_LEAST_SHARED = 5.0  # the weights of shared words; a word that is in one block of n weighs log(n)
_EDITED = 6.0  # as if so much were shared with the line edited last; half for the one before, and so on
_COMMON_BLOCKS = 256
_USUAL_BLOCKS = 16  # so many more are thought to be open: in two short files no word is common
_USUAL_WORDS = 8  # so many more words are thought to be in a block, or the shortest would always win
_SAME_LANGUAGE = 2.0
_SAME_FOLDER = 1.25
_CHOSEN_BEFORE = 1.5


_HALF_WORD_BEFORE = re.compile(rb"[0-9A-Za-z_\x80-\xff]+\Z")
_HALF_WORD_AFTER = re.compile(rb"\A[0-9A-Za-z_\x80-\xff]+")
_BLANK_LINES = re.compile(rb"\A(?:[ \t\f\v]*\n)+")

_Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What ``pose`` sets on an infill problem, by the same names. Line ends are line feeds."""

    prefix: bytes
    suffix: bytes
    suffix_goes_on: bool
    path: bytes
    repo: bytes
    chunks: tuple[Chunk, ...]
    prompt_tokens: int
    deadline_ms: float


def pose_context(
    document: Document, start: int, end: int, settings: ContextSettings, neighbours: Neighbours
) -> Surroundings:
    """The surroundings of the bytes ``[start, end)`` of a document, which a suggestion is to replace."""
    page = document.page
    prefix = prefix_window(page.text, page.start + start, settings.prefix_bytes)
    suffix = suffix_window(page.text, page.start + end, settings.suffix_bytes)
    repo, path = neighbours.roots.name(document.file_uri)
    return Surroundings(
        prefix=unify_line_ends(prefix),
        suffix=unify_line_ends(suffix),
        suffix_goes_on=page.start + end + len(suffix) < len(page.text),
        path=path,
        repo=repo,
        chunks=neighbours.chunks(document, start, settings),
        prompt_tokens=settings.tokens,
        deadline_ms=float(settings.deadline_ms),
    )


@dataclass(slots=True)
class _Place:
    """A line that was edited, and when, in edits of any document."""

    line: int
    when: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A block that may be shown, and where it is from."""

    uri: str
    block: Block
    score: float

    @property
    def key(self) -> _Key:
        return self.uri, self.block.text

    def touches(self, other: _Piece) -> bool:
        first, second = sorted((self.block, other.block), key=lambda block: block.line)
        return self.uri == other.uri and first.end_line == second.line


@dataclass(frozen=True, slots=True)
class _Choice:
    """What was chosen for a document, and what it depended on."""

    cursor: int
    line: int
    changes: int
    settings: ContextSettings
    pieces: tuple[_Piece, ...]
    chunks: tuple[Chunk, ...]


class _Neighbour:
    """An open document: where it was edited, what is known of its text, how often it changed."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.is_shown = is_shown(document.file_uri)
        self.folder = path_of(document.file_uri).rpartition("/")[0]
        self.places: list[_Place] = []  # the newest first
        self.changes = 0
        self.choice: _Choice | None = None
        self._blocks: Blocks | None = None

    @property
    def unread_bytes(self) -> int:
        """How much has to be read to know its blocks."""
        return min(len(self.document.text), MOST_BYTES) if self._blocks is None else 0

    def blocks(self) -> Blocks:
        if self._blocks is None:
            self._blocks = read_blocks(self.document, self.places[0].line if self.places else 0)
        return self._blocks

    def change(self, line: int, shift: int, when: int) -> None:
        """Lines from ``line`` on were edited, which moved those behind by ``shift``."""
        self._blocks = None
        self.changes += 1
        kept = [place for place in self.places if abs(place.line - line) >= BLOCK_LINES]
        for place in kept:
            if place.line > line:
                place.line = max(line, place.line + shift)
        self.places = [_Place(line, when), *kept][:_KEPT_PLACES]

    def forget_text(self) -> None:
        self._blocks = None
        self.places.clear()
        self.changes += 1


class Neighbours:
    """The open documents, what was done to them lately, and which of their lines to show."""

    def __init__(self, roots: Roots | None = None, privacy: Privacy | None = None) -> None:
        self.roots = roots or Roots()
        self._privacy = privacy or Privacy(self.roots)
        self._known: dict[str, _Neighbour] = {}  # the one used last is the last
        self._changes = 0  # of any document, those of closed ones included

    def opened(self, document: Document) -> None:
        """A document was opened."""
        self._known[document.uri] = _Neighbour(document)
        self._changes += 1

    def changed(self, uri: str, events: Iterable[types.TextDocumentContentChangeEvent]) -> None:
        """A document was edited; its text is the new one already."""
        neighbour = self._known.get(uri)
        if neighbour is None:
            return
        for event in events:
            self._changes += 1
            if isinstance(event, types.TextDocumentContentChangePartial):
                first, last = sorted((event.range.start.line, event.range.end.line))
                added = len(LINE_END.findall(encode_text(event.text)))
                neighbour.change(first, added - (last - first), self._changes)
            else:
                neighbour.forget_text()

    def closed(self, uri: str) -> None:
        """A document was closed: nothing of it is shown any more."""
        if self._known.pop(uri, None) is not None:
            self._changes += 1

    def judged_anew(self) -> None:
        """Documents are kept out, or let in, that were not before."""
        self._changes += 1

    def chunks(self, document: Document, cursor: int, settings: ContextSettings) -> tuple[Chunk, ...]:
        """Lines to show beside what is around ``cursor``, the most relevant first; see the module."""
        here = self._known.get(document.uri)
        if here is None or not settings.neighbours or not settings.neighbour_bytes:
            return ()
        self._known[document.uri] = self._known.pop(document.uri)
        changes = self._changes - here.changes
        line = document.line_at(cursor)
        old = here.choice
        if (
            old is not None
            and (old.changes, old.settings) == (changes, settings)
            and abs(old.line - line) < MOVED_LINES
            and abs(old.cursor - cursor) < MOVED_BYTES
        ):
            return old.chunks
        is_whole = self._read(here)
        pieces = self._choose(here, cursor, settings, old.pieces if old else ())
        chunks = self._chunks(pieces)
        here.choice = _Choice(cursor, line, changes if is_whole else -1, settings, pieces, chunks)
        return chunks

    def _read(self, here: _Neighbour) -> bool:
        """Read what changed, the document used last first, but not too much at once; whether that is all."""
        budget = _READ_AT_ONCE_BYTES
        for neighbour in reversed(self._shown(here)):
            budget -= neighbour.unread_bytes
            if budget < 0:
                return False
            neighbour.blocks()
        return True

    def _shown(self, here: _Neighbour) -> list[_Neighbour]:
        return [
            each
            for each in self._known.values()
            if each is here or (each.is_shown and self._privacy.exclusion(each.document.file_uri) is None)
        ]

    def _choose(
        self, here: _Neighbour, cursor: int, settings: ContextSettings, before: Sequence[_Piece]
    ) -> tuple[_Piece, ...]:
        ranked = sorted(self._score(here, cursor, settings, before), key=lambda piece: -piece.score)
        chosen: dict[_Key, _Piece] = {}
        texts: set[bytes] = set()
        left = settings.neighbour_bytes
        for piece in ranked:
            text = piece.block.text
            if len(text) <= left and text not in texts:
                chosen[piece.key] = piece
                texts.add(text)
                left -= len(text)
        if chosen.keys() == {piece.key for piece in before}:
            return tuple(chosen[piece.key] for piece in before)
        return tuple(chosen.values())

    def _score(
        self, here: _Neighbour, cursor: int, settings: ContextSettings, before: Sequence[_Piece]
    ) -> Iterator[_Piece]:
        """The blocks that are like the text around the cursor, or were edited lately."""
        read = [neighbour for neighbour in self._shown(here) if not neighbour.unread_bytes]
        near = [_near_blocks(here, each, cursor, settings) for each in read]
        shared = _shared_weights(here, near, cursor, read)
        recency = _ranks(place.when for neighbour in read for place in neighbour.places)
        kept = {piece.key for piece in before}
        for neighbour, seen, weights in zip(read, near, shared, strict=True):
            blocks, kinship = neighbour.blocks().blocks, _kinship(here, neighbour)
            for place in neighbour.places:
                number = neighbour.blocks().number_at(place.line)
                if number is not None:
                    weights[number] = weights.get(number, 0.0) + _EDITED / (1 + recency[place.when])
            for number, weight in weights.items():
                if weight < _LEAST_SHARED or number in seen:
                    continue
                score = kinship * weight / math.sqrt(blocks[number].word_count + _USUAL_WORDS)
                piece = _Piece(neighbour.document.uri, blocks[number], score)
                yield replace(piece, score=score * _CHOSEN_BEFORE) if piece.key in kept else piece

    def _chunks(self, pieces: Sequence[_Piece]) -> tuple[Chunk, ...]:
        """The pieces as chunks, neighbouring ones of a file joined in the place of the more relevant one."""
        joined: list[list[_Piece]] = []
        for piece in pieces:
            beside = next((group for group in joined if any(piece.touches(each) for each in group)), None)
            if beside is None:
                joined.append([piece])
            else:
                beside.append(piece)
        return tuple(self._chunk(group) for group in joined)

    def _chunk(self, pieces: Sequence[_Piece]) -> Chunk:
        in_order = sorted(pieces, key=lambda piece: piece.block.line)
        text = unify_line_ends(b"".join([piece.block.text for piece in in_order]))
        _, path = self.roots.name(self._known[pieces[0].uri].document.file_uri)
        return Chunk(path, _BLANK_LINES.sub(b"", text).rstrip() + b"\n")


def _query(document: Document, cursor: int) -> set[bytes]:
    """The words around the cursor, but for the one that is being typed."""
    text, cursor = document.page.text, document.page.start + cursor
    before = bytes(text[max(0, cursor - _QUERY_BYTES_BEFORE) : cursor])
    after = bytes(text[cursor : cursor + _QUERY_BYTES_AFTER])
    return words_in(_HALF_WORD_BEFORE.sub(b"", before)) | words_in(_HALF_WORD_AFTER.sub(b"", after))


def _shared_weights(
    here: _Neighbour, near: Sequence[Collection[int]], cursor: int, read: Sequence[_Neighbour]
) -> list[dict[int, float]]:
    """For each document's blocks, by number, the weight of the words shared with the text at the cursor.

    Blocks ``near`` that text do not count, and words that are in very many say nothing.
    """
    total = sum(len(each.blocks().blocks) for each in read) - sum(map(len, near))
    weights: list[dict[int, float]] = [{} for _ in read]
    for word in _query(here.document, cursor):
        places = [each.blocks().places.get(word, ()) for each in read]
        known = zip(places, near, strict=True)
        count = sum(len(numbers) - sum(number in seen for number in numbers) for numbers, seen in known)
        if not 0 < count <= _COMMON_BLOCKS:
            continue
        for of_document, numbers in zip(weights, places, strict=True):
            for number in numbers:
                of_document[number] = of_document.get(number, 0.0) + math.log((total + _USUAL_BLOCKS) / count)
    return weights


def _ranks(times: Iterable[int]) -> dict[int, int]:
    """0 for the last time, 1 for the one before, and so on."""
    return {when: rank for rank, when in enumerate(sorted(set(times), reverse=True))}


def _near_blocks(here: _Neighbour, other: _Neighbour, cursor: int, settings: ContextSettings) -> set[int]:
    """The blocks of the cursor's own page that lie in the window around it, now or after some moves."""
    page, document = here.document.page, other.document
    start = page.start if other is here else page.parts.get(document.uri)
    if start is None:
        return set()
    at = page.start + cursor - start
    first_byte = at - settings.prefix_bytes - MOVED_BYTES
    last_byte = at + settings.suffix_bytes + MOVED_BYTES
    if last_byte < 0 or first_byte > len(document.text):
        return set()
    first = document.line_at(max(0, first_byte))
    last = document.line_at(min(len(document.text), last_byte))
    numbered = enumerate(other.blocks().blocks)
    return {number for number, block in numbered if block.line <= last and block.end_line > first}


def _kinship(here: _Neighbour, other: _Neighbour) -> float:
    language = _SAME_LANGUAGE if here.document.language == other.document.language else 1.0
    return language * (_SAME_FOLDER if here.folder == other.folder else 1.0)
