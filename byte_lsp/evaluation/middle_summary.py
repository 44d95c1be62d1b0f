"""What all true middles together say of several models, paired by cursor: others beside the first."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_rate, bootstrap_ratio
from byte_lsp.evaluation.middle_read import REACH_BYTES, Ending, Reading
from byte_lsp.evaluation.middle_run import Readings
from byte_lsp.evaluation.middle_spans import MIDDLE_KINDS, Middle

Axis = Literal["all", "source", "kind"]


@dataclass(frozen=True, slots=True)
class Fit:
    """Nats per byte of one model, and how many times the first model's: None for the first itself.

    ``middle`` is what stands there, given both sides as far as the model sees them; ``with_end`` the same
    with the nats of ending behind it, its ratio still to the first model's middle alone: that one need not
    say where it ends. ``onward`` is the text from the cursor on, left to right.
    """

    model: str
    middle: Interval
    with_end: Interval
    onward: Interval
    middle_ratio: Interval | None
    with_end_ratio: Interval | None
    onward_ratio: Interval | None


@dataclass(frozen=True, slots=True)
class Group:
    """The middles that are alike in something: all of them, those of a source or of a kind."""

    axis: Axis
    name: str
    middles: int
    clusters: int
    middle_bytes: int
    onward_bytes: int
    fits: list[Fit]


@dataclass(frozen=True, slots=True)
class Ends:
    """Where one model ends middles that lie in one line, as shares of them; near is ``REACH_BYTES`` at most.

    ``written_near``: what it writes by itself it ends near the true end, by length; ``written_ended``: it
    ends that at all. ``greedy_near``: along the true text, the first place where the end is more probable
    than any byte is near the true end; ``likely_near``: the first where it is more probable than all bytes
    together is; ``likeliest_near``: the place where it is most probable is.
    """

    model: str
    axis: Axis
    name: str
    middles: int
    written_near: Interval
    written_ended: Interval
    greedy_near: Interval
    likely_near: Interval
    likeliest_near: Interval


@dataclass(frozen=True, slots=True)
class Summary:
    """``left_out`` middles cannot be spelled by some vocabulary, or have no probability at all."""

    models: list[str]
    groups: list[Group]
    ends: list[Ends]
    left_out: int


@dataclass(frozen=True, slots=True)
class _Item:
    """A middle with every model's reading of it."""

    middle: Middle
    readings: tuple[Reading, ...]


def summarize(middles: Sequence[Middle], found: Sequence[Readings], seed: int) -> Summary:
    """Sum up what every model could read. Errors: ``EvaluationError`` if there is no such middle."""
    columns = [each.readings for each in found]
    items = [
        _Item(middle, tuple(reading for reading in row if reading is not None))
        for middle, *row in zip(middles, *columns, strict=True)
        if all(reading is not None and math.isfinite(reading.nats) for reading in row)
    ]
    if not items:
        raise EvaluationError(
            "the models' vocabularies can spell none of the texts; give other files, or another --model"
        )
    models = [each.model for each in found]
    groups = [_summarize_group(axis, name, chosen, models, seed) for axis, name, chosen in _group(items)]
    ends = [
        _summarize_ends(axis, name, chosen, at, model, seed)
        for axis, name, chosen in _group([item for item in items if _has_ending(item)])
        for at, model in enumerate(models)
    ]
    return Summary(models, groups, ends, len(middles) - len(items))


def _group(items: Sequence[_Item]) -> Iterator[tuple[Axis, str, list[_Item]]]:
    """All items, those of each source and those of each kind; nothing where there are none."""
    if items:
        yield "all", "all", list(items)
    for source in dict.fromkeys(item.middle.source for item in items):
        yield "source", source, [item for item in items if item.middle.source == source]
    for kind in MIDDLE_KINDS:
        if chosen := [item for item in items if item.middle.kind == kind]:
            yield "kind", kind, chosen


def _summarize_group(
    axis: Axis, name: str, items: Sequence[_Item], models: Sequence[str], seed: int
) -> Group:
    clusters = [item.middle.cluster for item in items]
    return Group(
        axis,
        name,
        len(items),
        len(set(clusters)),
        sum(len(item.middle.truth) for item in items),
        sum(len(item.middle.onward) for item in items),
        [_summarize_fit(items, clusters, at, model, seed) for at, model in enumerate(models)],
    )


def _summarize_fit(items: Sequence[_Item], clusters: Sequence[str], at: int, model: str, seed: int) -> Fit:
    own = [item.readings[at] for item in items]
    first = [item.readings[0] for item in items]
    lengths = [len(item.middle.truth) for item in items]
    onward_lengths = [len(item.middle.onward) for item in items]
    nats = [reading.nats for reading in own]
    with_end = [reading.nats + reading.end_nats for reading in own]
    onward = [reading.onward_nats for reading in own]

    def compare(amounts: Sequence[float], others: Sequence[float]) -> Interval | None:
        return bootstrap_ratio(clusters, amounts, others, seed=seed) if at else None

    return Fit(
        model,
        bootstrap_rate(clusters, nats, lengths, seed=seed),
        bootstrap_rate(clusters, with_end, lengths, seed=seed),
        bootstrap_rate(clusters, onward, onward_lengths, seed=seed),
        compare(nats, [reading.nats for reading in first]),
        compare(with_end, [reading.nats for reading in first]),
        compare(onward, [reading.onward_nats for reading in first]),
    )


def _has_ending(item: _Item) -> bool:
    return all(reading.ending is not None for reading in item.readings)


def _summarize_ends(axis: Axis, name: str, items: Sequence[_Item], at: int, model: str, seed: int) -> Ends:
    clusters = [item.middle.cluster for item in items]

    def share(is_so: Callable[[Ending, int], bool]) -> Interval:
        amounts = [
            is_so(ending, len(item.middle.truth))
            for item in items
            if (ending := item.readings[at].ending) is not None
        ]
        return bootstrap_rate(clusters, np.array(amounts, dtype=float), np.ones(len(items)), seed=seed)

    return Ends(
        model,
        axis,
        name,
        len(items),
        written_near=share(ends_near),
        written_ended=share(lambda ending, _: ending.has_ended),
        greedy_near=share(lambda ending, true_end: _is_near(ending.greedy_end, true_end)),
        likely_near=share(lambda ending, true_end: _is_near(ending.likely_end, true_end)),
        likeliest_near=share(lambda ending, true_end: _is_near(ending.likeliest_end, true_end)),
    )


def ends_near(ending: Ending, true_end: int) -> bool:
    """Whether a model ended what it wrote by itself, and that is about as long as what was there."""
    return ending.has_ended and _is_near(len(ending.written), true_end)


def _is_near(end: int | None, true_end: int) -> bool:
    return end is not None and abs(end - true_end) <= REACH_BYTES
