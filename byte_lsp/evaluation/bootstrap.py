"""How sure a figure is: percentile bootstrap intervals over clusters of cursors.

Cursors in one file are not independent, so whole clusters are drawn again, with replacement (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13). Equal seeds give equal intervals.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
LEVEL = 0.95
_BATCH = 500

Clusters = Sequence[int] | Sequence[str]
"""Which cluster each item belongs to, by number or by name."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the bounds that 95 % of the resampled estimates lie between.

    The bounds are NaN where there was one cluster, or one value: that says nothing of the spread.
    """

    estimate: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether a difference of zero lies outside."""
        return self.low > 0 or self.high < 0


def bootstrap_rate(
    clusters: Clusters,
    amounts: ArrayLike,
    sizes: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """``sum(amounts) / sum(sizes)``, resampled by cluster; for a paired difference, give its amounts.

    ``clusters[i]`` is the cluster of item ``i``; all three have the same length, at least 1, and the sizes
    of every cluster sum to more than zero. Errors: ``ValueError`` if there is no item.
    """
    if not len(clusters):
        raise ValueError("nothing to resample")
    names, of_item = np.unique(np.asarray(clusters), return_inverse=True)
    amount = np.bincount(of_item, weights=np.asarray(amounts, dtype=float))
    size = np.bincount(of_item, weights=np.asarray(sizes, dtype=float))
    estimate = float(amount.sum() / size.sum())
    if len(names) == 1:
        return Interval(estimate, math.nan, math.nan)
    rates = [(counts @ amount) / (counts @ size) for counts in _draw_counts(len(names), seed, resamples)]
    return _interval(estimate, np.concatenate(rates))


def bootstrap_ratio(
    clusters: Clusters,
    amounts: ArrayLike,
    others: ArrayLike,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval:
    """``sum(amounts) / sum(others)`` of the same items, resampled by cluster: how many times as much.

    Infinite, or NaN, where the others sum to nothing; so may the bounds be. Errors: ``ValueError`` if there
    is no item.
    """
    if not len(clusters):
        raise ValueError("nothing to resample")
    names, of_item = np.unique(np.asarray(clusters), return_inverse=True)
    amount = np.bincount(of_item, weights=np.asarray(amounts, dtype=float))
    other = np.bincount(of_item, weights=np.asarray(others, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = float(amount.sum() / other.sum())
        if len(names) == 1 or math.isnan(estimate):
            return Interval(estimate, math.nan, math.nan)
        ratios = [
            (counts @ amount) / (counts @ other) for counts in _draw_counts(len(names), seed, resamples)
        ]
    return _interval(estimate, np.concatenate(ratios))


def bootstrap_median(
    values: ArrayLike, clusters: Clusters | None = None, *, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """The median of values, resampled by cluster; without ``clusters`` every value is one of its own.

    Errors: ``ValueError`` if there is no value.
    """
    given = np.asarray(values, dtype=float)
    if not given.size:
        raise ValueError("nothing to resample")
    names, of_item = np.unique(
        np.arange(given.size) if clusters is None else np.asarray(clusters), return_inverse=True
    )
    estimate = float(np.median(given))
    if len(names) == 1:
        return Interval(estimate, math.nan, math.nan)
    order = np.argsort(given)
    ascending, of_rank = given[order], of_item[order]
    medians = [
        _repeated_medians(ascending, counts[:, of_rank])
        for counts in _draw_counts(len(names), seed, resamples)
    ]
    return _interval(estimate, np.concatenate(medians))


def _draw_counts(clusters: int, seed: int, resamples: int) -> Iterator[NDArray[np.int64]]:
    """How often each cluster is drawn, in batches of shape (resamples, clusters)."""
    generator = np.random.default_rng(seed)
    chances = np.full(clusters, 1 / clusters)
    for at in range(0, resamples, _BATCH):
        yield generator.multinomial(clusters, chances, size=min(_BATCH, resamples - at))


def _repeated_medians(ascending: NDArray[np.float64], repeats: NDArray[np.int64]) -> NDArray[np.float64]:
    """The median of every row's values, each repeated so often; shapes (values,) and (rows, values)."""
    behind = repeats.cumsum(axis=1)
    total = behind[:, -1:]
    lower = ascending[(behind > (total - 1) // 2).argmax(axis=1)]
    upper = ascending[(behind > total // 2).argmax(axis=1)]
    medians: NDArray[np.float64] = (lower + upper) / 2
    return medians


def _interval(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    """The bounds of resampled estimates; those that are infinite count, and nothing is no estimate."""
    known = resampled[~np.isnan(resampled)]
    method: Literal["linear", "inverted_cdf"] = "linear" if np.isfinite(known).all() else "inverted_cdf"
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method=method)
    return Interval(estimate, float(low), float(high))
