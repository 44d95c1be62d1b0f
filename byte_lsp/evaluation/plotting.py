"""How plots look. The only module that imports matplotlib, which is an optional extra."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byte_lsp.evaluation.bootstrap import Interval

COLOURS = {
    "raw": "#8c8c8c",
    "plain": "#c98a2b",
    "healing": "#7a6fb0",
    "exact": "#1b7f79",
    "bytes": "#3b6ea5",
    "second": "#b0413e",
}
FADED = 0.45
_STYLE: dict[Any, object] = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "savefig.dpi": 150,
}


@contextmanager
def plot(path: Path, width: float, height: float, *, columns: int = 1, rows: int = 1) -> Iterator[list[Axes]]:
    """Axes in rows, from the top left, saved to ``path`` on leaving. Sizes are in inches."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = [figure.add_subplot(rows, columns, at + 1) for at in range(columns * rows)]
        yield axes
        figure.savefig(path)


def spread(interval: Interval) -> tuple[float, float]:
    """How far an interval's bounds are below and above its estimate, as error bars want it: never negative.

    A rounding error may put a bound on the wrong side of an estimate that is the same; NaN stays NaN.
    """
    below, above = interval.estimate - interval.low, interval.high - interval.estimate
    return (0.0 if below < 0 else below), (0.0 if above < 0 else above)


def label_points(axes: Axes, places: Sequence[float], values: Sequence[float], labels: Sequence[str]) -> None:
    """Write a label to the right of each point, or of the end of each horizontal bar."""
    for place, value, label in zip(places, values, labels, strict=True):
        axes.annotate(
            label, (value, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=8.5
        )
