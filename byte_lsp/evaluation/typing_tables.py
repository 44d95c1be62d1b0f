"""The tables of ``byte-lsp bench typing``."""

from collections.abc import Sequence

from byte_lsp.evaluation.report import Table, show_interval
from byte_lsp.evaluation.typing_bench import TypingOptions
from byte_lsp.evaluation.typing_summary import Figures, Promise, Share, Times, TypingSummary

_TIMES = (
    "from sending the request to its answer, at the client; asked: the model was asked for it",
    "overtaken: another key came first, and the request was cancelled",
)
_WORK = (
    "per keystroke: every key, jump and accepted suggestion sends one request",
    "prompt: tokens evaluated before the first generated one; warm: but for each file's first request",
    "CPU: the server and its worker, what they prepare while nobody asks included",
)
_SHARES = (
    "without the model: of all requests, of those after a key that was next in what is shown, of all others",
    "unwritten: characters that came with an accepted suggestion",
)
_KEPT = {True: "yes", False: "NO", None: "not measured"}


def tabulate(summary: TypingSummary, promises: Sequence[Promise], options: TypingOptions) -> list[Table]:
    """Times, work, shares, comparisons, and what was promised."""
    figures = summary.figures
    pace = f"speed {options.speed:g}" if options.speed else "no pauses"
    tables = [
        Table(
            f"Time to a suggestion, {pace} (ms)",
            ("", "requests", "p50", "p95", "p99", "asked", "p50", "p95", "p99", "overtaken", "failed"),
            [_times_row(each) for each in figures],
            _TIMES,
        ),
        Table(
            "Work per keystroke",
            ("", "keys", "tokens", "prompt", "prompt, warm", "CPU s / 1,000", "drafts accepted"),
            [_work_row(each) for each in figures],
            _WORK,
        ),
        Table(
            "Shares",
            ("", "without the model", "typing along", "otherwise", "shown", "held back", "unwritten"),
            [_shares_row(each) for each in figures],
            _SHARES,
        ),
    ]
    if summary.faster or summary.beside_raw:
        tables.append(_compare(summary))
    rows = [(each.name, each.limit, each.found, _KEPT[each.kept]) for each in promises]
    return [*tables, Table("Promised", ("", "limit", "found", "kept"), rows)]


def _times_row(each: Figures) -> Sequence[str]:
    return (
        each.arm,
        str(each.requests),
        *_times(each.all_requests),
        str(each.asked_model.requests if each.asked_model else 0),
        *_times(each.asked_model),
        str(each.overtaken),
        str(each.failures),
    )


def _times(times: Times | None) -> Sequence[str]:
    if times is None:
        return ("-", "-", "-")
    return tuple(f"{value:.1f}" for value in (times.p50_ms, times.p95_ms, times.p99_ms))


def _work_row(each: Figures) -> Sequence[str]:
    return (
        each.arm,
        str(each.keystrokes),
        f"{each.tokens:.2f}",
        f"{each.prompt_tokens:.2f}",
        f"{each.warm_prompt_tokens:.2f}",
        f"{each.cpu_s_per_1000:.0f}",
        _share(each.drafts_accepted),
    )


def _shares_row(each: Figures) -> Sequence[str]:
    shares = (each.without_model, each.along, each.otherwise, each.shown, each.held_back, each.unwritten)
    return (each.arm, *map(_share, shares))


def _share(share: Share) -> str:
    return "-" if share.ratio is None else f"{share.ratio:.1%} of {share.whole}"


def _compare(summary: TypingSummary) -> Table:
    rows = [
        (
            f"{each.other} / {each.arm}",
            f"{each.other_requests} / {each.requests}",
            show_interval(each.total, 2),
            show_interval(each.asked, 2),
        )
        for each in summary.faster
    ]
    raw = summary.beside_raw
    if raw:
        totals = (show_interval(raw.total), show_interval(raw.ratio))
        rows.append(("full / raw llama.cpp", f"{raw.pairs} pairs", *totals))
    notes = (
        "arms: mean time over mean time, file by file, but for each file's first request; asked: where the "
        "second arm asked its model",
        "raw llama.cpp: as many tokens from the same cache; sums of times, and the median of all ratios",
        "95 % bootstrap intervals by file",
    )
    return Table("Times over times", ("", "requests", "all", "asked, or median"), rows, notes)
