"""A cursor in a text: the problem it poses and the suggestions in an answer, both as in the server."""

from dataclasses import dataclass
from typing import Any

from byte_lsp.infill.finish import finish
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
        return InfillProblem(
            prefix=unify_line_ends(prefix_window(self.text, self.offset, limits.prefix_bytes)),
            suffix=unify_line_ends(suffix_window(self.text, self.offset, limits.suffix_bytes)),
            **wishes,
        )

    def read(self, result: InfillResult) -> dict[str, Candidate]:
        """What would be inserted here, best first, and the candidate that each text comes from."""
        shown: dict[str, Candidate] = {}
        for candidate in result.candidates:
            for text in finish([candidate.text], self._rest_of_line, self._line_end):
                shown.setdefault(text.decode(), candidate)
        return shown

    @property
    def _rest_of_line(self) -> bytes:
        found = LINE_END.search(self.text, self.offset)
        return self.text[self.offset : found.start() if found else None]

    @property
    def _line_end(self) -> bytes:
        found = LINE_END.search(self.text)
        return found.group() if found else b"\n"
