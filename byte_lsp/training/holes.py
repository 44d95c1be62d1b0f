"""Holes in single definitions of the data set, what a model writes there, and which of two texts is better.

The model that is being taught is asked for one line at a time. Its most probable text is what who types
would have seen; where that is not the true one, it and a better one are a pair to learn from (arXiv
2305.18290). Not every true line is better in a way that can be learnt: most surprise whoever has read all
that surrounds them. So texts are judged by the probability of the text and of the suffix behind it, read
from left to right (``infill.suffix_fit``).
"""

import math
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from byte_lsp.bytes.scoring import log_likelihoods
from byte_lsp.errors import ContextFull, TrainingError
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.suffix_fit import SUFFIX_BYTES
from byte_lsp.training.documents import Documents
from byte_lsp.training.examples import Example, ExampleMaker
from byte_lsp.training.excerpts import draw_excerpt
from byte_lsp.training.spans import Span, SpanKind, draw_kind, draw_span

KINDS: Mapping[SpanKind, float] = {"line": 0.6, "rest": 0.25, "last": 0.15}
"""Shares of the kinds. Each is one line up to before its line feed."""

ROW_TOKENS = 224
DRAWS = 6

LEAST_LEAD = 0.5
"""So many nats the true text leads by where a judge is to call it better."""

LEAST_LEAD_OF_DRAWN = 1.5
"""The same for another text that the model wrote: nobody knows that it is right."""

_KEPT = 4  # of the texts drawn: more often agree
_COMMENT = re.compile(rb"\s*(?:#|//|/\*|\*|--|<!--|[\"']{3})")
_MOST_BYTES = 100
_MOST_TRIES = 400
_ANSWER_BYTES = 120


@dataclass(frozen=True, slots=True)
class Hole:
    """A place where ``truth`` stood."""

    problem: InfillProblem
    truth: bytes
    kind: SpanKind


@dataclass(frozen=True, slots=True)
class Text:
    """What the model wrote in a hole, and its log-probability there in nats.

    ``ends`` says that the model ended it. ``judged`` is the log-probability, from left to right, of the text
    and the suffix's first bytes behind it; None where nothing judges.
    """

    text: bytes
    logprob: float | None
    ends: bool
    judged: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote in the hole of that ``number``, as it fits there: its most probable text first,
    if that leaves anything to show.

    ``truth_judged`` is as ``Text.judged``, of the true text.
    """

    number: int
    texts: tuple[Text, ...]
    truth_judged: float | None


class HoleDrawer:
    """Draws holes from documents: the same seed and number, the same hole."""

    def __init__(
        self, documents: Documents, maker: ExampleMaker, shares: Mapping[str, float], seed: int
    ) -> None:
        """``shares`` are weights of languages."""
        self._documents = documents
        self._maker = maker
        self._shares = shares
        self._seed = seed

    def hole(self, number: int) -> Hole:
        """The hole of that number. Errors: ``TrainingError`` if 400 tries find none."""
        rng = random.Random(f"hole {self._seed} {number}")
        language = rng.choices(list(self._shares), list(self._shares.values()))[0]
        for _ in range(_MOST_TRIES):
            document = draw_excerpt(self._documents.draw(language, rng), rng)
            kind = draw_kind(rng, KINDS)
            span = draw_span(document.lines, kind, rng) if document else None
            if document is None or span is None:
                continue
            truth = document.text[span.start : span.end].removesuffix(b"\n")
            if not truth.strip() or b"\n" in truth or len(truth) > _MOST_BYTES or _COMMENT.match(truth):
                continue
            span = Span(kind, span.start, span.start + len(truth))
            problem = self._maker.problem(document, span, ROW_TOKENS, rng)
            if problem is not None:
                return Hole(problem, truth, kind)
        raise TrainingError(f"no {language} definition of the data set has a line to leave out")


def answer(model: LocalModel, holes: Sequence[tuple[int, Hole]]) -> Iterator[Answer]:
    """What the model writes in each hole, and how it judges that and the truth. Holes come numbered."""
    infiller = model.infiller()
    for number, hole in holes:
        asked = replace(
            hole.problem,
            max_bytes=_ANSWER_BYTES,
            max_lines=1,
            draws=DRAWS,
            alternatives=_KEPT,
            suffix_fit=False,
            with_logprobs=True,
        )
        found = infiller.infill(asked).candidates
        texts = [Text(each.text, each.logprob, each.stop_reason == "end_of_text") for each in found]
        judged = _judge(model, hole, [*(each.text for each in texts), hole.truth])
        yield Answer(
            number,
            tuple(replace(each, judged=value) for each, value in zip(texts, judged, strict=False)),
            judged[-1],
        )


def _judge(model: LocalModel, hole: Hole, texts: Sequence[bytes]) -> list[float | None]:
    problem = hole.problem
    suffix = problem.suffix[:SUFFIX_BYTES].decode(errors="ignore").encode()
    if not suffix.strip():
        return [None] * len(texts)
    pairs = [pair for text in texts for pair in ((b"", text), (text, suffix))]
    try:
        values = log_likelihoods(model.engine, model.canonical, problem.prefix, pairs)
    except ContextFull:
        return [None] * len(texts)
    sums = [first + behind for first, behind in zip(values[::2], values[1::2], strict=True)]
    return [value if math.isfinite(value) else None for value in sums]


def prefer(hole: Hole, found: Answer) -> tuple[Text, Text] | None:
    """A better text and the model's most probable one; None where nothing says which is better.

    The true text is better if the model drew it, too, if the judge says so, or if nothing judges. Else a
    drawn text may be, by a clear lead. Where the most probable text is the true one, it is what is better,
    and the next probable one is worse: of these one hole in three counts, which keeps what is known.
    """
    if not found.texts:
        return None
    truth, first = hole.truth.rstrip(), found.texts[0]
    true = Text(hole.truth, None, True, found.truth_judged)
    drawn: dict[bytes, Text] = {}
    for each in found.texts:
        drawn.setdefault(each.text.rstrip(), each)
    others = [each for text, each in drawn.items() if text != truth]
    if first.text.rstrip() == truth:
        return (true, max(others, key=_logprob)) if others and found.number % 3 == 0 else None
    if truth in drawn or found.truth_judged is None or first.judged is None:
        return true, first
    if found.truth_judged > first.judged + LEAST_LEAD:
        return true, first
    best = max(drawn.values(), key=_judged)
    return (replace(best, ends=True), first) if _judged(best) > first.judged + LEAST_LEAD_OF_DRAWN else None


def _logprob(text: Text) -> float:
    return -math.inf if text.logprob is None else text.logprob


def _judged(text: Text) -> float:
    return -math.inf if text.judged is None else text.judged


def as_example(maker: ExampleMaker, hole: Hole, text: Text) -> Example:
    """The text in the hole, each of its tokens weighing 1, and its end where the model ended it."""
    example = maker.of(hole.problem, text.text, hole.kind)
    kept = len(example.tokens) - (example.ends and not text.ends)
    weights = tuple(1.0 if index + 1 >= example.middle_at else 0.0 for index in range(kept - 1))
    return replace(example, tokens=example.tokens[:kept], weights=weights, ends=example.ends and text.ends)
