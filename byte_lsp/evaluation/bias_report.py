"""The tables of ``byte-lsp eval bias``."""

from collections.abc import Sequence

from byte_lsp.evaluation.bias import SCORED_BYTES, PlaceSummary
from byte_lsp.evaluation.report import Table, note_unspellable, show_interval
from byte_lsp.evaluation.windows import Unspellable

_NOTES = (
    "right: the greedy rest of the line is the true one, all of it",
    f"unreachable: no context of the arm allows the true rest of the line (its first {SCORED_BYTES} bytes)",
    "nats per byte, and exact's beside them, are those of the rests of lines that the arm and exact reach",
    "leads are exact's over the arm at the same cursors; 95 % bootstrap intervals over files",
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


def tabulate(places: Sequence[PlaceSummary], unspellable: Unspellable) -> list[Table]:
    """A table for the cursors of each place, the notes below the last."""
    notes = (*_NOTES, *note_unspellable(unspellable))
    return [_tabulate_one(place, notes if place is places[-1] else ()) for place in places]


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
    title = f"Cursors {place.place}: {place.cursors} in {place.windows} windows of {place.files} files"
    return Table(title, _COLUMNS, rows, (*_note_odd_cursors(place), *notes))


def _note_odd_cursors(place: PlaceSummary) -> list[str]:
    """What was not as usual at some cursors, if there were any."""
    notes = []
    rescored = ", ".join(f"{arm.arm} {arm.rescored_cursors}" for arm in place.arms if arm.rescored_cursors)
    if rescored:
        notes.append(f"cursors scored with all contexts, since eps left no probability: {rescored}")
    if place.exact_unreachable:
        notes.append(
            f"{place.exact_unreachable} cursors, unreachable for exact too, are in nobody's nats per byte"
        )
    return notes
