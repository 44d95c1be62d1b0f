"""The tables of ``byte-lsp eval bias``."""

from collections.abc import Sequence

from byte_lsp.evaluation.bias import SCORED_BYTES, PlaceSummary
from byte_lsp.evaluation.report import Table, show_interval

_NOTES = (
    "right: the greedy rest of the line is the true one, all of it",
    f"unreachable: no context of the arm allows the true rest of the line (its first {SCORED_BYTES} bytes)",
    "nats per byte, and exact's beside them, are those of the rests of lines that the arm reaches",
    "leads are exact's over the arm at the same cursors; 95 % bootstrap intervals over windows",
)
_COLUMNS = (
    "",
    "right",
    "share",
    "exact leads by",
    "unreachable",
    "nats per byte",
    "exact's there",
    "exact leads by",
)


def tabulate(places: Sequence[PlaceSummary]) -> list[Table]:
    """A table for the cursors of each place."""
    return [_tabulate_one(place, _NOTES if place is places[-1] else ()) for place in places]


def _tabulate_one(place: PlaceSummary, notes: Sequence[str]) -> Table:
    rows = []
    for arm in place.arms:
        is_exact = arm.arm == "exact"
        rows.append(
            (
                arm.arm,
                str(arm.right_cursors),
                show_interval(arm.right, 1, percent=True),
                "" if is_exact else show_interval(arm.right_lead, 1, percent=True, sign=True),
                f"{100 * arm.unreachable:.1f} %",
                show_interval(arm.nats_per_byte),
                "" if is_exact else show_interval(arm.exact_nats_per_byte),
                "" if is_exact else show_interval(arm.nats_lead, sign=True),
            )
        )
    title = f"Cursors {place.place}: {place.cursors} in {place.windows} windows"
    return Table(title, _COLUMNS, rows, notes)
