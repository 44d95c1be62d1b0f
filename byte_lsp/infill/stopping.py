"""When a growing suggestion is finished."""

from dataclasses import dataclass

from byte_lsp.infill.problem import StopReason


@dataclass(frozen=True, slots=True)
class Stopped:
    """The text to keep and why it is finished."""

    text: bytes
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_lines`` counts lines that are not blank: a suggestion that begins with a line end goes on."""

    max_bytes: int
    max_lines: int = 0
    stop: tuple[bytes, ...] = ()

    def check(self, text: bytes) -> Stopped | None:
        """What to keep of ``text`` if it is finished, else None."""
        found = [at for stop in self.stop if stop and (at := text.find(stop)) >= 0]
        if found and min(found) <= self.max_bytes:
            return Stopped(text[: min(found)], "stop")
        end = self._end_of_lines(text)
        if end is not None and end <= self.max_bytes:
            return Stopped(text[:end], "max_lines")
        if len(text) >= self.max_bytes:
            return Stopped(text[: self.max_bytes], "max_bytes")
        return None

    def _end_of_lines(self, text: bytes) -> int | None:
        """Where the last allowed line ends, if it does."""
        if not self.max_lines:
            return None
        lines = 0
        start = 0
        while (end := text.find(b"\n", start)) >= 0:
            lines += bool(text[start:end].strip())
            if lines >= self.max_lines:
                return end - text[:end].endswith(b"\r")
            start = end + 1
        return None
