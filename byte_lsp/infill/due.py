"""When an answer is due, finished or not."""

import time

from byte_lsp.infill.gather import Writing


class Due:
    """``answer_ms`` after now, once something of each text is whole, its first line if that is wanted; 0 is
    never.
    """

    def __init__(self, answer_ms: float, *, whole_line: bool = False) -> None:
        self._answer_ms = answer_ms
        self._whole_line = whole_line
        self._started = time.perf_counter()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the request began."""
        return (time.perf_counter() - self._started) * 1e3

    def is_over(self, writing: Writing) -> bool:
        """Whether its texts are to be shown now."""
        is_late = bool(self._answer_ms) and self.elapsed_ms >= self._answer_ms
        return is_late and all(
            each.text and (each.whole_line or not self._whole_line) for each in writing.texts
        )
