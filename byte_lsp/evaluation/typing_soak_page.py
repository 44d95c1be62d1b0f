"""The tables and the plot of ``byte-lsp bench soak``. The plot needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from byte_lsp.evaluation.report import Table
from byte_lsp.evaluation.typing_soak import SoakOptions, SoakResults, Verdict
from byte_lsp.evaluation.typing_summary import Times

_SHOWN_ERRORS = 5


def tabulate(found: SoakResults, verdicts: Sequence[Verdict], options: SoakOptions) -> list[Table]:
    """What happened, and whether all that has to hold does."""
    times = Times.of(found.waited_ms)
    quantiles = (
        [f"{value:.1f}" for value in (times.p50_ms, times.p95_ms, times.p99_ms)] if times else ["-"] * 3
    )
    row = (
        f"{options.files} files",
        f"{found.keystrokes}",
        f"{found.seconds / 60:.1f}",
        f"{found.requests}",
        f"{len(found.waited_ms)}",
        *quantiles,
        f"{found.counts.from_memory}",
        f"{found.counts.asked}",
        f"{1e3 * found.cpu_s / max(1, found.keystrokes):.0f}",
    )
    columns = (
        *("", "keys", "minutes", "requests", "answered in time", "p50 ms", "p95 ms", "p99 ms"),
        *("from memory", "asked", "CPU s / 1,000"),
    )
    notes = [*found.errors[:_SHOWN_ERRORS], *found.wrong[:_SHOWN_ERRORS]]
    rows = [(each.name, each.limit, each.found, "yes" if each.kept else "NO") for each in verdicts]
    return [
        Table("Soak", columns, [row]),
        Table("What has to hold", ("", "limit", "found", "holds"), rows, notes),
    ]


def draw_soak(found: SoakResults, folder: Path) -> list[Path]:
    """``soak.png``: memory, and handles and threads, over time."""
    from byte_lsp.evaluation.plotting import COLOURS, plot  # noqa: PLC0415 - matplotlib is an extra

    path = folder / "soak.png"
    minutes = [each.seconds / 60 for each in found.samples]
    with plot(path, 10, 3.6, columns=2) as (memory, held):
        for name, colour in (("worker_rss_bytes", "exact"), ("server_rss_bytes", "bytes")):
            mib = [getattr(each.usage, name) / 2**20 for each in found.samples]
            memory.plot(minutes, mib, color=COLOURS[colour], label=name.split("_")[0])
        for name, colour in (("handles", "plain"), ("threads", "healing"), ("processes", "second")):
            held.plot(
                minutes,
                [getattr(each.usage, name) for each in found.samples],
                color=COLOURS[colour],
                label=name,
            )
        for axes, title, unit in ((memory, "Resident memory", "MiB"), (held, "What is held", "")):
            axes.set_title(title)
            axes.set_xlabel("minutes")
            axes.set_ylabel(unit)
            axes.set_ylim(bottom=0)
            axes.grid()
            axes.legend()
    return [path]
