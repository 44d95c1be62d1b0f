"""``infill.html``: what ``byte-lsp eval infill`` found, to look at. Needs jinja2.

One file that needs nothing else: plots are inline SVG, colours follow the reader's light or dark setting,
and a short script filters the gallery, which is whole without it. Here everything is placed; the template
``infill.html.j2`` draws it, and escapes every text.
"""

import math
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from byte_lsp.evaluation.bootstrap import Interval
from byte_lsp.evaluation.infill_ask import ARMS, EvalArm
from byte_lsp.evaluation.infill_scores import Score
from byte_lsp.evaluation.infill_summary import METRICS, DatasetSummary, Way
from byte_lsp.evaluation.infill_tasks import Task
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.report import show_interval

NO_PAGE = "byte-lsp: the page needs jinja2; run: pip install 'byte-lsp[eval]'"
SHOWN_HOLES = 60
"""In the gallery, of each dataset."""

_PREFIX_LINES = 7
_SUFFIX_LINES = 4
_BINS = 48
_ABOUT = {metric.name: metric.about for metric in METRICS}
_TEMPLATES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Mark:
    """An interval in a plot: places are shares of its width; ``shown`` is the figure in words.

    ``colour`` is a class of the style sheet.
    """

    label: str
    colour: str
    at: float
    low: float
    high: float
    shown: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A small plot with a mark for each way or pair. ``zero`` is where zero is, ``label_width`` in pixels."""

    title: str
    about: str
    marks: list[Mark]
    low: str
    high: str
    label_width: int
    zero: float = 0.0


@dataclass(frozen=True, slots=True)
class Hill:
    """How one way's times are spread: an SVG path in a box of 1 by 1, and where the median is."""

    label: str
    colour: str
    path: str
    median: float
    shown: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What one way put into a hole: what is as it was, and what follows."""

    label: str
    colour: str
    right: str
    wrong: str
    is_exact: bool
    passed: bool | None
    failure: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A hole of the gallery with what is around it. ``tags`` are what it can be filtered by."""

    name: str
    before: str
    truth: str
    after: str
    entries: list[Entry]
    tags: str


@dataclass(frozen=True, slots=True)
class Section:
    """Everything about one dataset. ``numbers`` are the headline's: a label, a colour, a figure, in words.

    ``choices`` say of those that rank candidates what a ranking can do; ``filters`` are labels and tags.
    """

    summary: DatasetSummary
    numbers: list[tuple[str, str, str, str]]
    gains: list[str]
    choices: list[str]
    filters: list[tuple[str, str]]
    headline: Panel
    rates: list[Panel]
    leads: list[Panel]
    hills: list[Hill]
    ticks: list[tuple[float, str]]
    holes: list[Hole]
    disagreements: int


def write_page(
    datasets: Sequence[DatasetSummary],
    scores: Sequence[Score],
    tasks: Mapping[str, Task],
    models: Sequence[ModelFile],
    folder: Path,
) -> list[Path]:
    """``infill.html`` in ``folder``, where jinja2 is installed; ``tasks`` are by their full names."""
    if find_spec("jinja2") is None:
        print(NO_PAGE, file=sys.stderr)
        return []
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - an optional extra

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sections = [
        _make_section(summary, [score for score in scores if score.dataset == summary.dataset], tasks)
        for summary in datasets
    ]
    path = folder / "infill.html"
    page = environment.get_template("infill.html.j2").render(
        sections=sections, models=models, arms={_colour(arm): arm for arm in ARMS}
    )
    path.write_text(page, encoding="utf-8")
    return [path]


def _make_section(summary: DatasetSummary, scores: Sequence[Score], tasks: Mapping[str, Task]) -> Section:
    rates = [_rate_panel(summary, metric) for metric in summary.metrics]
    hills, ticks = _spread_times(summary, scores)
    odd = _disagreements(scores)
    headline = rates[summary.metrics.index("pass@1")] if "pass@1" in summary.metrics else rates[0]
    metric = headline.title
    return Section(
        summary,
        [
            (mark.label, mark.colour, f"{100 * arm.rates[metric].estimate:.1f} %", mark.shown)
            for arm, mark in zip(summary.arms, headline.marks, strict=True)
        ],
        [
            f"{summary.name(pair.way)} {pair.gained}, {summary.name(pair.other)} {pair.lost}"
            for pair in summary.pairs
        ],
        [
            f"{summary.name(arm.way)} makes {arm.candidates:.1f} candidates on average; in "
            f"{100 * arm.any_exact.estimate:.1f} % of the holes one of them is right, and no ranking can do "
            "better."
            for arm in summary.arms
            if arm.candidates > 1
        ],
        [(summary.name(arm.way), _tag(summary.name(arm.way))) for arm in summary.arms],
        headline,
        rates,
        [_lead_panel(summary, metric) for metric in summary.metrics] if summary.pairs else [],
        hills,
        ticks,
        [_make_hole(summary, tasks[found[0].task], found) for found in _choose(summary, odd)],
        len(odd),
    )


def _rate_panel(summary: DatasetSummary, metric: str) -> Panel:
    """Every arm's share, from zero to a round figure above the highest."""
    most = max(bound for arm in summary.arms for bound in _bounds(arm.rates[metric]))
    axis = _Axis(0.0, max(0.1, math.ceil(10 * most - 1e-9) / 10))
    marks = [
        axis.mark(summary.name(arm.way), arm.way.arm, rate, show_interval(rate, 1, percent=True))
        for arm in summary.arms
        for rate in [arm.rates[metric]]
    ]
    return Panel(metric, _ABOUT[metric], marks, "0 %", f"{100 * axis.high:.0f} %", _label_width(marks))


def _lead_panel(summary: DatasetSummary, metric: str) -> Panel:
    """Every pair's lead, on an axis as long on the left of zero as on its right."""
    most = max(abs(bound) for pair in summary.pairs for bound in _bounds(pair.leads[metric]))
    reach = max(0.05, math.ceil(20 * most - 1e-9) / 20)
    axis = _Axis(-reach, reach)
    marks = [
        axis.mark(
            f"{summary.name(pair.way)} over {summary.name(pair.other)}",
            pair.telling_arm,
            lead,
            show_interval(lead, 1, percent=True, sign=True),
        )
        for pair in summary.pairs
        for lead in [pair.leads[metric]]
    ]
    low, high = f"-{100 * reach:.0f} %", f"+{100 * reach:.0f} %"
    return Panel(metric, _ABOUT[metric], marks, low, high, _label_width(marks), 0.5)


def _colour(arm: EvalArm) -> str:
    """The arm's class in the style sheet."""
    return arm.replace("+", "-")


def _tag(label: str) -> str:
    """A label as one word."""
    return "-".join(label.split())


def _label_width(marks: Sequence[Mark]) -> int:
    """Pixels that the longest label takes, about."""
    return max(112, *(16 + round(6.4 * len(mark.label)) for mark in marks))


@dataclass(frozen=True, slots=True)
class _Axis:
    low: float
    high: float

    def mark(self, label: str, arm: EvalArm, interval: Interval, shown: str) -> Mark:
        low, high = _bounds(interval)
        return Mark(
            label, _colour(arm), self._place(interval.estimate), self._place(low), self._place(high), shown
        )

    def _place(self, value: float) -> float:
        return round((value - self.low) / (self.high - self.low), 4)


def _bounds(interval: Interval) -> tuple[float, float]:
    """An interval's bounds, or its estimate for both where nobody knows them."""
    if math.isnan(interval.low):
        return interval.estimate, interval.estimate
    return interval.low, interval.high


def _spread_times(
    summary: DatasetSummary, scores: Sequence[Score]
) -> tuple[list[Hill], list[tuple[float, str]]]:
    """Every way's times as a smoothed histogram over a logarithmic axis, and the axis' ticks."""
    logs = {
        arm.way: np.log10(
            [max(score.elapsed_ms, 0.1) for score in scores if Way(score.model, score.arm) == arm.way]
        )
        for arm in summary.arms
    }
    everything = np.concatenate(list(logs.values()))
    low, high = math.floor(2 * everything.min()) / 2, math.ceil(2 * everything.max() + 1e-9) / 2
    hills = []
    for arm in summary.arms:
        counts, _ = np.histogram(logs[arm.way], bins=_BINS, range=(low, high))
        smooth = np.convolve(counts, [0.25, 0.5, 0.25], mode="same")
        heights = smooth / smooth.max()
        points = " ".join(
            f"L{(at + 0.5) / _BINS:.4f},{1 - height:.4f}" for at, height in enumerate(heights.tolist())
        )
        median = (math.log10(max(arm.median_ms.estimate, 0.1)) - low) / (high - low)
        shown = f"{arm.median_ms.estimate:.0f} ms"
        path = f"M0,1 {points} L1,1 Z"
        hills.append(Hill(summary.name(arm.way), _colour(arm.way.arm), path, round(median, 4), shown))
    decades = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
    return hills, [((decade - low) / (high - low), f"{10**decade:g} ms") for decade in decades]


def _disagreements(scores: Sequence[Score]) -> list[list[Score]]:
    """The holes, all their scores, in which not all arms are right or not all wrong."""
    by_task: dict[str, list[Score]] = {}
    for score in scores:
        by_task.setdefault(score.task, []).append(score)
    return [
        found
        for found in by_task.values()
        if len({score.is_exact for score in found}) > 1 or len({score.passed for score in found}) > 1
    ]


def _choose(summary: DatasetSummary, holes: Sequence[list[Score]]) -> list[list[Score]]:
    """At most ``SHOWN_HOLES``, drawn at random, as many as can be of every way to disagree."""
    before: Counter[str] = Counter()
    ranks = []
    for found in random.Random(0).sample(holes, len(holes)):
        tags = _tags(summary, found)
        ranks.append((before[tags], found))
        before[tags] += 1
    return [found for _, found in sorted(ranks, key=lambda rank: rank[0])[:SHOWN_HOLES]]


def _tags(summary: DatasetSummary, scores: Sequence[Score]) -> str:
    """What is right and what is wrong in a hole, as words to filter by."""
    return " ".join(
        f"{_tag(_name(summary, score))}-{'right' if score.is_exact else 'wrong'}" for score in scores
    )


def _name(summary: DatasetSummary, score: Score) -> str:
    return summary.name(Way(score.model, score.arm))


def _make_hole(summary: DatasetSummary, task: Task, scores: Sequence[Score]) -> Hole:
    before = _decode(task.prefix).split("\n")[-_PREFIX_LINES:]
    after = _decode(task.suffix).split("\n")[: _SUFFIX_LINES + 1]
    return Hole(
        name=task.name,
        before="\n".join(before),
        truth=_decode(task.truth),
        after="\n".join(after),
        entries=[_make_entry(_name(summary, score), score) for score in scores],
        tags=_tags(summary, scores),
    )


def _make_entry(label: str, score: Score) -> Entry:
    text = _decode(score.middle)
    alike = len(text) if score.is_exact else score.saved_characters
    colour = _colour(score.arm)
    return Entry(label, colour, text[:alike], text[alike:], score.is_exact, score.passed, score.failure)


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")
