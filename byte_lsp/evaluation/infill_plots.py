"""The plot of ``byte-lsp eval infill``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.infill_summary import ArmSummary, DatasetSummary, PairSummary
from byte_lsp.evaluation.plotting import COLOURS, plot, spread

_ARM_COLOURS = {**COLOURS, "fit": COLOURS["bytes"]}


def draw_infill(datasets: Sequence[DatasetSummary], folder: Path) -> list[Path]:
    """``infill.png``: a row for each dataset, with what the arms got right and their paired leads."""
    path = folder / "infill.png"
    with plot(path, 12, 3.6 * len(datasets), columns=2, rows=len(datasets)) as axes:
        for at, dataset in enumerate(datasets):
            _draw_rates(axes[2 * at], dataset)
            _draw_leads(axes[2 * at + 1], dataset)
    return [path]


def _draw_rates(axes: Axes, dataset: DatasetSummary) -> None:
    """A group of bars for every metric, a bar for every arm."""
    width = 0.8 / len(dataset.arms)
    for number, arm in enumerate(dataset.arms):
        places = [at + (number - (len(dataset.arms) - 1) / 2) * width for at in range(len(dataset.metrics))]
        _draw_arm(axes, places, width, arm)
    axes.set_xticks(range(len(dataset.metrics)), dataset.metrics)
    axes.set_title(f"{dataset.dataset}: {dataset.holes} holes", pad=26)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.99), ncols=len(dataset.arms), borderaxespad=0)
    axes.grid(axis="y")


def _draw_arm(axes: Axes, places: Sequence[float], width: float, arm: ArmSummary) -> None:
    rates = list(arm.rates.values())
    heights = [rate.estimate for rate in rates]
    axes.bar(places, heights, width=0.92 * width, color=_ARM_COLOURS[arm.arm], label=arm.arm)
    axes.errorbar(places, heights, _spreads(rates), fmt="none", color="#333333", capsize=2, linewidth=1)


def _draw_leads(axes: Axes, dataset: DatasetSummary) -> None:
    """A dot for every pair and metric, with its interval."""
    step = 0.7 / max(1, len(dataset.pairs))
    for number, pair in enumerate(dataset.pairs):
        places = [at + (number - (len(dataset.pairs) - 1) / 2) * step for at in range(len(dataset.metrics))]
        _draw_pair(axes, places, pair)
    axes.axvline(0, color="#333333", linewidth=1)
    axes.set_yticks(range(len(dataset.metrics)), dataset.metrics)
    axes.invert_yaxis()
    axes.set_title("Paired leads at the same holes", pad=26)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    if dataset.pairs:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 0.99), ncols=len(dataset.pairs), borderaxespad=0)
    axes.grid(axis="x")


def _draw_pair(axes: Axes, places: Sequence[float], pair: PairSummary) -> None:
    leads = list(pair.leads.values())
    colour = _ARM_COLOURS[pair.other if pair.arm == "exact" else pair.arm]
    axes.errorbar(
        [lead.estimate for lead in leads],
        places,
        xerr=_spreads(leads),
        fmt="o",
        markersize=5,
        color=colour,
        capsize=3,
        label=f"{pair.arm} over {pair.other}",
    )


def _spreads(intervals: Sequence[Interval]) -> list[list[float]]:
    """Shape (2, intervals), as error bars want it."""
    return [list(side) for side in zip(*map(spread, intervals), strict=True)]
