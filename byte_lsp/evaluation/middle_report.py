"""The tables of ``byte-lsp eval middles``."""

from byte_lsp.evaluation.middle_read import REACH_BYTES
from byte_lsp.evaluation.middle_spans import ONWARD_BYTES
from byte_lsp.evaluation.middle_summary import Axis, Summary
from byte_lsp.evaluation.report import Table, show_interval

_INTERVALS = "ratios to the first model at the same cursors; 95 % bootstrap intervals over files or problems"
_FIT_NOTES = (
    "nats per byte of the true middle, given prefix and suffix as the model sees them",
    "and end: with the nats of ending there; its ratio is to the first model's middle without an end",
    _INTERVALS,
)
_ONWARD_NOTES = (
    f"nats per byte of up to {ONWARD_BYTES} bytes from the cursor on, no model seeing the suffix",
    _INTERVALS,
)
_END_NOTES = (
    f"of middles that lie in one line; near: at most {REACH_BYTES} bytes from the true end",
    "written: by itself, greedily; it ends what it writes about where the truth ends, by length, or at all",
    "greedy: along the true text, the first place where the end is more probable than any byte",
    "likely: along the true text, the first place where it is more probable than all bytes together",
    "likeliest: along the true text, the place where the end is most probable",
)


def tabulate(summary: Summary) -> list[Table]:
    """Nats per byte by language or dataset and by kind, left to right, and where models end."""
    tables = [
        _tabulate_fits(summary, "source", "True middles, by language or dataset"),
        _tabulate_fits(summary, "kind", "True middles, by kind"),
        _tabulate_onward(summary),
    ]
    if summary.ends:
        tables.append(_tabulate_ends(summary))
    return tables


def _tabulate_fits(summary: Summary, axis: Axis, title: str) -> Table:
    rows = [
        (
            f"{group.name}: {fit.model}",
            f"{group.middles:,}",
            f"{group.middle_bytes:,}",
            show_interval(fit.middle),
            show_interval(fit.middle_ratio),
            show_interval(fit.with_end),
            show_interval(fit.with_end_ratio),
        )
        for group in summary.groups
        if group.axis in ("all", axis)
        for fit in group.fits
    ]
    notes = list(_FIT_NOTES)
    if summary.left_out:
        notes.append(f"{summary.left_out} more were left out: a vocabulary has no tokens for their text")
    return Table(title, ("", "middles", "bytes", "middle", "ratio", "and end", "ratio"), rows, notes)


def _tabulate_onward(summary: Summary) -> Table:
    rows = [
        (
            f"{group.name}: {fit.model}",
            f"{group.middles:,}",
            f"{group.onward_bytes:,}",
            show_interval(fit.onward),
            show_interval(fit.onward_ratio),
        )
        for group in summary.groups
        if group.axis in ("all", "source")
        for fit in group.fits
    ]
    return Table("Left to right", ("", "cursors", "bytes", "nats", "ratio"), rows, _ONWARD_NOTES)


def _tabulate_ends(summary: Summary) -> Table:
    rows = [
        (
            f"{each.name}: {each.model}",
            f"{each.middles:,}",
            *(
                show_interval(share, 1, percent=True)
                for share in (
                    each.written_near,
                    each.written_ended,
                    each.greedy_near,
                    each.likely_near,
                    each.likeliest_near,
                )
            ),
        )
        for each in summary.ends
    ]
    columns = (
        *("", "middles", "written, near", "written, ended"),
        *("greedy, near", "likely, near", "likeliest, near"),
    )
    return Table("Where the model ends a middle in one line", columns, rows, _END_NOTES)
