"""The tables of ``byte-lsp eval infill``."""

import math
from collections.abc import Iterator, Sequence

from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.infill_summary import METRICS, ArmSummary, DatasetSummary, PairSummary
from byte_lsp.evaluation.report import Table, show_interval

_NOTES = (
    *(f"{metric.name}: {metric.about}" for metric in METRICS),
    "abstained: nothing to show, or less sure than the threshold; shown right: first lines among the others",
    "times are with the prompt in the model's cache; arms with +fit make and rank several candidates,",
    "those of a model that sees the suffix behind a second prompt that may have to be read",
    "leads and ratios are paired, at the same holes; gained and lost: exact matches that one alone has",
    "95 % bootstrap intervals over problems, or files",
)


def tabulate(datasets: Sequence[DatasetSummary]) -> list[Table]:
    """For each dataset what models and arms got right, what that took, and one beside another."""
    tables: list[Table] = []
    for dataset in datasets:
        tables += [_tabulate_rates(dataset), _tabulate_costs(dataset), *_tabulate_pairs(dataset)]
    last = tables[-1]
    return [*tables[:-1], Table(last.title, last.columns, last.rows, (*last.notes, *_NOTES))]


def _tabulate_rates(dataset: DatasetSummary) -> Table:
    rows = [
        (
            dataset.name(arm.way),
            str(arm.right),
            *(show_interval(rate, 1, percent=True) for rate in arm.rates.values()),
        )
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
    return Table(
        f"{dataset.dataset}: cost and choice", columns, [_show_cost(dataset, arm) for arm in dataset.arms]
    )


def _show_cost(dataset: DatasetSummary, arm: ArmSummary) -> tuple[str, ...]:
    return (
        dataset.name(arm.way),
        show_interval(arm.median_ms, 0),
        f"{arm.p95_ms:.0f}",
        f"{arm.tokens_evaluated:.1f}",
        show_interval(arm.abstained, 1, percent=True),
        show_interval(arm.shown_first_line, 1, percent=True),
        f"{arm.candidates:.1f}",
        show_interval(arm.any_exact, 1, percent=True),
    )


def _tabulate_leads(title: str, dataset: DatasetSummary, pairs: Sequence[PairSummary]) -> Table:
    rows = [
        (
            f"{pair.way.arm} over {pair.other.arm}",
            f"{pair.gained} / {pair.lost}",
            *(show_interval(pair.leads[metric], 1, percent=True, sign=True) for metric in dataset.metrics),
        )
        for pair in pairs
    ]
    return Table(title, ("", "gained / lost", *dataset.metrics), rows)


def _tabulate_ratios(title: str, dataset: DatasetSummary, pairs: Sequence[PairSummary]) -> Table:
    rows = [
        (
            f"{pair.way.arm} / {pair.other.arm}",
            *(_show_ratio(pair.ratios[metric]) for metric in dataset.metrics),
        )
        for pair in pairs
    ]
    return Table(title, ("", *dataset.metrics), rows)


def _tabulate_pairs(dataset: DatasetSummary) -> Iterator[Table]:
    """Leads and ratios, two tables for any two models, and for one model's own arms."""
    compared = dict.fromkeys((pair.way.model, pair.other.model) for pair in dataset.pairs)
    for model, other in compared:
        pairs = [pair for pair in dataset.pairs if (pair.way.model, pair.other.model) == (model, other)]
        of = f", {model}" if model == other else f", {model} beside {other}"
        of = "" if len(dataset.models) == 1 else of
        yield _tabulate_leads(f"{dataset.dataset}: paired leads{of}", dataset, pairs)
        yield _tabulate_ratios(f"{dataset.dataset}: paired ratios{of}", dataset, pairs)


def _show_ratio(ratio: Interval) -> str:
    """A ratio to nothing is none."""
    return show_interval(ratio, 2) if math.isfinite(ratio.estimate) else "-"
