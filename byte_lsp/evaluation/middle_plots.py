"""The plot of ``byte-lsp eval middles``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.middle_summary import Ends, Summary
from byte_lsp.evaluation.plotting import COLOURS, plot, spread

_COLOURS = [COLOURS[name] for name in ("raw", "exact", "second", "bytes", "plain", "healing")]


def draw_middles(summary: Summary, folder: Path) -> list[Path]:
    """``middles.png``: nats per byte by group, how many times the first model's, and where models end."""
    path = folder / "middles.png"
    columns = 3 if summary.ends else 2
    with plot(path, 6.0 * columns, 1.6 + 0.42 * len(summary.groups), columns=columns) as axes:
        _draw_nats(axes[0], summary)
        _draw_ratios(axes[1], summary)
        if summary.ends:
            _draw_ends(axes[2], summary)
    return [path]


def _draw_nats(axes: Axes, summary: Summary) -> None:
    for at, model in enumerate(summary.models):
        _draw_points(axes, [group.fits[at].middle for group in summary.groups], at, summary, model)
    _name_groups(axes, summary)
    axes.set(xlabel="nats per byte of the true middle")
    axes.set_title("Given both sides")


def _draw_ratios(axes: Axes, summary: Summary) -> None:
    for at, model in enumerate(summary.models):
        ratios = [group.fits[at].middle_ratio for group in summary.groups]
        known = [ratio for ratio in ratios if ratio is not None]
        if known:
            _draw_points(axes, known, at, summary, f"{model}, middle")
            onward = [ratio for group in summary.groups if (ratio := group.fits[at].onward_ratio) is not None]
            _draw_points(axes, onward, at, summary, f"{model}, left to right", hollow=True)
    axes.axvline(1, color="#333333", linewidth=1)
    _name_groups(axes, summary)
    axes.set(xlabel=f"times the nats of {summary.models[0]}")
    axes.set_title("Beside the first model, paired")


def _draw_ends(axes: Axes, summary: Summary) -> None:
    names = list(dict.fromkeys(each.name for each in summary.ends))
    for at, model in enumerate(summary.models):
        own: list[Ends] = [each for each in summary.ends if each.model == model]
        places = [place + _shift(at, summary) for place in range(len(own))]
        for shares, marker, label in (
            ([each.written_near for each in own], "o", "written by itself"),
            ([each.greedy_near for each in own], "D", "along the true text"),
        ):
            axes.errorbar(
                [share.estimate for share in shares],
                places,
                xerr=_spreads(shares),
                fmt=marker,
                markersize=5,
                color=_colour(at),
                mfc=_colour(at) if marker == "o" else "white",
                capsize=2,
                label=f"{model}, {label}",
            )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set(xlabel="share of middles in one line")
    axes.set_title("Ends within 2 bytes of the true end")
    axes.grid(axis="x")
    axes.legend(fontsize=8)


def _draw_points(
    axes: Axes, intervals: Sequence[Interval], at: int, summary: Summary, label: str, *, hollow: bool = False
) -> None:
    places = [place + _shift(at, summary) + 0.12 * hollow for place in range(len(intervals))]
    axes.errorbar(
        [interval.estimate for interval in intervals],
        places,
        xerr=_spreads(intervals),
        fmt="o",
        markersize=5,
        color=_colour(at),
        mfc="white" if hollow else _colour(at),
        capsize=2,
        label=label,
    )


def _name_groups(axes: Axes, summary: Summary) -> None:
    axes.set_yticks(range(len(summary.groups)), [group.name for group in summary.groups])
    axes.invert_yaxis()
    axes.grid(axis="x")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8)


def _shift(at: int, summary: Summary) -> float:
    return (at - (len(summary.models) - 1) / 2) * 0.6 / len(summary.models)


def _colour(at: int) -> str:
    return _COLOURS[at % len(_COLOURS)]


def _spreads(intervals: Sequence[Interval]) -> list[list[float]]:
    """Shape (2, intervals), as error bars want it."""
    return [list(side) for side in zip(*map(spread, intervals), strict=True)]
