"""What several seeds say: means, their confidence intervals, and differences within a seed.

Experiments of one seed share all their randomness, so that the difference between two of them is
what curation changed; the interval of the mean difference is much narrower than those of the means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.stats import binomtest, spearmanr
from scipy.stats import t as student_t

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, and half the width of its 95 % confidence interval.

    ``half_width`` is ``None`` for one seed: it says nothing about the spread.
    """

    mean: float
    half_width: float | None
    seeds: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero; never true without an interval."""
        return self.half_width is not None and abs(self.mean) > self.half_width


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and two-sided interval by Student's t with ``n - 1`` degrees of freedom.

    Args:
        values: one per seed, at least one.
    """
    n = len(values)
    mean = fmean(values)
    if n == 1:
        return Estimate(mean, None, 1)
    quantile = float(student_t.ppf((1 + CONFIDENCE) / 2, n - 1))
    return Estimate(mean, quantile * stdev(values) / sqrt(n), n)


def paired_difference(
    values: Mapping[int, float], reference: Mapping[int, float]
) -> Estimate | None:
    """Mean of ``values - reference`` over the seeds that both have, with its interval.

    Args:
        values: by seed.
        reference: by seed.

    Returns:
        ``None`` where no seed is common.
    """
    seeds = sorted(values.keys() & reference.keys())
    if not seeds:
        return None
    return estimate([values[seed] - reference[seed] for seed in seeds])


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho of ``n`` pairs; ``None`` where all values of one side are equal.

    ``interval``: 95 %, where one was computed.
    """

    rho: float | None
    n: int
    interval: tuple[float, float] | None = None


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> RankCorrelation:
    """Spearman's rho; equal values share their mean rank."""
    if len(set(first)) < 2 or len(set(second)) < 2:
        return RankCorrelation(None, len(first))
    return RankCorrelation(float(spearmanr(first, second).statistic), len(first))


def fraction_interval(count: int, n: int) -> tuple[float, float]:
    """The 95 % interval of Wilson for a fraction, ``count`` of ``n``."""
    interval = binomtest(count, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
