"""Statistics against SciPy's own, tables of Student's t, and their definitions."""

import warnings

import numpy as np
import pytest
from numpy.random import default_rng
from scipy import stats

from caption_curation.reports.page.statistics import (
    Estimate,
    Indices,
    Statistic,
    bootstrap,
    estimate,
    rank_correlation_with_interval,
    roc_auc,
)


def test_the_interval_is_that_of_scipy() -> None:
    values = [2.71, 2.78, 2.69, 2.74, 2.80]
    found = estimate(values)
    low, high = stats.t.interval(0.95, 4, loc=stats.tmean(values), scale=stats.sem(values))

    assert found.half_width is not None
    assert found.mean - found.half_width == pytest.approx(low)
    assert found.mean + found.half_width == pytest.approx(high)
    assert found.seeds == 5


def test_three_seeds_by_hand() -> None:
    # Mean 2, standard deviation 1; t(0.975, 2) is 4.303 in any table.
    found = estimate([1.0, 2.0, 3.0])
    assert found.mean == 2.0
    assert found.half_width == pytest.approx(4.303 / 3**0.5, abs=1e-3)


def test_one_seed_has_no_interval_and_is_never_clear() -> None:
    assert estimate([3.0]) == Estimate(3.0, None, 1)
    assert not estimate([3.0]).excludes_zero


def test_an_interval_on_one_side_excludes_zero() -> None:
    assert Estimate(-0.3, 0.2, 3).excludes_zero
    assert not Estimate(-0.3, 0.4, 3).excludes_zero


def test_equal_values_have_an_interval_without_width() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimate([0.25, 0.25, 0.25]) == Estimate(0.25, 0.0, 3)


def test_the_bootstraps_interval_covers_the_mean_as_often_as_it_says() -> None:
    rng = default_rng(0)
    covered = 0
    for _ in range(100):
        values = rng.normal(size=40)

        def mean(indices: Indices, values: np.ndarray = values) -> float:
            return float(values[indices].mean())

        interval = bootstrap(mean, 40, rng).interval
        assert interval
        covered += interval[0] <= 0 <= interval[1]
    assert 88 <= covered <= 99  # 95 % of 100, and three standard deviations


def test_resamples_without_a_value_do_not_count() -> None:
    # Of two items, half of the resamples hold both; the others have no spread to speak of.
    def spread(indices: Indices) -> float | None:
        return None if len(set(indices.tolist())) == 1 else 1.0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bootstrap(spread, 2, default_rng(0)) == Statistic(1.0, 2, (1.0, 1.0))
        assert bootstrap(spread, 1, default_rng(0)) == Statistic(None, 1, None)
        assert bootstrap(lambda _: 3.0, 1, default_rng(0)) == Statistic(3.0, 1, (3.0, 3.0))


def test_the_area_under_the_curve_counts_pairs() -> None:
    rng = default_rng(0)
    scores = rng.integers(0, 8, size=30).astype(float).tolist()  # with ties
    positive = (rng.random(30) < 0.4).tolist()
    pairs = [
        1.0 if high > low else 0.5 if high == low else 0.0
        for high, is_high in zip(scores, positive, strict=True)
        for low, is_low in zip(scores, positive, strict=True)
        if is_high and not is_low
    ]
    found = roc_auc(scores, positive, default_rng(1))
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.interval is not None
    assert found.interval[0] < np.mean(pairs) < found.interval[1]
    assert roc_auc(scores, [False] * 30, default_rng(1)) == Statistic(None, 30, None)


def test_the_interval_of_a_rank_correlation_is_scipys() -> None:
    rng = default_rng(0)
    first = rng.normal(size=50)
    second = first + rng.normal(size=50)
    found = rank_correlation_with_interval(first.tolist(), second.tolist(), default_rng(1))
    expected = stats.bootstrap(
        (first, second),
        lambda one, other: stats.spearmanr(one, other).statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="percentile",
        rng=default_rng(1),
    ).confidence_interval
    assert found.interval == pytest.approx((expected.low, expected.high))
