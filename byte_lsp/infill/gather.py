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
    """A finished text, why it ended, how many tokens spelled it, and their steps if they were to be kept."""

    text: bytes
    reason: StopReason
    tokens: int
    steps: Sequence[Step] = ()

    def logprob(self) -> float | None:
        """Log-probability (nats, at temperature 1) of all steps, None where none was kept."""
        return sum(step.logprob() for step in self.steps) if self.steps else None

    def first_line_logprob(self) -> float | None:
        """The same of the steps through the one in which the first line ends that is not blank."""
        if not self.steps:
            return None
        text, total = b"", 0.0
        for step in self.steps:
            text += step.data
            total += step.logprob()
            if b"\n" in text.lstrip():
                break
        return total

    def candidate(self) -> Candidate:
        """The text as it is; what it cost is for the caller to fill in."""
        return Candidate(self.text, self.logprob(), self.reason, 0)


def gather(steps: Iterable[Step], ending: Ending, *, keep_steps: bool) -> Gathered:
    """The text that the steps spell up to its end or where ``ending`` ends it."""
    growing = _Growing(ending, keep_steps)
    for step in steps:
        growing.add(step)
        if growing.finished:
            return growing.finished
    return growing.cut_short()


def gather_all(
    sampler: Sampler, drawings: Sequence[Drawing], ending: Ending, *, keep_steps: bool
) -> list[Gathered]:
    """The texts of several drawings, which grow by one step each in every batch."""
    texts = [_Growing(ending, keep_steps) for _ in drawings]
    for drawing, text in zip(drawings, texts, strict=True):
        text.add(drawing.first)
    while live := [
        at for at, text in enumerate(texts) if not text.finished and drawings[at].wanted is not None
    ]:
        for at, step in zip(live, sampler.advance([drawings[at] for at in live]), strict=True):
            texts[at].add(step)
    return [text.finished or text.cut_short() for text in texts]


class _Growing:
    """A text that steps are added to until it is ``finished``."""

    def __init__(self, ending: Ending, keep_steps: bool) -> None:
        self.finished: Gathered | None = None
        self._text = b""
        self._tokens = 0
        self._ending = ending
        self._steps: list[Step] = []
        self._keeps_steps = keep_steps

    def add(self, step: Step) -> None:
        self._text += step.data
        self._tokens += 1
        if self._keeps_steps:
            self._steps.append(step)
        stopped = self._ending.check(self._text)
        if stopped:
            self.finished = self._end(stopped.text, stopped.reason)
        elif step.ended:
            self.finished = self._end(self._text, "end_of_text")

    def cut_short(self) -> Gathered:
        """The text so far, when the model's context has no room for more."""
        return self._end(self._text, "context_full")

    def _end(self, text: bytes, reason: StopReason) -> Gathered:
        return Gathered(text, reason, self._tokens, self._steps)
