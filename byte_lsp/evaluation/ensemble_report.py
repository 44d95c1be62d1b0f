"""The tables of ``byte-lsp eval ensemble``."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from byte_lsp.evaluation.ensemble_gain import Cost, Gain, Score, Scores
from byte_lsp.evaluation.report import Table, note_unspellable, show_interval

_NOTES = (
    "nats per byte of the true rest of the line; where a lead is above zero the ensemble is the better one",
    "95 % bootstrap intervals over files",
)
_COST_NOTES = (
    "the ratio is the median over cursors, paired; 95 % bootstrap interval over files",
    "warm: every text was scored once before, so what tokenizers remember in Python was known; "
    "the engines' caches held the prefix and no more",
)


def short_names(models: Sequence[str]) -> list[str]:
    """What to call models: catalogue names as they are, files by their name."""
    return [Path(model).stem if model.endswith(".gguf") else model for model in models]


def tabulate(models: Sequence[str], gains: Sequence[Gain], cost: Cost, found: Scores) -> list[Table]:
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
    notes = (*_NOTES, *_note_odd_cursors(names, found.scores), *note_unspellable(found.unspellable))
    title = f"Cost, byte by byte, {cost.cursors} cursors"
    cost_notes = [*_COST_NOTES]
    if cost.untimed_cursors:
        cost_notes.append(f"{cost.untimed_cursors} more cursors were scored and not timed")
    return [
        Table("Nats per byte", columns, rows, notes),
        Table(title, ("", "ms per byte"), times, cost_notes),
    ]


def _note_odd_cursors(names: Sequence[str], scores: Sequence[Score]) -> list[str]:
    """What was not as usual at some cursors, if there were any."""
    scorers = (*names, "ensemble")

    def count(is_odd: Callable[[Score, int], bool]) -> str:
        counts = (sum(is_odd(each, at) for each in scores) for at in range(len(scorers)))
        return ", ".join(f"{name} {number}" for name, number in zip(scorers, counts, strict=True) if number)

    notes = []
    if rescored := count(lambda score, at: score.rescored[at]):
        notes.append(f"cursors scored with all contexts, since eps left no probability: {rescored}")
    if impossible := count(lambda score, at: math.isinf(score.nats[at])):
        left_out = sum(not each.is_possible for each in scores)
        notes.append(
            f"{left_out} more cursors were left out: the true rest has no probability by {impossible}"
        )
    return notes
