"""The plot of ``byte-lsp eval bias``. Needs matplotlib."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from byte_lsp.evaluation.bias import PlaceSummary
from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.plotting import COLOURS, plot, spread

_WIDTH = 0.36


def draw_bias(places: Sequence[PlaceSummary], folder: Path) -> list[Path]:
    """``bias.png``: a row for each place, with right lines, unreachable lines and nats per byte by arm."""
    path = folder / "bias.png"
    with plot(path, 11, 3.1 * len(places), columns=3, rows=len(places)) as axes:
        for at, place in enumerate(places):
            right, unreachable, nats = axes[3 * at : 3 * at + 3]
            _draw_right(right, place)
            _draw_unreachable(unreachable, place)
            _draw_nats(nats, place)
    return [path]


def _draw_right(axes: Axes, place: PlaceSummary) -> None:
    for at, arm in enumerate(place.arms):
        _bar(axes, at, arm.right, COLOURS[arm.arm], 100)
        top = arm.right.estimate if math.isnan(arm.right.high) else arm.right.high
        _label(axes, at, 100 * top, str(arm.right_cursors))
    _finish(axes, place, f"{place.cursors} cursors {place.place}", "% of rests of lines right")


def _draw_unreachable(axes: Axes, place: PlaceSummary) -> None:
    for at, arm in enumerate(place.arms):
        axes.bar(at, 100 * arm.unreachable, width=0.6, color=COLOURS[arm.arm])
        _label(axes, at, 100 * arm.unreachable, f"{100 * arm.unreachable:.1f} %")
    _finish(axes, place, "True rest of the line unreachable", "% of cursors")
    axes.set_ylim(0, 112)


def _draw_nats(axes: Axes, place: PlaceSummary) -> None:
    """The arm on the left of each pair, exact at the same cursors on its right."""
    for at, arm in enumerate(place.arms):
        if arm.nats_per_byte is None or arm.exact_nats_per_byte is None:
            axes.annotate("none reachable", (at, 0), ha="center", va="bottom", fontsize=8.5, rotation=90)
        elif arm.arm == "exact":
            _bar(axes, at, arm.nats_per_byte, COLOURS["exact"], width=_WIDTH)
        else:
            _bar(axes, at - _WIDTH / 2, arm.nats_per_byte, COLOURS[arm.arm], width=_WIDTH)
            _bar(axes, at + _WIDTH / 2, arm.exact_nats_per_byte, COLOURS["exact"], width=_WIDTH)
    _finish(axes, place, "Where reachable, exact beside it", "nats per byte")


def _bar(
    axes: Axes, at: float, interval: Interval, colour: str, scale: float = 1.0, width: float = 0.6
) -> None:
    middle = scale * interval.estimate
    below, above = (scale * length for length in spread(interval))
    axes.bar(at, middle, width=width, color=colour)
    axes.errorbar(at, middle, [[below], [above]], color="#333333", capsize=3, linewidth=1)


def _label(axes: Axes, at: float, height: float, text: str) -> None:
    axes.annotate(text, (at, height), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=8.5)


def _finish(axes: Axes, place: PlaceSummary, title: str, label: str) -> None:
    axes.set_xticks(range(len(place.arms)), [arm.arm for arm in place.arms])
    axes.set_xlim(-0.6, len(place.arms) - 0.4)
    axes.set_title(title)
    axes.set_ylabel(label)
    axes.grid(axis="y")
