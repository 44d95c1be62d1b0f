"""The tables of ``byte-lsp eval ensemble``."""

from collections.abc import Sequence
from pathlib import Path

from byte_lsp.evaluation.ensemble_gain import Cost, Gain
from byte_lsp.evaluation.report import Table, show_interval

_NOTES = (
    "nats per byte of the true rest of the line; where a lead is above zero the ensemble is the better one",
    "95 % bootstrap intervals over windows",
)


def short_names(models: Sequence[str]) -> list[str]:
    """What to call models: catalogue names as they are, files by their name."""
    return [Path(model).stem if model.endswith(".gguf") else model for model in models]


def tabulate(models: Sequence[str], gains: Sequence[Gain], cost: Cost) -> list[Table]:
    """What is gained by language, and what it costs."""
    names = short_names(models)
    rows = [
        (
            gain.language,
            str(gain.cursors),
            *(f"{member.estimate:.3f}" for member in gain.members),
            f"{gain.ensemble.estimate:.3f}",
            *(show_interval(lead, sign=True) for lead in gain.leads),
        )
        for gain in gains
    ]
    columns = ("", "cursors", *names, "ensemble", *(f"lead over {name}" for name in names))
    times = [
        *((name, f"{ms:.2f}") for name, ms in zip(names, cost.members_ms_per_byte, strict=True)),
        ("ensemble", f"{cost.ensemble_ms_per_byte:.2f}"),
        ("ensemble / sum of members", show_interval(cost.ratio)),
    ]
    return [
        Table("Nats per byte", columns, rows, _NOTES),
        Table(
            "Cost, byte by byte", ("", "ms per byte"), times, ["the ratio is the median over cursors, paired"]
        ),
    ]
