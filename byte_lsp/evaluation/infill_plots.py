"""The plot of ``byte-lsp eval infill``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.infill_ask import EvalArm
from byte_lsp.evaluation.infill_summary import ArmSummary, DatasetSummary, PairSummary
from byte_lsp.evaluation.plotting import COLOURS, plot, spread

_ARM_COLOURS: dict[EvalArm, str] = {
    "plain": COLOURS["plain"],
    "healing": COLOURS["healing"],
    "exact": COLOURS["exact"],
    "plain+fit": "#8a5a12",
    "healing+fit": "#4d4384",
    "exact+fit": COLOURS["bytes"],
}
_HATCHES = ("", "//", "..", "xx", "\\\\", "++")
"""One for each model; the first has none."""

_MARKERS = "osD^vP"
_MOST_COLUMNS = 4


def draw_infill(datasets: Sequence[DatasetSummary], folder: Path) -> list[Path]:
    """``infill.png``: a row for each dataset, with what was right in every arm and the paired leads.

    Where there are several models the leads are those over the first.
    """
    path = folder / "infill.png"
    most = max(len(dataset.arms) for dataset in datasets)
    width, height = (12.0, 3.6) if most <= _MOST_COLUMNS else (16.0, 6.0)
    with plot(path, width, height * len(datasets), columns=2, rows=len(datasets)) as axes:
        for at, dataset in enumerate(datasets):
            _draw_rates(axes[2 * at], dataset)
            _draw_leads(axes[2 * at + 1], dataset)
    return [path]


def _draw_rates(axes: Axes, dataset: DatasetSummary) -> None:
    """A group of bars for every metric, a bar for every model and arm."""
    width = 0.8 / len(dataset.arms)
    for number, arm in enumerate(dataset.arms):
        places = [at + (number - (len(dataset.arms) - 1) / 2) * width for at in range(len(dataset.metrics))]
        _draw_arm(axes, places, width, dataset, arm)
    axes.set_xticks(range(len(dataset.metrics)), dataset.metrics)
    axes.set_title(f"{dataset.dataset}: {dataset.holes} holes", pad=_title_pad(len(dataset.arms)))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    _add_legend(axes, len(dataset.arms))
    axes.grid(axis="y")


def _draw_arm(
    axes: Axes, places: Sequence[float], width: float, dataset: DatasetSummary, arm: ArmSummary
) -> None:
    rates = list(arm.rates.values())
    heights = [rate.estimate for rate in rates]
    hatch = _HATCHES[dataset.models.index(arm.way.model) % len(_HATCHES)]
    colour, name = _ARM_COLOURS[arm.way.arm], dataset.name(arm.way)
    axes.bar(places, heights, width=0.92 * width, color=colour, hatch=hatch, edgecolor="white", label=name)
    axes.errorbar(places, heights, _spreads(rates), fmt="none", color="#333333", capsize=2, linewidth=1)


def _draw_leads(axes: Axes, dataset: DatasetSummary) -> None:
    """A dot for every pair and metric, with its interval."""
    pairs = [pair for pair in dataset.pairs if pair.is_of_one_model == (len(dataset.models) == 1)]
    step = 0.7 / max(1, len(pairs))
    for number, pair in enumerate(pairs):
        places = [at + (number - (len(pairs) - 1) / 2) * step for at in range(len(dataset.metrics))]
        _draw_pair(axes, places, dataset, pair)
    axes.axvline(0, color="#333333", linewidth=1)
    axes.set_yticks(range(len(dataset.metrics)), dataset.metrics)
    axes.invert_yaxis()
    axes.set_title("Paired leads at the same holes", pad=_title_pad(len(pairs)))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    if pairs:
        _add_legend(axes, len(pairs))
    axes.grid(axis="x")


def _draw_pair(axes: Axes, places: Sequence[float], dataset: DatasetSummary, pair: PairSummary) -> None:
    leads = list(pair.leads.values())
    axes.errorbar(
        [lead.estimate for lead in leads],
        places,
        xerr=_spreads(leads),
        fmt=_MARKERS[dataset.models.index(pair.way.model) % len(_MARKERS)],
        markersize=5,
        color=_ARM_COLOURS[pair.telling_arm],
        capsize=3,
        label=f"{dataset.name(pair.way)} over {dataset.name(pair.other)}",
    )


def _add_legend(axes: Axes, entries: int) -> None:
    columns = min(entries, _MOST_COLUMNS if entries <= _MOST_COLUMNS else 2)
    size = 10 if entries <= _MOST_COLUMNS else 7.5
    axes.legend(loc="lower left", bbox_to_anchor=(0, 0.99), ncols=columns, borderaxespad=0, fontsize=size)


def _title_pad(entries: int) -> float:
    """Points between a title and its axes, for a legend in between."""
    return 26 if entries <= _MOST_COLUMNS else 14 + 13 * -(-entries // 2)


def _spreads(intervals: Sequence[Interval]) -> list[list[float]]:
    """Shape (2, intervals), as error bars want it."""
    return [list(side) for side in zip(*map(spread, intervals), strict=True)]
