"""A progress bar for a pull, on stderr: stdout belongs to LSP and to what a command prints."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TransferSpeedColumn,
)

from byte_lsp.models.part_file import ProgressCallback


@contextmanager
def progress_bar(title: str) -> Iterator[ProgressCallback]:
    """A callback for ``pull`` and ``ensure``; the bar is drawn from its first call on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(title, total=None)

    def report(done_bytes: int, total_bytes: int | None) -> None:
        bar.start()
        bar.update(task, completed=done_bytes, total=total_bytes)

    try:
        yield report
    finally:
        if bar.live.is_started:
            bar.stop()
