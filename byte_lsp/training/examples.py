"""From a document and a span to what the model reads in training: the very prompt it will be asked with.

The prefix and the middle are one text to the tokenizer, as covers condition on them: a token may begin before
the cursor and end behind it. What of it stands before the cursor is known when the model is asked, and so it
is in training. The suffix is tokenized by itself.
"""

import random
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from byte_lsp.bytes.framing import Framing
from byte_lsp.infill.layouts import Form, PromptEncoder, lay_out
from byte_lsp.infill.problem import Chunk, InfillProblem
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.training.documents import Document
from byte_lsp.training.spans import Span, SpanKind

LEAST_SHARE, MOST_SHARE = 0.15, 0.6
"""Of the room that the middle leaves, the suffix gets a share between these, and what the prefix leaves."""

MOST_WEIGHT = 24.0
"""What the tokens of one middle weigh together at most: long blocks would drown single lines."""

LOOKBACK_TOKENS = 48
"""So many tokens before the cursor's may count, too: as if it stood there, with the same suffix."""

END_WEIGHT = 4.0
"""What the token that ends a middle weighs: it ties the middle to its suffix, and is one target in twenty."""

TEXT_STEP = 2
"""Of the other text every second token counts: the vocabulary layer, which only places that count go through,
is a quarter of the network, and neighbours teach much the same.
"""

_SPARE_TOKENS = 8  # the sentinels, and what cut texts take more than their parts
_HEADER_TOKENS = 24  # two paths, roughly
_BYTES_PER_TOKEN = 6  # hardly any source has more: enough bytes to fill a room


@dataclass(frozen=True, slots=True)
class Example:
    """``tokens[1:]`` are predicted from what precedes them; ``weights[i]`` is that of ``tokens[i + 1]``.

    The tokens from ``middle_at`` on spell ``begun``, which stands before the cursor, and a middle of
    ``middle_bytes``; ``ends`` says that one more ends them. The loss of the token at ``middle_at`` is given
    that it starts with ``begun``.
    """

    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    kind: SpanKind
    language: str
    middle_at: int
    middle_bytes: int
    ends: bool
    begun: bytes = b""


class ExampleMaker:
    """Makes examples for one model and form."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        form: Form,
        framing: Framing,
        end_token: int,
        prefix_weight: float = 0.0,
        text_weight: float = 0.0,
    ) -> None:
        """``prefix_weight`` is that of the last tokens before the cursor, ``text_weight`` of other text, from
        left to right; ``end_token`` ends a middle.
        """
        self._tokenizer = tokenizer
        self._form = form
        self._encoder = PromptEncoder(tokenizer, form, framing)
        self._end_token = end_token
        self._prefix_weight = prefix_weight
        self._text_weight = text_weight

    def make(
        self,
        document: Document,
        span: Span,
        room_tokens: int,
        rng: random.Random,
        other: Document | None = None,
    ) -> Example | None:
        """An example of at most ``room_tokens`` + 1 tokens, None where it would be longer."""
        problem = self.problem(document, span, room_tokens, rng, other)
        if problem is None:
            return None
        example = self.of(problem, document.text[span.start : span.end], span.kind)
        return example if len(example.tokens) <= room_tokens + 1 else None

    def problem(
        self,
        document: Document,
        span: Span,
        room_tokens: int,
        rng: random.Random,
        other: Document | None = None,
    ) -> InfillProblem | None:
        """A window around a span, for about ``room_tokens``; None where the middle takes most of them.

        Lines of ``other`` come first, in an eighth to a third of the room.
        """
        text = document.text
        room = room_tokens - self._count(text[span.start : span.end]) - _SPARE_TOKENS
        if room < room_tokens // 2:
            return None
        chunks = self._chunks(other, room, rng) if other else ()
        room -= sum(self._count(chunk.text) + _HEADER_TOKENS for chunk in chunks)
        suffix = b""
        if span.kind != "end":
            before = self._count(text[max(0, span.start - _BYTES_PER_TOKEN * room) : span.start])
            share = round(room * rng.uniform(LEAST_SHARE, MOST_SHARE))
            suffix = self.head(text[span.end :], max(share, room - before))
            room -= self._count(suffix)
        return InfillProblem(
            self.tail(text[: span.start], room),
            suffix,
            document.language,
            path=document.path.encode(),
            chunks=chunks,
            suffix_goes_on=span.kind != "end" and span.end + len(suffix) < len(text),
            file_is_whole=span.kind != "end",
        )

    def of(self, problem: InfillProblem, middle: bytes, kind: SpanKind) -> Example:
        """The example that has the model write ``middle`` after the problem's prompt.

        Where the prompt has no suffix, no token ends the middle. Of the kind ``end`` all text counts as one.
        """
        prompt = lay_out(problem, self._form)
        fills_in = self._form.suffix in prompt.parts
        head = self._encoder.frame(prompt).head
        text = prompt.prefix + middle
        known = b"" if kind == "end" else prompt.prefix  # the end of a file: all of the text is to be written
        body = self._tokenizer.encode(text)
        pieces = self._tokenizer.vocabulary.pieces
        ends = list(accumulate(len(pieces[token]) for token in body))
        first = bisect_left(ends, len(known) + 1)
        begun = known[ends[first - 1] if first else 0 :]
        tail = (self._end_token,) if fills_in else ()
        written = len(body) - first
        weight = min(1.0, MOST_WEIGHT / written) if written else 0.0
        before = self._text_weights(head) + self._prefix_weights(first)
        weights = before + (weight,) * written + (END_WEIGHT,) * len(tail)
        return Example(
            (*head, *body, *tail),
            weights[1:],
            kind,
            problem.language,
            len(head) + first,
            len(text) - len(known),
            bool(tail),
            begun,
        )

    def head(self, text: bytes, room: int) -> bytes:
        """The beginning of ``text`` up to a line end, in ``room`` tokens; a long first line is cut."""
        text = _whole_characters(text[: max(room, 0) * _BYTES_PER_TOKEN])
        ends = self._token_ends(text)
        if len(ends) <= room:
            return text
        kept = text[: ends[room - 1]] if room > 0 else b""
        return kept[: kept.rfind(b"\n") + 1] or _whole_characters(kept)

    def tail(self, text: bytes, room: int) -> bytes:
        """The end of ``text`` from the start of a line on, in ``room`` tokens; empty where no line fits."""
        cut = max(len(text) - max(room, 0) * _BYTES_PER_TOKEN, 0)
        start = text.find(b"\n", cut - 1) + 1 if cut else 0
        text = text[start:] if start or not cut else b""
        while text and (ends := self._token_ends(text)) and len(ends) > room:
            start = text.find(b"\n", ends[len(ends) - room - 1] - 1) + 1
            text = text[start:] if start else b""
        return text

    def _prefix_weights(self, tokens: int) -> tuple[float, ...]:
        near = min(tokens, LOOKBACK_TOKENS)
        far = (self._text_weight if index % TEXT_STEP else 0.0 for index in range(tokens - near))
        return (*far, *(self._prefix_weight,) * near)

    def _text_weights(self, head: Sequence[int]) -> tuple[float, ...]:
        """Of what stands before the prefix: sentinels have none."""
        pieces = self._tokenizer.vocabulary.pieces
        return tuple(
            self._text_weight if index % TEXT_STEP and pieces[token] else 0.0
            for index, token in enumerate(head)
        )

    def _count(self, text: bytes) -> int:
        return len(self._tokenizer.encode(text))

    def _token_ends(self, text: bytes) -> Sequence[int]:
        pieces = self._tokenizer.vocabulary.pieces
        return list(accumulate(len(pieces[token]) for token in self._tokenizer.encode(text)))

    def _chunks(self, other: Document, room: int, rng: random.Random) -> tuple[Chunk, ...]:
        lines = other.lines
        start = lines.starts[rng.randrange(len(lines))]
        text = self.head(other.text[start:], rng.randint(room // 8, room // 3))
        return (Chunk(other.path.encode(), text),) if text.endswith(b"\n") else ()


def _whole_characters(text: bytes) -> bytes:
    return text.decode(errors="ignore").encode()
