"""Means over seeds and generators: pairs, grids, intervals that cover what they say, power."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

from caption_curation.reports.page.generators import (
    Cell,
    Components,
    by_generator,
    by_seed,
    complete_grid,
    estimate_cells,
    half_width_over_both,
    paired_cells,
    power,
    seeds_needed,
    variance_components,
)
from caption_curation.reports.page.statistics import Estimate

Cells = dict[Cell, float]


def test_differences_are_taken_within_a_seed() -> None:
    # The seeds differ by far more than the methods do.
    none: Cells = {(None, 0): 1.0, (None, 1): 5.0, (None, 2): 9.0, (None, 7): 3.0}
    curated: Cells = {(None, 0): 1.2, (None, 1): 5.3, (None, 2): 9.1, (None, 8): 0.0}
    found = estimate_cells(paired_cells(curated, none))
    paired = stats.ttest_rel([1.2, 5.3, 9.1], [1.0, 5.0, 9.0]).confidence_interval(0.95)

    assert found.half_width is not None
    assert (found.seeds, found.generators) == (3, 0)
    assert found.mean - found.half_width == pytest.approx(paired.low)
    assert found.mean + found.half_width == pytest.approx(paired.high)
    assert not found.excludes_zero
    assert not paired_cells({(None, 0): 1.0}, {(None, 1): 1.0})


def test_what_shows_no_generator_is_compared_with_every_one() -> None:
    none: Cells = {(None, 0): 1.0, (None, 1): 2.0}
    replaced: Cells = {(0, 0): 1.5, (3, 0): 1.75, (3, 1): 2.25, (3, 2): 9.0}
    assert paired_cells(replaced, none) == {(0, 0): 0.5, (3, 0): 0.75, (3, 1): 0.25}
    # A control that replaces images too is that of the same generator.
    control: Cells = {(3, 0): 1.0, (4, 0): 7.0}
    assert paired_cells(replaced, control) == {(3, 0): 0.75}


def test_means_are_over_combinations_of_which_none_is_missing() -> None:
    full = list(product((0, 1, 2), (0, 1)))
    assert complete_grid(set(full)) == full
    assert complete_grid({*full, (0, 5), (1, 5)}) == full
    # One run of another generator does not take away what many seeds say.
    many = [(0, seed) for seed in range(5)]
    assert complete_grid({*many, (1, 0)}) == many
    # Of equally many, more generators.
    assert complete_grid({(0, 0), (0, 1), (1, 0)}) == [(0, 0), (1, 0)]
    assert complete_grid({(None, 1), (None, 0)}) == [(None, 0), (None, 1)]
    assert complete_grid(set()) == []

    values: Cells = {(0, 0): 1.0, (1, 0): 3.0, (0, 1): 5.0, (1, 1): 5.0, (0, 2): 99.0}
    assert by_seed(values) == {0: 2.0, 1: 5.0}
    assert estimate_cells(values).mean == 3.5
    # By itself, a generator counts with all its seeds.
    assert [found.seeds for found in by_generator(values).values()] == [3, 2]
    assert by_generator(values)[0].mean == 35.0


def test_one_generator_has_an_interval_over_seeds_alone() -> None:
    found = estimate_cells({(4, seed): value for seed, value in enumerate((1.0, 2.0, 3.0))})
    assert (found.seeds, found.generators, found.half_width_over_both) == (3, 1, None)
    assert found.half_width == pytest.approx(4.303 / 3**0.5, abs=1e-3)
    assert estimate_cells({(0, 7): 1.0, (1, 7): 2.0}) == Estimate(1.5, None, 1, 2, None)


def test_the_analysis_of_variance_by_hand() -> None:
    # Generators' means 2 and 4, seeds' 2 and 4; what is left: 1, -1, -1, 1.
    table = np.array([[2.0, 2.0], [2.0, 6.0]])
    found = variance_components(table)
    # Mean squares 4, 4 and 4 with one degree of freedom each.
    assert (found.generators, found.seeds, found.rest) == (0.0, 0.0, 4.0)
    assert half_width_over_both(table) == pytest.approx(12.706 * (4 / 4) ** 0.5, abs=1e-3)

    table = np.array([[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]])  # nothing is left
    found = variance_components(table)
    assert (found.generators, found.seeds, found.rest) == pytest.approx((8.0, 1.0, 0.0))
    # Mean squares 24 (1 degree of freedom) and 2 (2): 26 of 26 ** 2 / (24 ** 2 + 2) = 1.17.
    expected = stats.t.ppf(0.975, 26**2 / (24**2 + 2)) * (26 / 6) ** 0.5
    assert half_width_over_both(table) == pytest.approx(expected)
    assert half_width_over_both(np.full((2, 2), 3.0)) == 0.0


def tables(
    components: Components, shape: tuple[int, int], count: int, seed: int
) -> Iterator[np.ndarray]:
    """Differences whose true mean is zero, with planted variances."""
    rng = np.random.default_rng(seed)
    generators, seeds = shape
    for _ in range(count):
        of_generators = rng.normal(0, components.generators**0.5, (generators, 1))
        of_seeds = rng.normal(0, components.seeds**0.5, (1, seeds))
        yield of_generators + of_seeds + rng.normal(0, components.rest**0.5, shape)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (5, 5)])
@pytest.mark.parametrize(
    "planted", [Components(16, 16, 4), Components(16, 0, 4), Components(0, 16, 4)]
)
def test_the_interval_over_both_covers_the_true_mean(
    planted: Components, shape: tuple[int, int]
) -> None:
    trials = 1500
    found = [(t.mean(), half_width_over_both(t)) for t in tables(planted, shape, trials, 0)]
    covered = sum(abs(mean) <= width for mean, width in found) / trials
    # Binomial: three standard deviations of 95 % in 1,500 trials are 1.7 %; it may be careful.
    assert 0.93 <= covered <= 0.985


def test_over_seeds_alone_the_interval_does_not_hold_for_other_generators() -> None:
    """Planted: the generator matters as much as the seed, as in the demo."""
    planted, trials = Components(16, 16, 4), 1500
    covered = 0
    for table in tables(planted, (2, 5), trials, 1):
        cells = {(g, s): float(value) for (g, s), value in np.ndenumerate(table)}
        found = estimate_cells(cells)
        assert found.half_width is not None and found.half_width_over_both is not None
        covered += abs(found.mean) <= found.half_width
    assert covered / trials < 0.85


def test_planted_components_are_found() -> None:
    planted = Components(9.0, 4.0, 1.0)
    found = [variance_components(table) for table in tables(planted, (6, 6), 1500, 2)]
    for name in ("generators", "seeds", "rest"):
        mean = np.mean([getattr(each, name) for each in found])
        assert mean == pytest.approx(getattr(planted, name), rel=0.1)


@pytest.mark.parametrize(("generators", "seeds"), [(1, 6), (3, 5), (5, 5)])
def test_power_is_the_part_of_studies_whose_interval_excludes_zero(
    generators: int, seeds: int
) -> None:
    planted, difference, trials = Components(4.0, 6.0, 3.0), 6.0, 1500
    found = 0
    # What one generator gives is not what is drawn: its interval is for it alone.
    drawn = planted if generators > 1 else replace(planted, generators=0.0)
    for table in tables(drawn, (generators, seeds), trials, 3):
        cells = {(g, s): float(value) + difference for (g, s), value in np.ndenumerate(table)}
        found += estimate_cells(cells).excludes_zero
    assert power(planted, difference, generators, seeds) == pytest.approx(found / trials, abs=0.08)


def test_more_is_needed_for_a_smaller_difference_and_some_are_never_found() -> None:
    planted = Components(generators=9.0, seeds=4.0, rest=4.0)
    few = seeds_needed(planted, 6.0, 1, wanted=0.8, most=50)
    many = seeds_needed(planted, 3.0, 1, wanted=0.8, most=50)
    assert few is not None and many is not None and few < many
    assert power(planted, 3.0, 1, many) >= 0.8 > power(planted, 3.0, 1, many - 1)
    # Of paired differences with a standard deviation of 8 ** 0.5, in any table: about 10 for 3.
    assert many == 10
    # However many seeds: three generators that differ by 3 do not show a difference of 3.
    assert seeds_needed(planted, 3.0, 3, wanted=0.8, most=50) is None
    assert seeds_needed(Components(0, 0, 0), 3.0, 1, wanted=0.8, most=50) == 2
