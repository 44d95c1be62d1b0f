"""The learning rate: warm-up, a plateau, a fall to nothing at the end (arXiv 2405.18392).

What was learnt on the plateau does not depend on how long the run will be: a longer run goes on from there.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """``warmup_steps`` rise to ``peak``, the last ``decay_share`` of all ``steps`` falls to zero."""

    peak: float
    steps: int
    warmup_steps: int = 20
    decay_share: float = 0.4

    @property
    def plateau_end(self) -> int:
        """The step at which the rate begins to fall."""
        return self.steps - round(self.steps * self.decay_share)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        rising = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        falling = min(1.0, (self.steps - step) / max(1, self.steps - self.plateau_end))
        return self.peak * min(rising, max(0.0, falling))
