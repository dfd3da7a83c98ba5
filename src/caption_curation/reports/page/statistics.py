"""All statistics of the reports: confidence intervals, rank correlations, areas under ROC curves.

Experiments of one seed share all their randomness, so the difference between two of them is what
curation changed; the interval of the mean difference is much narrower than those of the means.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 1000  # of the bootstrap

Indices = NDArray[np.integer[Any]]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Statistic:
    """A statistic of ``n`` values (or pairs of values) with its 95 % confidence interval.

    ``value`` is ``None`` where it is undefined, ``interval`` where none was computed.
    """

    value: float | None
    n: int
    interval: Interval | None = None


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and half the width of its 95 % confidence interval.

    ``half_width`` is ``None`` for one seed, which says nothing about the spread. ``generators``:
    how many the mean is over; 0 where none has anything to do with it. With several,
    ``half_width`` holds for these, and ``half_width_over_both`` for others too.
    """

    mean: float
    half_width: float | None
    seeds: int
    generators: int = 0
    half_width_over_both: float | None = None

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; never true without an interval.

        Of several generators, the one that holds for others too.
        """
        width = self.half_width if self.generators <= 1 else self.half_width_over_both
        return width is not None and abs(self.mean) > width


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and two-sided interval by Student's t with ``n - 1`` degrees of freedom.

    Args:
        values: one per seed, at least one.
    """
    n = len(values)
    mean = fmean(values)
    if n == 1:
        return Estimate(mean, None, 1)
    if len(set(values)) == 1:  # SciPy warns of lost precision, and may find a width of rounding
        return Estimate(mean, 0.0, n)
    interval = stats.ttest_1samp(values, 0).confidence_interval(CONFIDENCE)
    return Estimate(mean, float(interval.high - interval.low) / 2, n)


def bootstrap(
    statistic: Callable[[Indices], float | None], n: int, rng: np.random.Generator
) -> Statistic:
    """A statistic of ``n`` items with its percentile bootstrap interval.

    Args:
        statistic: of the items with the given indices; ``None`` where it is undefined. Resamples
            for which it is undefined do not count.
        n: number of items, at least one.
        rng: resamples the items, with replacement.
    """
    value = statistic(np.arange(n))
    if n == 1:  # every resample is the item itself; SciPy takes no fewer than two
        return Statistic(value, n, None if value is None else (value, value))

    def value_or_nan(indices: Indices) -> float:
        found = statistic(indices)
        return float("nan") if found is None else found

    with warnings.catch_warnings():  # NaN makes SciPy's own interval NaN, of which it warns
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        values = stats.bootstrap(
            (np.arange(n),),
            value_or_nan,
            n_resamples=RESAMPLES,
            method="percentile",
            vectorized=False,
            rng=rng,
        ).bootstrap_distribution
    values = values[~np.isnan(values)]
    if value is None or not len(values):
        return Statistic(value, n)
    return Statistic(value, n, percentile_interval(values))


def resample_counts(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each of ``n`` items is in each resample of ``n``: shape (``RESAMPLES``, n).

    For statistics that are functions of sums: the sums of all resamples are one matrix product.

    Args:
        n: number of items, at least one.
        rng: draws them, with replacement.
    """
    drawn = rng.integers(n, size=(RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n)
    return counts.astype(np.float64)


def percentile_interval(values: NDArray[np.float64]) -> Interval:
    """The 95 % interval of a bootstrap: between two quantiles of its values, at least one."""
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> Statistic:
    """Spearman's rho of pairs, without an interval; equal values share their mean rank.

    It is undefined if all values of one side are equal.
    """
    if len(set(first)) < 2 or len(set(second)) < 2:
        return Statistic(None, len(first))
    return Statistic(float(stats.spearmanr(first, second).statistic), len(first))


def rank_correlation_with_interval(
    first: Sequence[float], second: Sequence[float], rng: np.random.Generator
) -> Statistic:
    """Spearman's rho of pairs; the interval is that of the bootstrap, which resamples pairs.

    Args:
        first, second: the two sides, of equal length, at least one pair.
        rng: resamples the pairs.
    """
    one_side, other_side = np.asarray(first), np.asarray(second)

    def rho(indices: Indices) -> float | None:
        return rank_correlation(one_side[indices].tolist(), other_side[indices].tolist()).value

    return bootstrap(rho, len(first), rng)


def roc_auc(
    scores: Sequence[float], is_positive: Sequence[bool], rng: np.random.Generator
) -> Statistic:
    """The area under the ROC curve, with a bootstrap interval.

    It is the probability that a positive has a higher score than a negative, in which equal scores
    count half: Mann and Whitney's U over the number of pairs. Undefined without positives or
    without negatives.

    Args:
        scores: at least one.
        is_positive: of each score.
        rng: resamples the scores.
    """
    all_scores, positive = np.asarray(scores), np.asarray(is_positive, dtype=bool)

    def area(indices: Indices) -> float | None:
        drawn, of_positive = all_scores[indices], positive[indices]
        pairs = int(of_positive.sum()) * int((~of_positive).sum())
        if not pairs:
            return None
        # Only U is used: the asymptotic p value is the one that costs least.
        test = stats.mannwhitneyu(drawn[of_positive], drawn[~of_positive], method="asymptotic")
        return float(test.statistic / pairs)

    return bootstrap(area, len(all_scores), rng)


def fraction_interval(count: int, n: int) -> Interval:
    """Wilson's 95 % interval for a fraction, ``count`` of ``n``."""
    interval = stats.binomtest(count, n).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
