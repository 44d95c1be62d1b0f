"""Guesses at what a model is about to write, from the text at hand.

Code repeats itself, and models copy. The bytes written last are looked for elsewhere, the more of them the
better, and what followed them there is the guess. It is looked for in bytes, because the same text falls into
other tokens in other places, and tokenized behind the tokens there are: so a draft is extendable.

There is no index to build or to keep: ``bytes.rfind`` goes through 16 KB in some 10 us, and an index of all
6 bytes of that takes 7 ms to make. A token takes 6 ms at the very least, on a CPU mostly more.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from byte_lsp.bytes.draft_worth import FIRST_GUESS_RATES, MOST_TOKENS, Acceptance, DraftWorth
from byte_lsp.tokens.extendable import Canon, Tail

MOST_TEXT_BYTES = 1 << 17
"""More is not looked at: of longer texts the end."""

_WINDOW_BYTES = 128  # what is tokenized for a draft: beyond ``MOST_TOKENS``, so that no word is cut
_KEPT_WRITTEN = 8
_WRITTEN_BEHIND_BYTES = 64
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
        self._place = -1  # of what followed, in the base and the text behind it
        self._matched_bytes = 0
        self._ahead: Sequence[int] = ()

    @property
    def written(self) -> bytes:
        """What was drawn, behind the end of the text that it followed; nothing if nothing was."""
        return self._base[-_WRITTEN_BEHIND_BYTES:] + self._text if self._text else b""

    def propose(self, text: bytes, tail: Tail) -> Sequence[int]:
        """The tokens that followed elsewhere, as many as are worth it."""
        self._look(text)
        if len(self._ahead) <= MOST_TOKENS // 2:
            self._ahead = self._tokenize(tail)
        if not self._worth.has_credit:
            return ()
        count = self._worth.best_count(self._chances(len(self._ahead)))
        if count and self._is_over is not None:
            count = self._worth.best_count(self._chances(self._count_until_over(self._is_over)))
        return self._ahead[:count]

    def learn(self, drawn: Sequence[int], drafted: int, seconds: float | None) -> None:
        """Also what was not drafted counts: whether it would have been right shows all the same."""
        pieces = self._canon.tokenizer.pieces
        self._worth.count(drafted, len(drawn) - 1, seconds)
        for token, guess in zip(drawn, self._ahead, strict=False):
            self._acceptance.learn(self._matched_bytes, token == guess)
            if token != guess:
                self._place = -1
                break
            self._place += len(pieces[token])
            self._matched_bytes += len(pieces[token])
        self._ahead = self._ahead[len(drawn) :] if self._place >= 0 else ()

    def _look(self, text: bytes) -> None:
        """Find the place whose text goes on like this, unless the last one still does."""
        is_same = text.startswith(self._text)
        self._text = text
        if is_same and self._ahead:
            return
        self._ahead = ()
        self._place, self._matched_bytes = _find_last(self._base + text)

    def _tokenize(self, tail: Tail) -> Sequence[int]:
        """What followed at the place found, in tokens, up to the last word that has an end there."""
        if self._place < 0:
            return ()
        following = _copy(self._base + self._text, self._place, _WINDOW_BYTES).split(_SEPARATOR, 1)[0]
        _, tokens = self._canon.settle(tail.text + following)
        known = len(tail.tokens)
        return tokens[known:] if tokens[:known] == tail.tokens else ()

    def _chances(self, count: int) -> list[float]:
        """How likely each of the first tokens ahead is right if those before it are."""
        pieces = self._canon.tokenizer.pieces
        chances, matched = [], self._matched_bytes
        for token in self._ahead[: min(count, MOST_TOKENS)]:
            chances.append(self._acceptance.rate(matched))
            matched += len(pieces[token])
        return chances

    def _count_until_over(self, is_over: Callable[[bytes], bool]) -> int:
        """How many tokens ahead leave the text open: nobody wants to know what follows the others."""
        pieces = self._canon.tokenizer.pieces
        text = self._text
        for count, token in enumerate(self._ahead[:MOST_TOKENS]):
            text += pieces[token]
            if is_over(text):
                return count
        return len(self._ahead)


def _find_last(text: bytes) -> tuple[int, int]:
    """The last offset behind bytes that ``text`` ends with too, and how many those are; -1, 0 if nowhere.

    Something follows there, of the same text.
    """
    place, matched, end = -1, 0, len(text) - 1
    for count in FIRST_GUESS_RATES:
        found = _find_open(text, text[-count:], end) if count < len(text) else -1
        if found < 0:
            break
        place, matched, end = found, count, found
    return place, matched


def _find_open(text: bytes, ending: bytes, end: int) -> int:
    """The last offset up to ``end`` behind ``ending`` at which no text ends; -1 if there is none."""
    while (found := text.rfind(ending, 0, end)) >= 0:
        end = found + len(ending)
        if text[end : end + 1] != _SEPARATOR:
            return end
        end -= 1
    return -1


def _copy(text: bytes, start: int, count: int) -> bytes:
    """``count`` bytes from ``start`` on, which may run into the copy itself (as in LZ77)."""
    following = text[start : start + count]
    return following if len(following) == count else (following * (count // len(following) + 1))[:count]
