"""A cursor in a text: the problem it poses and the suggestions in an answer, both as in the server."""

from dataclasses import dataclass
from typing import Any

from byte_lsp.infill.finish import set_line_ends
from byte_lsp.infill.problem import Candidate, InfillProblem, InfillResult
from byte_lsp.infill.window import LINE_END, prefix_window, suffix_window, unify_line_ends
from byte_lsp.settings import ContextSettings


@dataclass(frozen=True, slots=True)
class Cursor:
    """The byte ``offset`` in ``text``."""

    text: bytes
    offset: int

    def pose(self, **wishes: Any) -> InfillProblem:
        """The problem here, with windows as long as the server's defaults.

        ``wishes`` are further fields of ``InfillProblem``.
        """
        limits = ContextSettings()
        suffix = suffix_window(self.text, self.offset, limits.suffix_bytes)
        return InfillProblem(
            prefix=unify_line_ends(prefix_window(self.text, self.offset, limits.prefix_bytes)),
            suffix=unify_line_ends(suffix),
            suffix_goes_on=self.offset + len(suffix) < len(self.text),
            **wishes,
        )

    def read(self, result: InfillResult) -> dict[str, Candidate]:
        """What would be inserted here, best first, and the candidate that each text comes from.

        Half a character, which a ``raw`` text may end in, is shown as U+FFFD.
        """
        return {
            set_line_ends(candidate.text, self._line_end).decode("utf-8", "replace"): candidate
            for candidate in result.candidates
        }

    @property
    def _line_end(self) -> bytes:
        found = LINE_END.search(self.text)
        return found.group() if found else b"\n"
