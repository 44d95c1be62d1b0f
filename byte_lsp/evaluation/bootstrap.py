"""How sure a figure is: percentile bootstrap intervals over clusters of cursors.

Cursors that share a text are not independent, so whole clusters are drawn again, with replacement (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13). Equal seeds give equal intervals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
LEVEL = 0.95
_BATCH = 500


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
    clusters: Sequence[int],
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
    generator = np.random.default_rng(seed)
    chances = np.full(len(names), 1 / len(names))
    rates = []
    for at in range(0, resamples, _BATCH):
        counts = generator.multinomial(len(names), chances, size=min(_BATCH, resamples - at))
        rates.append((counts @ amount) / (counts @ size))
    return _interval(estimate, np.concatenate(rates))


def bootstrap_median(values: ArrayLike, *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """The median of independent values. Errors: ``ValueError`` if there is none."""
    given = np.asarray(values, dtype=float)
    if not given.size:
        raise ValueError("nothing to resample")
    if given.size == 1:
        return Interval(float(given[0]), math.nan, math.nan)
    generator = np.random.default_rng(seed)
    medians = [
        np.median(
            given[generator.integers(given.size, size=(min(_BATCH, resamples - at), given.size))], axis=1
        )
        for at in range(0, resamples, _BATCH)
    ]
    return _interval(float(np.median(given)), np.concatenate(medians))


def _interval(estimate: float, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(estimate, float(low), float(high))
