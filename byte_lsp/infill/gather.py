"""From draws to texts: steps are taken until the text is finished."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from byte_lsp.bytes.sampler import Drawing, Sampler, Step
from byte_lsp.infill.pieces import complete_piece
from byte_lsp.infill.problem import Candidate, StopReason
from byte_lsp.infill.stopping import Stopped

Scored = Literal["nothing", "first_line", "all"]
"""Of which steps the log-probability is worked out: it takes time that the text alone does not."""


class Ending(Protocol):
    """When a text is finished: ``Limits``, or ``Stopping``."""

    def check(self, text: bytes) -> Stopped | None:
        """What to keep of ``text`` if it is finished, else None."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A finished text, why it ended, and how many tokens spelled it.

    ``logprob`` is that of all steps (nats, at temperature 1), None unless ``all`` are scored. ``line_steps``
    are the scored steps through the one in which the first line ends that is not blank: the offset in the
    text at which each ends, and the log-probability up to there. ``whole_line`` says that the first line is
    whole.
    """

    text: bytes
    reason: StopReason
    tokens: int
    logprob: float | None = None
    line_steps: tuple[tuple[int, float], ...] = ()
    whole_line: bool = True

    @property
    def first_line_logprob(self) -> float | None:
        """The log-probability of the first line that is not blank."""
        return self.line_steps[-1][1] if self.line_steps else None

    def candidate(self) -> Candidate:
        """The text as it is; what it cost is for the caller to fill in."""
        return Candidate(self.text, self.logprob, self.reason, 0)


class Writing(Protocol):
    """Texts that are being written."""

    @property
    def texts(self) -> Sequence[Gathered]:
        """Each text: finished, or with what is whole of it so far."""


IsDue = Callable[[Writing], bool]


def gather(steps: Iterable[Step], ending: Ending, scored: Scored) -> Gathered:
    """The text that the steps spell up to its end or where ``ending`` ends it."""
    writing = StepWriting(steps, ending, scored)
    writing.grow()
    return writing.texts[0]


class StepWriting:
    """One text that grows by steps from an iterator."""

    def __init__(self, steps: Iterable[Step], ending: Ending, scored: Scored) -> None:
        self._steps = iter(steps)
        self._text = _Growing(ending, scored)
        self._ran_out = False

    @property
    def is_finished(self) -> bool:
        """Whether no text grows any more."""
        return self._ran_out or self._text.finished is not None

    @property
    def texts(self) -> list[Gathered]:
        """The text: finished, or with what is whole of it so far."""
        return [self._text.finished or self._text.so_far(grows=not self._ran_out)]

    def grow(self, is_due: IsDue | None = None) -> None:
        """Add steps until all texts are finished, or ``is_due``, asked before each step, says to stop."""
        while not self.is_finished:
            if is_due and is_due(self):
                return
            step = next(self._steps, None)
            if step is None:
                self._ran_out = True
            else:
                self._text.add(step)


class Gathering:
    """As ``StepWriting``, of several drawings, which grow by a batch of steps at a time."""

    def __init__(self, sampler: Sampler, drawings: Sequence[Drawing], ending: Ending, scored: Scored) -> None:
        self._sampler = sampler
        self._drawings = drawings
        self._texts = [_Growing(ending, scored) for _ in drawings]
        for drawing, text in zip(drawings, self._texts, strict=True):
            text.add(drawing.first)

    @property
    def is_finished(self) -> bool:
        return not self._live

    @property
    def texts(self) -> list[Gathered]:
        return [text.finished or text.so_far(grows=at in self._live) for at, text in enumerate(self._texts)]

    def grow(self, is_due: IsDue | None = None) -> None:
        """As ``StepWriting.grow``, a batch of steps at a time.

        Where there is not room for all texts in a batch, the last ones wait until others have ended.
        """
        while live := self._live:
            if is_due and is_due(self):
                return
            room = self._sampler.count_fitting([self._drawings[at] for at in live])
            taken = self._sampler.advance([self._drawings[at] for at in live[:room]])
            for at, steps in zip(live[:room], taken, strict=True):
                self._texts[at].add_all(steps)

    @property
    def _live(self) -> list[int]:
        return [
            at
            for at, text in enumerate(self._texts)
            if not text.finished and self._drawings[at].wanted is not None
        ]


class _Growing:
    """A text that steps are added to until it is ``finished``.

    A step's probability is asked for at once: until then the step keeps a row as wide as the vocabulary.
    """

    def __init__(self, ending: Ending, scored: Scored) -> None:
        self.finished: Gathered | None = None
        self._text = b""
        self._tokens = 0
        self._ending = ending
        self._scored = scored
        self._logprob = 0.0
        self._line_steps: list[tuple[int, float]] = []
        self._line_ended = False

    def add_all(self, steps: Sequence[Step]) -> None:
        """Add steps up to the one that finishes the text."""
        for step in steps:
            if not self.finished:
                self.add(step)

    def add(self, step: Step) -> None:
        self._text += step.data
        self._tokens += 1
        if self._scored == "all" or (self._scored == "first_line" and not self._line_ended):
            self._logprob += step.logprob()
            if not self._line_ended:
                self._line_steps.append((len(self._text), self._logprob))
                self._line_ended = b"\n" in self._text.lstrip()
        stopped = self._ending.check(self._text)
        if stopped:
            self.finished = self._end(stopped.text, stopped.reason)
        elif step.ended:
            self.finished = self._end(self._text, "end_of_text")

    def cut_short(self) -> Gathered:
        """The text so far, when the model's context has no room for more."""
        return self._end(self._text, "context_full")

    def so_far(self, *, grows: bool) -> Gathered:
        """What is whole of the text, if it ``grows`` on; else it ends here."""
        if not grows:
            return self.cut_short()
        piece = self._end(complete_piece(self._text), "deadline")
        return replace(piece, whole_line=b"\n" in self._text.lstrip())

    def _end(self, text: bytes, reason: StopReason) -> Gathered:
        logprob = self._logprob if self._scored == "all" else None
        return Gathered(text, reason, self._tokens, logprob, tuple(self._line_steps))
