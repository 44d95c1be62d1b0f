"""Intervals on data whose intervals are known."""

import math

import numpy as np
import pytest

from byte_lsp.evaluation.bootstrap import bootstrap_median, bootstrap_rate, bootstrap_ratio


def test_the_estimate_is_the_ratio_of_sums() -> None:
    assert bootstrap_rate([0, 0, 1], [1, 2, 6], [2, 2, 1]).estimate == pytest.approx(9 / 5)


def test_independent_items_give_the_normal_interval_of_a_mean() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, size=400)
    interval = bootstrap_rate(range(400), values, np.ones(400))
    error = values.std() / math.sqrt(400)
    assert interval.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_items_of_one_cluster_are_drawn_together() -> None:
    """Ten equal items in each of 40 clusters are worth 40 items, not 400."""
    values = np.random.default_rng(2).normal(0.0, 1.0, size=40)
    alone = bootstrap_rate(range(40), values, np.ones(40))
    repeated = bootstrap_rate(np.repeat(np.arange(40), 10).tolist(), np.repeat(values, 10), np.ones(400))
    apart = bootstrap_rate(range(400), np.repeat(values, 10), np.ones(400))
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))
    assert apart.high - apart.low < 0.4 * (alone.high - alone.low)


def test_a_difference_that_is_always_the_same_has_no_spread() -> None:
    interval = bootstrap_rate(range(9), np.full(9, 0.5), np.ones(9))
    assert (interval.low, interval.estimate, interval.high) == (0.5, 0.5, 0.5)
    assert interval.excludes_zero


def test_an_interval_over_zero_does_not_exclude_it() -> None:
    assert not bootstrap_rate(range(8), [1, -1] * 4, np.ones(8)).excludes_zero


def test_equal_seeds_give_equal_intervals() -> None:
    values = np.random.default_rng(3).normal(size=30)
    first, again, other = (bootstrap_rate(range(30), values, np.ones(30), seed=seed) for seed in (5, 5, 6))
    assert first == again != other


def test_the_median_of_skewed_values() -> None:
    interval = bootstrap_median([*range(1, 100), 10_000])
    assert interval.estimate == 50.5
    assert 35 < interval.low < 45
    assert 56 < interval.high < 66


def test_the_median_of_items_in_one_cluster_is_drawn_with_them() -> None:
    """Ten equal items in each of 41 files are worth 41 items, not 410."""
    values = np.random.default_rng(4).normal(size=41)
    files = [f"file {at // 10}" for at in range(410)]
    alone = bootstrap_median(values)
    repeated = bootstrap_median(np.repeat(values, 10), files)
    apart = bootstrap_median(np.repeat(values, 10))
    assert repeated.estimate == alone.estimate
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high), abs=0.05)
    assert apart.high - apart.low < 0.5 * (alone.high - alone.low)


def test_a_clustered_median_is_that_of_the_items_drawn() -> None:
    """Two clusters: both once, or one of them twice, each with its own median."""
    interval = bootstrap_median([1.0, 3.0, 5.0, 10.0], ["a", "a", "b", "b"])
    assert (interval.low, interval.estimate, interval.high) == (2.0, 4.0, 7.5)


@pytest.mark.parametrize(
    "interval",
    [
        bootstrap_rate([7, 7], [1, 2], [1, 1]),
        bootstrap_median([1.5]),
        bootstrap_median([1.0, 2.0], ["a", "a"]),
    ],
)
def test_one_cluster_says_nothing_of_the_spread(interval) -> None:
    assert interval.estimate == 1.5
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert not interval.excludes_zero


def test_nothing_cannot_be_resampled() -> None:
    with pytest.raises(ValueError, match="nothing"):
        bootstrap_rate([], [], [])
    with pytest.raises(ValueError, match="nothing"):
        bootstrap_median([])


def test_a_ratio_that_is_always_the_same_has_no_spread() -> None:
    """The amounts vary and their ratio does not: what is paired is drawn together."""
    others = np.random.default_rng(5).uniform(1, 9, size=30)
    interval = bootstrap_ratio(range(30), 1.5 * others, others)
    assert (interval.low, interval.estimate, interval.high) == pytest.approx((1.5, 1.5, 1.5))


def test_a_ratio_of_independent_shares_has_the_interval_of_its_logarithm() -> None:
    """Katz and others, Biometrics 34 (1978), 469: the standard error of a log risk ratio."""
    generator = np.random.default_rng(6)
    amounts, others = generator.random(2000) < 0.4, generator.random(2000) < 0.2
    interval = bootstrap_ratio(range(2000), amounts, others)
    error = math.sqrt(1 / amounts.sum() + 1 / others.sum() - 2 / 2000)
    ratio = amounts.sum() / others.sum()
    assert interval.estimate == pytest.approx(ratio)
    assert interval.low == pytest.approx(ratio * math.exp(-1.96 * error), rel=0.03)
    assert interval.high == pytest.approx(ratio * math.exp(1.96 * error), rel=0.03)


def test_a_ratio_to_nothing_is_not_a_number_or_infinite() -> None:
    assert bootstrap_ratio(range(4), np.ones(4), np.zeros(4)).estimate == math.inf
    nothing = bootstrap_ratio(range(4), np.zeros(4), np.zeros(4))
    assert all(math.isnan(bound) for bound in (nothing.estimate, nothing.low, nothing.high))


def test_a_ratio_to_little_may_be_infinite_in_some_draws() -> None:
    interval = bootstrap_ratio(range(6), np.ones(6), [1, 0, 0, 0, 0, 0])
    assert (interval.estimate, interval.high) == (6.0, math.inf)
    assert 1 <= interval.low < 6


def test_a_ratio_in_one_cluster_has_no_bounds() -> None:
    interval = bootstrap_ratio(["a", "a"], [1, 2], [1, 1])
    assert interval.estimate == 1.5
    assert math.isnan(interval.low)
    with pytest.raises(ValueError, match="nothing to resample"):
        bootstrap_ratio([], [], [])
