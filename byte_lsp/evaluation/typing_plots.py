"""The plot of ``byte-lsp bench typing``. Needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from byte_lsp.evaluation.plotting import COLOURS, label_points, plot
from byte_lsp.evaluation.typing_bench import Written
from byte_lsp.evaluation.typing_summary import TypingSummary

_PALETTE = ("exact", "bytes", "healing", "plain", "second", "raw")


def draw_typing(summary: TypingSummary, written: Sequence[Written], folder: Path) -> list[Path]:
    """``typing.png``: how long requests take, which share of them need no model, what a key costs."""
    path = folder / "typing.png"
    figures = summary.figures
    colours = [COLOURS[_PALETTE[at % len(_PALETTE)]] for at in range(len(figures))]
    with plot(path, 11, 7, columns=2, rows=2) as (times, shares, tokens, cpu):
        for each, colour in zip(figures, colours, strict=True):
            waited = sorted(
                asked.waited_ms
                for one in written
                if one.arm == each.arm
                for asked in one.replay.asked
                if asked.waited_ms is not None
            )
            below = np.arange(1, len(waited) + 1) / max(1, len(waited))
            times.step(waited, below, where="post", color=colour, label=each.arm)
        times.set_xscale("log")
        times.set_ylim(0, 1)
        times.set_title("Time to a suggestion")
        times.set_xlabel("milliseconds from the request to its answer")
        times.set_ylabel("share of the requests")
        times.grid()
        times.legend()
        places = np.arange(len(figures))[::-1]
        for axes, values, form, title in (
            (
                shares,
                [100 * (each.without_model.ratio or 0.0) for each in figures],
                "{:.0f} %",
                "Requests answered without the model",
            ),
            (tokens, [each.tokens for each in figures], "{:.1f}", "Tokens evaluated per keystroke"),
            (cpu, [each.cpu_s_per_1000 for each in figures], "{:.0f} s", "CPU per 1,000 keystrokes"),
        ):
            axes.barh(places, values, color=colours, height=0.6)
            label_points(axes, places.tolist(), values, [form.format(value) for value in values])
            axes.set_yticks(places, [each.arm for each in figures])
            axes.set_xlim(0, max([*values, 1e-9]) * 1.2)
            axes.set_title(title)
            axes.grid(axis="x")
    return [path]
