"""The table and the plot of ``byte-lsp bench adapter``. The plot needs matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from byte_lsp.evaluation.adapter_bench import AdapterOptions, AdapterResults
from byte_lsp.evaluation.report import Table, show_interval

_NOTES = (
    "ratios: medians over the same prompts, beside the bare base, with 95 % bootstrap intervals",
    "divergence: Kullback-Leibler, nats a token, from the base with the adapter applied",
    "q6_k: rows that 256 does not divide are q8_0 there, and embeddings are written anew",
)


def tabulate(found: AdapterResults, options: AdapterOptions) -> list[Table]:
    """One table with a row for each contender."""
    rows = [
        (
            cost.contender,
            f"{cost.size_bytes / 1e6:.0f}",
            f"{cost.decode_ms:.2f}",
            show_interval(cost.decode_ratio),
            f"{cost.prefill_ms:.2f}",
            show_interval(cost.prefill_ratio),
            show_interval(cost.nats_per_byte),
            show_interval(cost.divergence, 4),
        )
        for cost in found.costs
    ]
    columns = (
        *("", "MB", "decode ms/token", "ratio", "prefill ms/token", "ratio"),
        *("nats/byte", "divergence"),
    )
    title = f"An adapter on {options.base}: {options.cursors} prompts, {options.tokens} tokens after each"
    return [Table(title, columns, rows, _NOTES)]


def draw_adapter(found: AdapterResults, folder: Path) -> Sequence[Path]:
    """``adapter.png``: what each contender costs, and how far it is from the adapter applied."""
    from byte_lsp.evaluation.plotting import COLOURS, plot  # noqa: PLC0415 - matplotlib is an optional extra

    path = folder / "adapter.png"
    costs = list(reversed(found.costs))
    places = range(len(costs))
    with plot(path, 10, 3.6, columns=2) as (speed, loss):
        for axes, intervals, title in (
            (speed, [cost.decode_ratio for cost in costs], "Decoding: times the base's"),
            (loss, [cost.divergence for cost in costs], "Nats a token from the adapter applied"),
        ):
            estimates = [interval.estimate for interval in intervals]
            errors = [
                [each.estimate - each.low for each in intervals],
                [each.high - each.estimate for each in intervals],
            ]
            axes.errorbar(estimates, places, xerr=errors, fmt="o", color=COLOURS["exact"], capsize=3)
            axes.set_yticks(places, [cost.contender for cost in costs])
            axes.set_title(title)
            axes.grid(axis="x")
        speed.axvline(1, linewidth=1, color="0.5")
        loss.set_xscale("symlog", linthresh=1e-3)
    return [path]
