"""From draws to a text: steps are taken until the text is finished."""

from collections.abc import Iterable

from byte_lsp.bytes.sampler import Step
from byte_lsp.infill.problem import Candidate
from byte_lsp.infill.stopping import Limits


def gather(steps: Iterable[Step], limits: Limits) -> Candidate:
    """The text that the steps spell up to its end or a limit; what it cost is for the caller to fill in."""
    text, logprob = b"", 0.0
    for step in steps:
        text += step.data
        logprob += step.logprob
        stopped = limits.check(text)
        if stopped:
            return Candidate(stopped.text, logprob, stopped.reason, 0)
        if step.ended:
            return Candidate(text, logprob, "end_of_text", 0)
    return Candidate(text, logprob, "context_full", 0)
