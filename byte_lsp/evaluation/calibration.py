"""How likely suggestions are right, by what the model thinks of them: measured, and fitted.

At each cursor the rest of its line is taken away, and the greedy line that the model puts there is right if
it is what was there. Its log-probability is turned into a confidence by isotonic regression on the cursors of
one half of the files; the other half says what that is worth. ``threshold`` is the least confidence from
which the suggestions of the first half are right ``GAIN`` times as often as all of them, and no less than
``LEAST_CONFIDENCE``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_rate
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.windows import Cursor, token_boundaries
from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import InfillProblem

SUFFIX_BYTES = 512
GAIN = 2.25
"""Twice is what is promised; the rest is for files that differ from these."""

LEAST_CONFIDENCE = 0.2
"""What is wrong four times of five does not help, however often others are right."""

BINS = 8
FEWEST = 40
_KNOTS = 24
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """One cursor: what the model wrote, its log-probability in nats, and whether that was there.

    ``suggested`` is False where nothing was left to show.
    """

    file: str
    language: str
    offset: int
    text: bytes
    truth: bytes
    logprob: float
    suggested: bool
    is_right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """Suggestions of about the same confidence: the mean of it, and the share that is right."""

    trials: int
    confidence: float
    right: Interval


@dataclass(frozen=True, slots=True)
class Shown:
    """What a threshold does: the share of suggestions shown, and the shares right of all and of those."""

    threshold: float
    trials: int
    shown: Interval
    right_of_all: Interval
    right_of_shown: Interval
    gain: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A calibration, the trials that it was fitted on and held out, and what it is worth on the latter.

    ``error`` is the expected calibration error: the mean distance between confidence and share right over the
    bins, by their size. ``sweep`` is what other thresholds would do.
    """

    calibration: Calibration
    fitted_on: int
    held_out: int
    bins: Sequence[Bin]
    error: float
    shown: Shown
    sweep: Sequence[Shown]


def try_cursors(model: LocalModel, cursors: Sequence[Cursor]) -> Iterator[Trial | None]:
    """What the model writes at each cursor; None where its vocabulary cannot spell the text."""
    infiller = model.infiller()
    for cursor in cursors:
        yield None if token_boundaries(model.tokenizer, cursor.text) is None else _try(infiller, cursor)


def _try(infiller: Infiller, cursor: Cursor) -> Trial:
    behind = cursor.text[cursor.offset + len(cursor.rest) :]
    problem = InfillProblem(
        cursor.prefix,
        behind[:SUFFIX_BYTES],
        max_lines=1,
        with_logprobs=True,
        suffix_fit=False,
        suffix_goes_on=len(behind) > SUFFIX_BYTES,
    )
    found = infiller.infill(problem).candidates
    text, logprob = (found[0].text, found[0].logprob or 0.0) if found else (b"", 0.0)
    is_right = text.rstrip() == cursor.rest.rstrip()
    return Trial(
        str(cursor.file),
        cursor.language,
        cursor.start + cursor.offset,
        text,
        cursor.rest,
        logprob,
        bool(found),
        is_right,
    )


def check_library() -> None:
    """Errors: ``EvaluationError`` where scikit-learn is missing."""
    if find_spec("sklearn") is None:
        raise EvaluationError("calibration needs scikit-learn; run: pip install 'byte-lsp[eval]'")


def fit_calibration(trials: Sequence[Trial], seed: int) -> Fitted:
    """Fit on every second file and judge on the others. Errors: ``EvaluationError`` for too few trials."""
    suggested = [trial for trial in trials if trial.suggested]
    files = sorted({trial.file for trial in suggested})
    np.random.default_rng(seed).shuffle(files)
    taught = set(files[::2])
    fitting = [trial for trial in suggested if trial.file in taught]
    judging = [trial for trial in suggested if trial.file not in taught]
    if min(len(fitting), len(judging)) < FEWEST or not any(trial.is_right for trial in fitting):
        right = sum(trial.is_right for trial in suggested)
        raise EvaluationError(
            f"{len(suggested)} suggestions in {len(files)} files, {right} of them right, are too few to fit "
            "and judge a calibration; give more folders or more --cursors"
        )
    curve = _fit_curve(fitting)
    calibration = Calibration(curve.logprobs, curve.confidences, _choose_threshold(curve, fitting))
    bins = _bin(calibration, judging, seed)
    sweep = [_judge(calibration, judging, at / 20, seed) for at in range(19)]
    return Fitted(
        calibration,
        len(fitting),
        len(judging),
        bins,
        sum(each.trials * abs(each.confidence - each.right.estimate) for each in bins) / len(judging),
        _judge(calibration, judging, calibration.threshold, seed),
        sweep,
    )


def _fit_curve(trials: Sequence[Trial]) -> Calibration:
    """The isotonic curve by its knots, no more than ``_KNOTS``."""
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - an optional extra

    logprobs, right = _logprobs(trials), _right(trials)
    regression = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(logprobs, right)
    places = np.unique(np.quantile(logprobs, np.linspace(0, 1, _KNOTS)))
    levels = regression.predict(places)
    return Calibration(
        tuple(round(float(place), _DIGITS) for place in places),
        tuple(round(float(level), _DIGITS) for level in levels),
        0.0,
    )


def _choose_threshold(curve: Calibration, trials: Sequence[Trial]) -> float:
    confidences, right = _confidences(curve, trials), _right(trials)
    wanted = min(GAIN * right.mean(), 0.95)
    for threshold in np.unique([LEAST_CONFIDENCE, *confidences]).tolist():
        if threshold >= LEAST_CONFIDENCE and right[confidences >= threshold].mean() >= wanted:
            return round(float(threshold), _DIGITS)
    return float(confidences.max())


def _judge(calibration: Calibration, trials: Sequence[Trial], threshold: float, seed: int) -> Shown:
    files = [trial.file for trial in trials]
    right, is_shown = _right(trials), _confidences(calibration, trials) >= threshold
    ones = np.ones(len(trials))
    shown_files = [file for file, shown in zip(files, is_shown.tolist(), strict=True) if shown]
    of_all = bootstrap_rate(files, right, ones, seed=seed)
    of_shown = (
        bootstrap_rate(shown_files, right[is_shown], ones[is_shown], seed=seed)
        if shown_files
        else Interval(np.nan, np.nan, np.nan)
    )
    return Shown(
        threshold,
        len(trials),
        bootstrap_rate(files, is_shown.astype(float), ones, seed=seed),
        of_all,
        of_shown,
        of_shown.estimate / of_all.estimate if of_all.estimate else np.nan,
    )


def _bin(calibration: Calibration, trials: Sequence[Trial], seed: int) -> list[Bin]:
    """Bins of about equal size, by falling confidence."""
    confidences = _confidences(calibration, trials)
    order = np.argsort(confidences, kind="stable")
    bins = []
    for places in np.array_split(order, min(BINS, len(trials))):
        chosen = [trials[at] for at in places.tolist()]
        files = [trial.file for trial in chosen]
        right = bootstrap_rate(files, _right(chosen), np.ones(len(chosen)), seed=seed)
        bins.append(Bin(len(chosen), float(confidences[places].mean()), right))
    return bins


def _logprobs(trials: Sequence[Trial]) -> NDArray[np.float64]:
    return np.array([trial.logprob for trial in trials])


def _right(trials: Sequence[Trial]) -> NDArray[np.float64]:
    return np.array([trial.is_right for trial in trials], dtype=float)


def _confidences(calibration: Calibration, trials: Sequence[Trial]) -> NDArray[np.float64]:
    return np.array([calibration.confidence(trial.logprob) for trial in trials])
