"""How far a measurement is, on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

OnDone = Callable[[int], None]
"""Told how many are done."""

Track = Callable[[str, int], OnDone]
"""Begins a bar with a title and how many there are to do."""


@contextmanager
def show_progress() -> Iterator[Track]:
    """Bars, drawn only when something was done: a thread that redraws would be timed too."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    bars = Progress(*columns, console=Console(stderr=True), auto_refresh=False)

    def track(title: str, total: int) -> OnDone:
        bars.start()
        task = bars.add_task(title, total=total)
        return lambda done: bars.update(task, completed=done, refresh=True)

    try:
        yield track
    finally:
        if bars.live.is_started:
            bars.stop()
