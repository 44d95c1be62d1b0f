"""From draws to a text: steps are taken until the text is finished."""

from collections.abc import Iterable, Sequence

from byte_lsp.bytes.sampler import Step
from byte_lsp.infill.problem import Candidate, StopReason
from byte_lsp.infill.stopping import Limits


def gather(steps: Iterable[Step], limits: Limits, *, with_logprob: bool) -> Candidate:
    """The text that the steps spell up to its end or a limit; what it cost is for the caller to fill in."""
    text, taken = b"", []
    for step in steps:
        text += step.data
        if with_logprob:
            taken.append(step)
        stopped = limits.check(text)
        if stopped:
            return _candidate(stopped.text, taken, stopped.reason)
        if step.ended:
            return _candidate(text, taken, "end_of_text")
    return _candidate(text, taken, "context_full")


def _candidate(text: bytes, scored: Sequence[Step], reason: StopReason) -> Candidate:
    return Candidate(text, sum(step.logprob() for step in scored) if scored else None, reason, 0)
