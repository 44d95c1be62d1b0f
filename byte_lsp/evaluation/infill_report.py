"""The tables of ``byte-lsp eval infill``."""

from collections.abc import Sequence

from byte_lsp.evaluation.infill_summary import METRICS, ArmSummary, DatasetSummary
from byte_lsp.evaluation.report import Table, show_interval

_NOTES = (
    *(f"{metric.name}: {metric.about}" for metric in METRICS),
    "abstained: nothing to show, or less sure than the threshold; shown right: first lines among the others",
    "times are with the prefix in the model's cache; fit makes and ranks several candidates",
    "leads are paired, at the same holes; gained and lost: exact matches that one arm alone has",
    "95 % bootstrap intervals over problems, or files",
)


def tabulate(datasets: Sequence[DatasetSummary]) -> list[Table]:
    """For each dataset what arms got right, what that took, and what one leads another by."""
    tables: list[Table] = []
    for dataset in datasets:
        tables += [_tabulate_rates(dataset), _tabulate_costs(dataset)]
        if dataset.pairs:
            tables.append(_tabulate_pairs(dataset))
    last = tables[-1]
    return [*tables[:-1], Table(last.title, last.columns, last.rows, (*last.notes, *_NOTES))]


def _tabulate_rates(dataset: DatasetSummary) -> Table:
    rows = [
        (arm.arm, str(arm.right), *(show_interval(rate, 1, percent=True) for rate in arm.rates.values()))
        for arm in dataset.arms
    ]
    units = "problems" if "pass@1" in dataset.metrics else "clusters"
    title = f"{dataset.dataset}: {dataset.holes} holes in {dataset.clusters} {units}"
    notes = []
    if dataset.left_out:
        notes.append(
            f"{dataset.left_out} more holes were left out: a vocabulary has no tokens for their text"
        )
    return Table(title, ("", "right", *dataset.metrics), rows, notes)


def _tabulate_costs(dataset: DatasetSummary) -> Table:
    columns = ("", "median ms", "p95 ms", "tokens", "abstained", "shown right", "candidates", "any right")
    return Table(f"{dataset.dataset}: cost and choice", columns, list(map(_show_cost, dataset.arms)))


def _show_cost(arm: ArmSummary) -> tuple[str, ...]:
    return (
        arm.arm,
        show_interval(arm.median_ms, 0),
        f"{arm.p95_ms:.0f}",
        f"{arm.tokens_evaluated:.1f}",
        show_interval(arm.abstained, 1, percent=True),
        show_interval(arm.shown_first_line, 1, percent=True),
        f"{arm.candidates:.1f}",
        show_interval(arm.any_exact, 1, percent=True),
    )


def _tabulate_pairs(dataset: DatasetSummary) -> Table:
    rows = [
        (metric, *(show_interval(pair.leads[metric], 1, percent=True, sign=True) for pair in dataset.pairs))
        for metric in dataset.metrics
    ]
    rows.append(("gained / lost", *(f"{pair.gained} / {pair.lost}" for pair in dataset.pairs)))
    columns = ("", *(f"{pair.arm} over {pair.other}" for pair in dataset.pairs))
    return Table(f"{dataset.dataset}: paired leads", columns, rows)
