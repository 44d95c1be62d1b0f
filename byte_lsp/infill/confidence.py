"""How likely a suggestion's first line is right: a model's log-probability, calibrated.

What a model gives the line it writes is a probability, but of the model's world: people's lines are less
probable than that. ``byte-lsp eval calibration`` fits the step from one to the other (isotonic regression on
real cursors) and it is shipped with the model.
"""

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising function by its knots: first-line log-probabilities (nats), and the shares right there.

    Between knots the function is linear, beyond them it is level. Suggestions that nobody asked for are shown
    from a confidence of ``threshold`` on.
    """

    logprobs: tuple[float, ...]
    confidences: tuple[float, ...]
    threshold: float

    def confidence(self, first_line_logprob: float) -> float:
        """The probability (0 to 1) that a first line of this log-probability (nats) is right."""
        at = bisect_right(self.logprobs, first_line_logprob)
        if at == 0:
            return self.confidences[0]
        if at == len(self.logprobs):
            return self.confidences[-1]
        left, right = self.logprobs[at - 1], self.logprobs[at]
        share = (first_line_logprob - left) / (right - left)
        return self.confidences[at - 1] + share * (self.confidences[at] - self.confidences[at - 1])
