"""The plot of ``byte-lsp eval ensemble``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from byte_lsp.evaluation.ensemble_gain import Cost, Gain
from byte_lsp.evaluation.ensemble_report import short_names
from byte_lsp.evaluation.plotting import COLOURS, plot, spread
from byte_lsp.evaluation.report import show_interval

_MEMBER_COLOURS = (COLOURS["plain"], COLOURS["healing"], COLOURS["bytes"], COLOURS["second"])


def draw_ensemble(models: Sequence[str], gains: Sequence[Gain], cost: Cost, folder: Path) -> list[Path]:
    """``ensemble.png``: the ensemble's lead over each member by language, and what it costs."""
    path = folder / "ensemble.png"
    names = short_names(models)
    with plot(path, 11, 1.4 + 0.42 * len(gains), columns=2) as (leads, times):
        _draw_leads(leads, names, gains)
        _draw_times(times, names, cost)
    return [path]


def _draw_leads(axes: Axes, names: Sequence[str], gains: Sequence[Gain]) -> None:
    step = 0.5 / len(names)
    for member, name in enumerate(names):
        colour = _MEMBER_COLOURS[member % len(_MEMBER_COLOURS)]
        heights = [len(gains) - 1 - at - (member - (len(names) - 1) / 2) * step for at in range(len(gains))]
        intervals = [gain.leads[member] for gain in gains]
        below, above = zip(*map(spread, intervals), strict=True)
        axes.errorbar(
            [interval.estimate for interval in intervals],
            heights,
            xerr=[below, above],
            fmt="o",
            markersize=5,
            color=colour,
            capsize=3,
            label=f"over {name}",
        )
    axes.axvline(0, color="#333333", linewidth=1)
    axes.set_yticks(range(len(gains)), [f"{gain.language} ({gain.cursors})" for gain in reversed(gains)])
    axes.set_title("The ensemble's lead over each member", pad=26)
    axes.set_xlabel("nats per byte of the rest of the line; right of zero the ensemble is better")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.99), ncols=len(names), borderaxespad=0)
    axes.grid(axis="x")


def _draw_times(axes: Axes, names: Sequence[str], cost: Cost) -> None:
    left = 0.0
    for member, (name, ms) in enumerate(zip(names, cost.members_ms_per_byte, strict=True)):
        colour = _MEMBER_COLOURS[member % len(_MEMBER_COLOURS)]
        axes.barh(1, ms, left=left, height=0.5, color=colour)
        axes.annotate(
            f"{name}\n{ms:.1f}", (left + ms / 2, 1), ha="center", va="center", fontsize=8.5, color="white"
        )
        left += ms
    together = cost.ensemble_ms_per_byte
    axes.barh(0, together, height=0.5, color=COLOURS["exact"])
    axes.annotate(f"{together:.1f}", (together / 2, 0), ha="center", va="center", fontsize=8.5, color="white")
    axes.set_yticks([0, 1], ["ensemble", "members, each alone"])
    axes.set_ylim(-0.6, 1.6)
    axes.set_title(f"Cost: {show_interval(cost.ratio, 2)} of the sum", pad=26)
    axes.set_xlabel("ms per byte, byte by byte")
    axes.grid(axis="x")
