"""How the cost of a request grows with the text before the cursor: empty cache, and while somebody types."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone
from byte_lsp.evaluation.request_cost import Contender, ask

SIZES = (512, 1024, 2048, 4096, 8192)
COMPARED: tuple[Contender, ...] = ("raw", "exact")


@dataclass(frozen=True, slots=True)
class Point:
    """One request: ``prefix_bytes`` is what was really given, near ``size``."""

    contender: Contender
    warm: bool
    size: int
    prefix_bytes: int
    prompt_tokens: int
    ms: float


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians by size, and the straight line through all points: ``base_ms + slope_ms_per_kib * KiB``.

    ``r_squared`` is the share of the variance that the line explains.
    """

    contender: Contender
    warm: bool
    medians_ms: dict[int, float]
    base_ms: float
    slope_ms_per_kib: float
    r_squared: float


@dataclass(frozen=True, slots=True)
class Summary:
    """One line a contender and state of the cache, and the points."""

    tokens: int
    growths: list[Growth]
    points: list[Point]


def measure(
    model: LocalModel,
    prefixes: Sequence[bytes],
    tokens: int,
    on_done: OnDone,
    sizes: Sequence[int] = SIZES,
) -> Summary:
    """Requests with the last bytes of every prefix, so many; ``on_done`` counts prefixes times sizes.

    ``sizes`` are two or more.
    """
    points = []
    for done, (prefix, size) in enumerate(((p, s) for p in prefixes for s in sizes), 1):
        text = last_lines(prefix, size)
        for contender in COMPARED:
            for warm in (False, True):
                request = ask(model, contender, text, tokens, warm=warm)
                ms = request.total_s * 1e3
                points.append(Point(contender, warm, size, len(text), len(model.path_of(text)), ms))
        on_done(done)
    growths = [
        _fit(contender, warm, [each for each in points if (each.contender, each.warm) == (contender, warm)])
        for contender in COMPARED
        for warm in (False, True)
    ]
    return Summary(tokens, growths, points)


def last_lines(prefix: bytes, size: int) -> bytes:
    """The whole lines that end a prefix within its last ``size`` bytes; those bytes if there is none."""
    if len(prefix) <= size:
        return prefix
    end = prefix[-size - 1 :]
    line_start = end.find(b"\n") + 1
    return end[line_start:] if 0 < line_start < len(end) else end[1:]


def _fit(contender: Contender, warm: bool, points: Sequence[Point]) -> Growth:
    kib = np.array([point.prefix_bytes / 1024 for point in points])
    ms = np.array([point.ms for point in points])
    slope, base = np.polyfit(kib, ms, 1)
    explained = 1 - float(np.var(ms - (slope * kib + base)) / np.var(ms))
    sizes = sorted({point.size for point in points})
    medians = {size: statistics.median(point.ms for point in points if point.size == size) for size in sizes}
    return Growth(contender, warm, medians, float(base), float(slope), explained)
