"""How the demo looks: excerpts with ghost text at the cursor, and a table at the end.

On a terminal ghost text is dimmed, with the cursor on its first character; elsewhere it stands
between ‹ and ›.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from byte_lsp.demo.session import Suggested
from byte_lsp.demo.stops import Stop

_LINES_ABOVE = 2
_GUTTER_COLUMNS = 5
_THEME = "ansi_dark"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the server suggested at a stop, and what other ways to tokenize would have; empty for nothing."""

    suggested: Suggested
    plain: str
    healing: str

    @property
    def stop(self) -> Stop:
        return self.suggested.stop

    @property
    def exact(self) -> str:
        return self.suggested.text


class Screen:
    """Prints to one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._colours = console.is_terminal and not console.is_dumb_terminal

    def show(self, shown: Shown) -> None:
        """The lines above the cursor and the cursor's, with ghost text; then what plain tokenization says."""
        stop = shown.stop
        title = Text(f"{stop.file.name}:{stop.line}", "bold")
        about = Text(f"  {stop.where}, {shown.suggested.latency_ms:.0f} ms")
        lines = self._highlight(stop)
        first = stop.line - len(lines) + 1
        self._print(title, about)
        for number, line in enumerate(lines[:-1], first):
            self._print(_gutter(str(number)), line)
        self._print(_gutter(str(stop.line)), lines[-1], self._ghost(shown.exact))
        self._print(_gutter("plain"), lines[-1], self._ghost(shown.plain))
        self._print()

    def sum_up(self, all_shown: Sequence[Shown]) -> None:
        """What was suggested beside what the files hold."""
        table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), expand=True)
        table.add_column("stop", no_wrap=True)
        for column in ("exact", "plain", "in the file"):
            table.add_column(column, no_wrap=True, overflow="ellipsis", ratio=1)
        for shown in all_shown:
            truth = shown.stop.truth
            verdicts = (self._verdict(text, truth) for text in (shown.exact, shown.plain))
            table.add_row(f"{shown.stop.file.name}:{shown.stop.line}", *verdicts, _visible(truth))
        self._console.print(table)
        self._print()
        exact, plain, healing = (
            sum(getattr(shown, arm) == shown.stop.truth for shown in all_shown)
            for arm in ("exact", "plain", "healing")
        )
        latencies_ms = [shown.suggested.latency_ms for shown in all_shown]
        first_ms = max(shown.suggested.first_ms for shown in all_shown)
        self._print(
            Text(
                f"Whole rest of the line right: exact {exact} of {len(all_shown)}, "
                f"plain tokenization {plain}, token healing {healing}.\n"
                "These stops were chosen to show the difference: all but one are inside a token of the "
                "default model.\n"
                f"From the last key to the suggestion: {median(latencies_ms):.0f} ms (median), "
                f"{max(latencies_ms):.0f} ms (longest);\n"
                f"at the empty line before it, where the model first reads the file, up to {first_ms:.0f} ms."
            )
        )

    def _highlight(self, stop: Stop) -> list[Text]:
        code = stop.before
        highlighted = Syntax(code, stop.file.language, theme=_THEME).highlight(code)
        lines = highlighted.split("\n", allow_blank=True)
        return list(lines[stop.line - 1 - _LINES_ABOVE : stop.line])

    def _ghost(self, text: str) -> Text:
        ghost = _visible(text)
        if not self._colours:
            return Text(f"‹{ghost}›")
        return Text.assemble((ghost[:1] or " ", "dim reverse"), (ghost[1:], "dim italic"))

    def _verdict(self, text: str, truth: str) -> Text:
        return Text(_visible(text), "green" if text == truth else "red")

    def _print(self, *parts: Text) -> None:
        self._console.print(Text.assemble(*parts), soft_wrap=True)


def _gutter(label: str) -> Text:
    return Text(f"{label:>{_GUTTER_COLUMNS}}  ", "dim")


def _visible(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "↵")
