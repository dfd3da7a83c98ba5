"""Intervals against SciPy's own and against numbers from a table of Student's t."""

import pytest
from scipy import stats

from caption_curation.reports.page.statistics import Estimate, estimate, paired_difference


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


def test_differences_are_taken_within_a_seed() -> None:
    # The seeds differ by far more than the methods do.
    none = {0: 1.0, 1: 5.0, 2: 9.0, 7: 3.0}
    curated = {0: 1.2, 1: 5.3, 2: 9.1, 8: 0.0}
    found = paired_difference(curated, none)
    paired = stats.ttest_rel([1.2, 5.3, 9.1], [1.0, 5.0, 9.0]).confidence_interval(0.95)

    assert found is not None and found.half_width is not None
    assert found.seeds == 3
    assert found.mean - found.half_width == pytest.approx(paired.low)
    assert found.mean + found.half_width == pytest.approx(paired.high)
    assert not found.excludes_zero
    assert paired_difference({0: 1.0}, {1: 1.0}) is None


def test_an_interval_on_one_side_excludes_zero() -> None:
    assert Estimate(-0.3, 0.2, 3).excludes_zero
    assert not Estimate(-0.3, 0.4, 3).excludes_zero
