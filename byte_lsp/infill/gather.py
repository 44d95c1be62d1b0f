"""From draws to texts: steps are taken until the text is finished."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from byte_lsp.bytes.sampler import Drawing, Sampler, Step
from byte_lsp.infill.problem import Candidate, StopReason
from byte_lsp.infill.stopping import Stopped


class Ending(Protocol):
    """When a text is finished: ``Limits``, or ``Stopping``."""

    def check(self, text: bytes) -> Stopped | None:
        """What to keep of ``text`` if it is finished, else None."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A finished text, why it ended, and how many tokens spelled it.

    ``logprob`` is that of all steps (nats, at temperature 1), ``first_line_logprob`` that of the steps
    through the one in which the first line ends that is not blank; None unless they were asked for.
    """

    text: bytes
    reason: StopReason
    tokens: int
    logprob: float | None = None
    first_line_logprob: float | None = None

    def candidate(self) -> Candidate:
        """The text as it is; what it cost is for the caller to fill in."""
        return Candidate(self.text, self.logprob, self.reason, 0)


def gather(steps: Iterable[Step], ending: Ending, *, with_logprobs: bool) -> Gathered:
    """The text that the steps spell up to its end or where ``ending`` ends it."""
    growing = _Growing(ending, with_logprobs)
    for step in steps:
        growing.add(step)
        if growing.finished:
            return growing.finished
    return growing.cut_short()


def gather_all(
    sampler: Sampler, drawings: Sequence[Drawing], ending: Ending, *, with_logprobs: bool
) -> list[Gathered]:
    """The texts of several drawings, which grow by one step each in every batch.

    Where there is not room for all of them, the last ones wait until others have ended.
    """
    texts = [_Growing(ending, with_logprobs) for _ in drawings]
    for drawing, text in zip(drawings, texts, strict=True):
        text.add(drawing.first)
    while live := [
        at for at, text in enumerate(texts) if not text.finished and drawings[at].wanted is not None
    ]:
        room = sampler.count_fitting([drawings[at] for at in live])
        steps = sampler.advance([drawings[at] for at in live[:room]])
        for at, step in zip(live[:room], steps, strict=True):
            texts[at].add(step)
    return [text.finished or text.cut_short() for text in texts]


class _Growing:
    """A text that steps are added to until it is ``finished``.

    A step's probability is asked for at once: until then the step keeps a row as wide as the vocabulary.
    """

    def __init__(self, ending: Ending, with_logprobs: bool) -> None:
        self.finished: Gathered | None = None
        self._text = b""
        self._tokens = 0
        self._ending = ending
        self._with_logprobs = with_logprobs
        self._logprob = 0.0
        self._first_line_logprob: float | None = None  # once that line has ended

    def add(self, step: Step) -> None:
        self._text += step.data
        self._tokens += 1
        if self._with_logprobs:
            self._logprob += step.logprob()
            if self._first_line_logprob is None and b"\n" in self._text.lstrip():
                self._first_line_logprob = self._logprob
        stopped = self._ending.check(self._text)
        if stopped:
            self.finished = self._end(stopped.text, stopped.reason)
        elif step.ended:
            self.finished = self._end(self._text, "end_of_text")

    def cut_short(self) -> Gathered:
        """The text so far, when the model's context has no room for more."""
        return self._end(self._text, "context_full")

    def _end(self, text: bytes, reason: StopReason) -> Gathered:
        if not self._with_logprobs:
            return Gathered(text, reason, self._tokens)
        first_line = self._logprob if self._first_line_logprob is None else self._first_line_logprob
        return Gathered(text, reason, self._tokens, self._logprob, first_line)
