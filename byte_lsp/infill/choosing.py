"""Which of the texts that were drawn to offer."""

from collections.abc import Sequence

from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.finish import fit
from byte_lsp.infill.gather import Gathered
from byte_lsp.infill.problem import Candidate, InfillProblem


class Choice:
    """Candidates with distinct bytes, in order of arrival.

    Texts are fitted between prefix and suffix as they arrive, and nothing is kept of one that leaves nothing
    to show; ``raw`` ones stay as they are.
    """

    def __init__(self, problem: InfillProblem, calibration: Calibration | None = None) -> None:
        self._problem = problem
        self._calibration = calibration
        self._found: dict[tuple[bytes, int], Candidate] = {}
        self.tokens_drawn = 0

    def __len__(self) -> int:
        return len(self._found)

    @property
    def candidates(self) -> list[Candidate]:
        """All that was found."""
        return list(self._found.values())

    def add(self, gathered: Gathered, tokens_evaluated: int) -> None:
        """Take a text, unless an equal one is there already."""
        text, replaced_bytes = gathered.text, 0
        self.tokens_drawn += gathered.tokens
        if not self._problem.raw:
            fitted = fit(text, self._problem)
            text, replaced_bytes = fitted.text, fitted.replaced_bytes
            if not text:
                return
        if (text, replaced_bytes) in self._found:
            return
        self._found[text, replaced_bytes] = Candidate(
            text,
            gathered.logprob,
            gathered.reason,
            tokens_evaluated,
            replaced_bytes,
            self._confidence(gathered),
            line_steps=gathered.line_steps if gathered.text.startswith(text) else (),
        )

    def _confidence(self, gathered: Gathered) -> float | None:
        if self._calibration is None or gathered.first_line_logprob is None:
            return None
        return self._calibration.confidence(gathered.first_line_logprob)


def offer(candidates: Sequence[Candidate], count: int) -> tuple[Candidate, ...]:
    """The best ``count`` of some candidates, best first: other first lines before other texts.

    Alternatives that begin alike look alike until they are accepted.
    """
    first_lines: set[bytes] = set()
    fresh: list[Candidate] = []
    familiar: list[Candidate] = []
    for candidate in candidates:
        line = candidate.text.lstrip().split(b"\n", 1)[0]
        (familiar if line in first_lines else fresh).append(candidate)
        first_lines.add(line)
    return tuple([*fresh, *familiar][:count])
