"""Guesses at what a model is about to write, from the text at hand.

Code repeats itself, and models copy. The bytes written last are looked for elsewhere, the more of them the
better, and what followed them there is the guess; a few places more say whether it always goes on like that.
They are looked for in bytes, because the same text falls into other tokens in other places, and tokenized
behind the tokens there are: so a draft is extendable.

There is no index to build or to keep: ``bytes.rfind`` goes through 16 KB in some 10 us, and an index of all
6 bytes of that takes 7 ms to make. A token takes 6 ms at the very least, on a CPU mostly more.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from byte_lsp.bytes.draft_worth import (
    FIRST_GUESS_RATES,
    MOST_TOKENS,
    Acceptance,
    Agreement,
    DraftWorth,
    Evidence,
)
from byte_lsp.tokens.extendable import Canon, Tail

MOST_TEXT_BYTES = 1 << 17
"""More is not looked at: of longer texts the end."""

_WINDOW_BYTES = 128  # what is tokenized for a draft: beyond ``MOST_TOKENS``, so that no word is cut
_KEPT_WRITTEN = 8
_WRITTEN_BEHIND_BYTES = 64
_MOST_PLACES = 3
_SEPARATOR = b"\0"


class Drafter(Protocol):
    """What guesses the tokens that follow a text."""

    def propose(self, text: bytes, tail: Tail) -> Sequence[int]:
        """Tokens of the vocabulary that may come next, in a row; none if that is not worth it.

        ``text`` is what was drawn so far, ``tail`` the end of all tokens.
        """

    def learn(self, drawn: Sequence[int], drafted: int, seconds: float | None) -> None:
        """What came of the last proposal: the tokens drawn, of which all but the last one are its own.

        ``drafted`` of its tokens were evaluated beside one other in a batch that took ``seconds``, None where
        there was more to do in it.
        """


class Drafts:
    """The drafts of one model: makes a drafter for each request, and remembers what drafts were good for."""

    def __init__(self, canon: Canon) -> None:
        self.worth = DraftWorth()
        self._canon = canon
        self._written: deque[bytes] = deque(maxlen=_KEPT_WRITTEN)
        self._last: TextDrafter | None = None

    @property
    def drafted(self) -> int:
        """How many tokens were guessed and evaluated."""
        return self.worth.drafted

    @property
    def accepted(self) -> int:
        """How many of them were drawn."""
        return self.worth.accepted

    def beside(
        self, prefix: bytes, others: Sequence[bytes], is_over: Callable[[bytes], bool] | None = None
    ) -> "TextDrafter":
        """A drafter for what follows ``prefix``, which looks in ``others``, in what was written for the last
        requests, and in the prefix itself; of places that are alike it takes the last.

        Nothing is guessed behind a text that ``is_over``.
        """
        if self._last is not None and self._last.written:
            self._written.append(self._last.written)
        texts = [*others, *self._written, prefix]
        self._last = TextDrafter(self._canon, texts, self.worth, is_over)
        return self._last


class TextDrafter:
    """Guesses what followed elsewhere; see ``Drafts.beside``. The last of ``texts`` is the one that grows."""

    def __init__(
        self,
        canon: Canon,
        texts: Sequence[bytes],
        worth: DraftWorth,
        is_over: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._canon = canon
        self._base = _SEPARATOR.join(texts)[-MOST_TEXT_BYTES:]
        self._worth = worth
        self._acceptance = Acceptance(worth.acceptance)
        self._is_over = is_over
        self._text = b""
        self._places: Sequence[int] = ()  # of what followed, in the base and the text behind it; last first
        self._matched_bytes = 0
        self._ahead: Sequence[int] = ()
        self._evidence: Sequence[Evidence] = ()

    @property
    def written(self) -> bytes:
        """What was drawn, behind the end of the text that it followed; nothing if nothing was."""
        return self._base[-_WRITTEN_BEHIND_BYTES:] + self._text if self._text else b""

    def propose(self, text: bytes, tail: Tail) -> Sequence[int]:
        """The tokens that followed elsewhere, as many as are worth it."""
        self._look(text)
        if len(self._ahead) <= MOST_TOKENS // 2:
            self._ahead = self._tokenize(tail)
            self._evidence = self._weigh()
        if not self._worth.has_credit:
            return ()
        count = self._worth.best_count(self._chances(len(self._ahead)))
        if count and self._is_over is not None:
            count = self._worth.best_count(self._chances(self._count_until_over(self._is_over)))
        return self._ahead[:count]

    def learn(self, drawn: Sequence[int], drafted: int, seconds: float | None) -> None:
        """Also what was not drafted counts: whether it would have been right shows all the same."""
        self._worth.count(drafted, len(drawn) - 1, seconds)
        for token, guess, evidence in zip(drawn, self._ahead, self._evidence, strict=False):
            self._acceptance.learn(evidence, token == guess)
            if token != guess:
                self._places = ()
                break
            self._go_on(self._canon.tokenizer.pieces[token])
        left = len(drawn) if self._places else len(self._ahead)
        self._ahead, self._evidence = self._ahead[left:], self._evidence[left:]

    def _go_on(self, piece: bytes) -> None:
        """More followed as it did at the last place; others that went on otherwise have no say any more."""
        last, *others = self._places
        alike = [place for place in others if self._following(place).startswith(piece)]
        self._text += piece
        self._places = [place + len(piece) for place in (last, *alike)]
        self._matched_bytes += len(piece)

    def _look(self, text: bytes) -> None:
        """Find places whose text goes on like this, unless the last ones still do."""
        if text == self._text and self._ahead:
            return
        self._text = text
        self._ahead = self._evidence = ()
        self._places, self._matched_bytes = _find_last(self._base + text)

    def _tokenize(self, tail: Tail) -> Sequence[int]:
        """What followed at the last place, in tokens, up to the last word that has an end there."""
        if not self._places:
            return ()
        following = self._following(self._places[0])
        _, tokens = self._canon.settle(tail.text + following)
        known = len(tail.tokens)
        return tokens[known:] if tokens[:known] == tail.tokens else ()

    def _weigh(self) -> Sequence[Evidence]:
        """What speaks for each token ahead. A place has a say as long as it goes on like the last one."""
        if not self._ahead:
            return ()
        guess, *others = (self._following(place) for place in self._places)
        alike = [(_common_bytes(guess, other), len(other)) for other in others]
        pieces, start, found = self._canon.tokenizer.pieces, 0, []
        for token in self._ahead:
            end = start + len(pieces[token])
            heard = [same >= end for same, length in alike if same >= start and length >= end]
            agreement = Agreement.ALONE
            if heard:
                agreement = Agreement.AGREED if all(heard) else Agreement.DISPUTED
            found.append(Evidence(self._matched_bytes + start, agreement))
            start = end
        return found

    def _following(self, place: int) -> bytes:
        """What stands there, up to the end of its text."""
        return _copy(self._base + self._text, place, _WINDOW_BYTES).split(_SEPARATOR, 1)[0]

    def _chances(self, count: int) -> list[float]:
        """How likely each of the first tokens ahead is right if those before it are."""
        return [self._acceptance.rate(evidence) for evidence in self._evidence[: min(count, MOST_TOKENS)]]

    def _count_until_over(self, is_over: Callable[[bytes], bool]) -> int:
        """How many tokens ahead leave the text open: nobody wants to know what follows the others."""
        pieces = self._canon.tokenizer.pieces
        text = self._text
        for count, token in enumerate(self._ahead[:MOST_TOKENS]):
            text += pieces[token]
            if is_over(text):
                return count
        return len(self._ahead)


def _find_last(text: bytes) -> tuple[Sequence[int], int]:
    """The last offsets behind bytes that ``text`` ends with too, and how many those are; none, 0 if nowhere.

    Something follows there, of the same text. The last one comes first.
    """
    matched, end = 0, len(text) - 1
    for count in FIRST_GUESS_RATES:
        found = _find_open(text, text[-count:], end) if count < len(text) else -1
        if found < 0:
            break
        matched, end = count, found
    places: list[int] = []
    while matched and end >= 0 and len(places) < _MOST_PLACES:
        places.append(end)
        end = _find_open(text, text[-matched:], end - 1)
    return places, matched


def _find_open(text: bytes, ending: bytes, end: int) -> int:
    """The last offset up to ``end`` behind ``ending`` at which no text ends; -1 if there is none."""
    while (found := text.rfind(ending, 0, end)) >= 0:
        end = found + len(ending)
        if text[end : end + 1] != _SEPARATOR:
            return end
        end -= 1
    return -1


def _common_bytes(left: bytes, right: bytes) -> int:
    """Length of the common beginning."""
    parted = (at for at, (one, other) in enumerate(zip(left, right, strict=False)) if one != other)
    return next(parted, min(len(left), len(right)))


def _copy(text: bytes, start: int, count: int) -> bytes:
    """``count`` bytes from ``start`` on, which may run into the copy itself (as in LZ77)."""
    following = text[start : start + count]
    return following if len(following) == count else (following * (count // len(following) + 1))[:count]
