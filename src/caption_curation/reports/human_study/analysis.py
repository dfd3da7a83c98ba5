"""The numbers of figures 9 and 10: categories, errors against loss, and the answer of the truth."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from caption_curation.human_study.annotations.categories import CATEGORY_IDS, NO_ERROR
from caption_curation.human_study.study.sets import Group, StudyImage
from caption_curation.reports.human_study.collect import JudgedImage
from caption_curation.reports.page.statistics import (
    RankCorrelation,
    fraction_interval,
    rank_correlation,
)

GROUPS: tuple[Group, ...] = ("low", "high")
RESAMPLES = 1000  # of the bootstrap

Indices = NDArray[np.integer[Any]]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """A number of ``n`` images with its 95 % interval; ``None`` where it cannot be computed."""

    value: float | None
    n: int
    interval: Interval | None


@dataclass(frozen=True)
class Half:
    """The images with the lower or the higher half of a score.

    ``score``: their mean score. ``errors``: the mean of their mean numbers of errors.
    """

    score: float
    errors: Estimate


@dataclass(frozen=True)
class ErrorsAgainst:
    """The mean number of errors against a score, image by image.

    Attributes:
        scores: of the images.
        errors: their mean numbers of errors, in the same order.
        low, high: two groups of them.
        rank: Spearman's rho of ``scores`` and ``errors``.
    """

    scores: Sequence[float]
    errors: Sequence[float]
    low: Half
    high: Half
    rank: RankCorrelation


@dataclass(frozen=True)
class Truth:
    """Is a high loss a sign of a wrong image? From the verdicts of a program that knows.

    Attributes:
        errors: how many there are in all images.
        wrong: by group, the fraction of images that have any error (interval of Wilson).
        by_loss: the probability that a wrong image has a higher loss than a right one (0.5: the
            loss knows nothing; equal losses count half), the area under the ROC curve.
        by_clipscore: the same with a lower CLIPScore, where it is known.
        rank: Spearman's rho of the loss and the number of errors.
    """

    errors: int
    wrong: Mapping[Group, Estimate]
    by_loss: Estimate
    by_clipscore: Estimate | None
    rank: RankCorrelation


def category_counts(judged: Sequence[JudgedImage]) -> dict[str, dict[Group, int]]:
    """How many annotations in each group mark each category or ``no_error`` (figure 9a)."""
    counts = {name: dict.fromkeys(GROUPS, 0) for name in (*CATEGORY_IDS, NO_ERROR)}
    for one in judged:
        for annotation in one.annotations:
            for category in annotation.categories or (NO_ERROR,):
                counts[category][one.image.group] += 1
    return counts


def errors_against_loss(judged: Sequence[JudgedImage], rng: np.random.Generator) -> ErrorsAgainst:
    """The mean number of errors against the loss (figure 9b), by the study's own groups."""
    return _against(
        [one.image.loss for one in judged],
        [one.mean_errors for one in judged],
        np.array([one.image.group == "high" for one in judged]),
        rng,
    )


def errors_against_clipscore(
    judged: Sequence[JudgedImage], rng: np.random.Generator
) -> ErrorsAgainst | None:
    """The same against the CLIPScore, whose groups are its lower and upper half."""
    scores = [one.image.clipscore for one in judged if one.image.clipscore is not None]
    if len(scores) < len(judged):
        return None
    is_high = np.argsort(np.argsort(scores, kind="stable"), kind="stable") >= len(scores) / 2
    return _against(scores, [one.mean_errors for one in judged], is_high, rng)


def truth_of(
    images: Sequence[StudyImage], verdicts: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> Truth | None:
    """The answer of the truth for all images of the study; ``None`` where it is not known."""
    if not verdicts:
        return None
    wrong = np.array([bool(verdicts[one.image_id]) for one in images])
    losses = np.array([one.loss for one in images])
    clipscores = [one.clipscore for one in images if one.clipscore is not None]
    shares = {}
    for group in GROUPS:
        of_group = [bool(verdicts[one.image_id]) for one in images if one.group == group]
        count, n = sum(of_group), len(of_group)
        shares[group] = Estimate(count / n, n, fraction_interval(count, n))
    return Truth(
        errors=sum(len(verdicts[one.image_id]) for one in images),
        wrong=shares,
        by_loss=_discrimination(losses, wrong, rng),
        by_clipscore=_discrimination(-np.array(clipscores), wrong, rng)
        if len(clipscores) == len(images)
        else None,
        rank=rank_with_interval(losses, [len(verdicts[one.image_id]) for one in images], rng),
    )


def rank_with_interval(
    one: Sequence[float] | NDArray[np.floating[Any]],
    other: Sequence[float],
    rng: np.random.Generator,
) -> RankCorrelation:
    """Spearman's rho of pairs, with an interval by drawing pairs."""
    first, second = np.asarray(one), np.asarray(other)

    def rho(drawn: Indices) -> float | None:
        return rank_correlation(first[drawn].tolist(), second[drawn].tolist()).rho

    estimate = bootstrap(rho, len(first), rng)
    return RankCorrelation(estimate.value, estimate.n, estimate.interval)


def bootstrap(
    statistic: Callable[[Indices], float | None], n: int, rng: np.random.Generator
) -> Estimate:
    """A statistic of ``n`` images with its percentile bootstrap interval, 95 %.

    Args:
        statistic: of the images with these indices; ``None`` where it has no value for them.
        n: number of images.
        rng: draws images, with replacement.
    """
    value = statistic(np.arange(n))
    drawn = [statistic(rng.integers(n, size=n)) for _ in range(RESAMPLES)]
    values = [one for one in drawn if one is not None]
    if value is None or not values:
        return Estimate(value, n, None)
    low, high = np.quantile(values, (0.025, 0.975))
    return Estimate(value, n, (float(low), float(high)))


def _against(
    scores: Sequence[float],
    errors: Sequence[float],
    is_high: NDArray[np.bool_],
    rng: np.random.Generator,
) -> ErrorsAgainst:
    low, high = (
        _half(np.array(scores)[part], np.array(errors)[part], rng) for part in (~is_high, is_high)
    )
    return ErrorsAgainst(scores, errors, low, high, rank_with_interval(scores, errors, rng))


def _half(
    scores: NDArray[np.floating[Any]], errors: NDArray[np.floating[Any]], rng: np.random.Generator
) -> Half:
    if not len(scores):  # all images of this group are left out
        return Half(float("nan"), Estimate(None, 0, None))
    mean = bootstrap(lambda drawn: float(errors[drawn].mean()), len(errors), rng)
    return Half(float(scores.mean()), mean)


def _discrimination(
    scores: NDArray[np.floating[Any]], wrong: NDArray[np.bool_], rng: np.random.Generator
) -> Estimate:
    """How often a wrong image has a higher score than a right one (Mann and Whitney's U)."""

    def area(drawn: Indices) -> float | None:
        of_wrong = wrong[drawn]
        count = int(of_wrong.sum())
        others = len(drawn) - count
        if not count or not others:
            return None
        ranks = rankdata(scores[drawn])[of_wrong].sum()
        return float((ranks - count * (count + 1) / 2) / (count * others))

    return bootstrap(area, len(scores), rng)
