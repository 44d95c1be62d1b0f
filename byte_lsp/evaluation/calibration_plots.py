"""The plots of ``byte-lsp eval calibration``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes

from byte_lsp.evaluation.calibration import Fitted
from byte_lsp.evaluation.plotting import COLOURS, FADED, plot, spread


def draw_calibration(fitted: Fitted, folder: Path) -> Sequence[Path]:
    """``calibration.png``: a reliability diagram, and what is shown and right by threshold."""
    path = folder / "calibration.png"
    with plot(path, 11, 4.4, columns=2) as (reliability, trade):
        _draw_reliability(reliability, fitted)
        _draw_trade(trade, fitted)
    return [path]


def _draw_reliability(axes: Axes, fitted: Fitted) -> None:
    axes.plot([0, 1], [0, 1], color=COLOURS["raw"], linewidth=1, linestyle="--", label="perfect")
    places = [each.confidence for each in fitted.bins]
    shares = [each.right.estimate for each in fitted.bins]
    errors = list(zip(*(spread(each.right) for each in fitted.bins), strict=True))
    axes.errorbar(places, shares, errors, color=COLOURS["exact"], marker="o", capsize=3, label="held out")
    threshold = fitted.calibration.threshold
    axes.axvline(threshold, color=COLOURS["second"], linewidth=1, label=f"threshold {threshold:.2f}")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share of lines right")
    axes.set_title(f"Reliability, {fitted.held_out} suggestions in files not fitted on")
    axes.grid()
    axes.legend(loc="upper left")


def _draw_trade(axes: Axes, fitted: Fitted) -> None:
    sweep = [each for each in fitted.sweep if each.shown.estimate > 0]
    shown = [each.shown.estimate for each in sweep]
    right = [each.right_of_shown.estimate for each in sweep]
    below = [each.right_of_shown.low for each in sweep]
    above = [each.right_of_shown.high for each in sweep]
    axes.fill_between(shown, below, above, color=COLOURS["exact"], alpha=FADED / 2, linewidth=0)
    axes.plot(shown, right, color=COLOURS["exact"], marker=".", label="right of those shown")
    at = fitted.shown
    axes.plot(
        at.shown.estimate, at.right_of_shown.estimate, "o", color=COLOURS["second"], label="at the threshold"
    )
    axes.axhline(at.right_of_all.estimate, color=COLOURS["raw"], linewidth=1, linestyle="--", label="all")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="share of suggestions shown", ylabel="share of lines right")
    axes.set_title("What holding back gains")
    axes.grid()
    axes.legend(loc="upper right")
