"""The tables of ``byte-lsp eval calibration``, and what to put into a catalogue."""

from byte_lsp.evaluation.calibration import BINS, GAIN, LEAST_CONFIDENCE, Fitted, Shown
from byte_lsp.evaluation.report import Table, note_unspellable, show_interval
from byte_lsp.evaluation.windows import Unspellable
from byte_lsp.infill.confidence import Calibration

_SWEEP_COLUMNS = ("confidence from", "shown", "right of all", "right of shown", "gain")


def tabulate(fitted: Fitted, unspellable: Unspellable) -> list[Table]:
    """The reliability of held-out suggestions, and what thresholds do to them."""
    reliability = Table(
        f"Reliability on {fitted.held_out} held-out suggestions, in {BINS} bins",
        ("confidence", "suggestions", "right"),
        [
            (f"{each.confidence:.3f}", str(each.trials), show_interval(each.right, 1, percent=True))
            for each in fitted.bins
        ],
        (
            f"fitted on {fitted.fitted_on} suggestions in other files; expected calibration error "
            f"{fitted.error:.3f}",
            *note_unspellable(unspellable),
        ),
    )
    shipped = fitted.shown
    sweep = Table(
        "What is shown from a confidence on, and how much of it is right",
        _SWEEP_COLUMNS,
        [_row(each, "") for each in fitted.sweep] + [_row(shipped, " (the threshold)")],
        (
            "right: the whole rest of the line is the true one; 95 % bootstrap intervals over files",
            f"the threshold is where the suggestions fitted on are right {GAIN} times as often as all, "
            f"{LEAST_CONFIDENCE} at least",
        ),
    )
    return [reliability, sweep]


def to_toml(calibration: Calibration) -> str:
    """The calibration as a catalogue has it, below a model."""
    lines = [
        "[model.calibration]",
        f"threshold = {calibration.threshold}",
        f"logprobs = {list(calibration.logprobs)}",
        f"confidences = {list(calibration.confidences)}",
    ]
    return "\n".join(lines)


def _row(shown: Shown, remark: str) -> tuple[str, ...]:
    return (
        f"{shown.threshold:.3f}{remark}",
        show_interval(shown.shown, 1, percent=True),
        show_interval(shown.right_of_all, 1, percent=True),
        show_interval(shown.right_of_shown, 1, percent=True),
        f"{shown.gain:.2f}",
    )
