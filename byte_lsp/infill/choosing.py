"""Which of the texts that were drawn to offer."""

from collections.abc import Sequence

from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.finish import Fitted, fit
from byte_lsp.infill.gather import Gathered
from byte_lsp.infill.problem import Candidate, InfillProblem
from byte_lsp.infill.surroundings import Surroundings, Wanted


class Choice:
    """Candidates with distinct bytes, in order of arrival.

    Texts are fitted between prefix and suffix as they arrive, and nothing is kept of one that leaves nothing
    to show; ``raw`` ones stay as they are. Where the model ``sees_suffix``, it says itself where the suffix
    follows: a text that goes on beyond its line is none to stand before the rest of a line.
    """

    def __init__(
        self, problem: InfillProblem, calibration: Calibration | None = None, *, sees_suffix: bool = False
    ) -> None:
        self._problem = problem
        self._sees_suffix = sees_suffix
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
            if not text or (self._sees_suffix and self._leaves_its_line(gathered, fitted)):
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

    def _leaves_its_line(self, gathered: Gathered, fitted: Fitted) -> bool:
        """Whether the model had more lines in mind, and the rest of the cursor's line behind those."""
        is_whole = fitted.text == gathered.text.rstrip() and not fitted.replaced_bytes
        has_rest = Surroundings.of(self._problem).wanted is Wanted.PART
        return gathered.reason == "max_lines" and is_whole and has_rest

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
