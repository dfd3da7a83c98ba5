"""The numbers of figures 9 and 10: categories, errors against loss, and what the verdicts say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from caption_curation.human_study.annotations.categories import CATEGORY_IDS, NO_ERROR
from caption_curation.human_study.study.sets import Group, StudyImage
from caption_curation.reports.human_study.collect import AnnotatedImage
from caption_curation.reports.page.statistics import (
    Statistic,
    bootstrap,
    fraction_interval,
    rank_correlation_with_interval,
    roc_auc,
)

GROUPS: tuple[Group, ...] = ("low", "high")


@dataclass(frozen=True)
class Half:
    """The images with the lower or the higher half of the scores.

    ``score``: their mean score. ``errors``: the mean of their mean numbers of errors.
    """

    score: float
    errors: Statistic


@dataclass(frozen=True)
class ErrorsAgainst:
    """The mean number of errors against a score, image by image.

    Attributes:
        scores: of the images.
        errors: their mean numbers of errors, in the same order.
        low, high: the groups of images with low and with high scores.
        rank: Spearman's rho of ``scores`` and ``errors``.
    """

    scores: Sequence[float]
    errors: Sequence[float]
    low: Half
    high: Half
    rank: Statistic


@dataclass(frozen=True)
class Truth:
    """Is a high loss a sign of a wrong image? From the verdicts of a program that knows.

    Attributes:
        errors: how many there are in all images.
        wrong: by group, the fraction of images that have any error (Wilson's interval).
        by_loss: the probability that a wrong image has a higher loss than a right one, the area
            under the ROC curve (0.5: the loss says nothing; equal losses count half).
        by_clipscore: the same with a lower CLIPScore, where it is known.
        rank: Spearman's rho of the loss and the number of errors.
    """

    errors: int
    wrong: Mapping[Group, Statistic]
    by_loss: Statistic
    by_clipscore: Statistic | None
    rank: Statistic


def category_counts(kept: Sequence[AnnotatedImage]) -> dict[str, dict[Group, int]]:
    """How many annotations mark each category, or ``no_error``, in each group (figure 9a)."""
    counts = {name: dict.fromkeys(GROUPS, 0) for name in (*CATEGORY_IDS, NO_ERROR)}
    for annotated in kept:
        for annotation in annotated.annotations:
            for category in annotation.categories or (NO_ERROR,):
                counts[category][annotated.image.group] += 1
    return counts


def errors_against_loss(kept: Sequence[AnnotatedImage], rng: np.random.Generator) -> ErrorsAgainst:
    """The mean number of errors against the loss (figure 9b), by the study's own groups."""
    return _against(
        [annotated.image.loss for annotated in kept],
        [annotated.mean_errors for annotated in kept],
        np.array([annotated.image.group == "high" for annotated in kept]),
        rng,
    )


def errors_against_clipscore(
    kept: Sequence[AnnotatedImage], rng: np.random.Generator
) -> ErrorsAgainst | None:
    """The same against the CLIPScore, by its own lower and upper half.

    Returns:
        ``None`` unless the CLIPScores of all images are known.
    """
    scores = [
        annotated.image.clipscore for annotated in kept if annotated.image.clipscore is not None
    ]
    if len(scores) < len(kept):
        return None
    is_high = rankdata(scores, method="ordinal") - 1 >= len(scores) / 2
    return _against(scores, [annotated.mean_errors for annotated in kept], is_high, rng)


def truth_of(
    images: Sequence[StudyImage], verdicts: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> Truth | None:
    """What the verdicts say of all images of the study; ``None`` where there are none."""
    if not verdicts:
        return None
    error_counts = [len(verdicts[image.image_id]) for image in images]
    is_wrong = [count > 0 for count in error_counts]
    losses = [image.loss for image in images]
    clipscores = [image.clipscore for image in images if image.clipscore is not None]
    fractions = {}
    for group in GROUPS:
        of_group = [
            wrong for image, wrong in zip(images, is_wrong, strict=True) if image.group == group
        ]
        count, n = sum(of_group), len(of_group)
        fractions[group] = Statistic(count / n, n, fraction_interval(count, n))
    return Truth(
        errors=sum(error_counts),
        wrong=fractions,
        by_loss=roc_auc(losses, is_wrong, rng),
        by_clipscore=roc_auc([-score for score in clipscores], is_wrong, rng)
        if len(clipscores) == len(images)
        else None,
        rank=rank_correlation_with_interval(losses, error_counts, rng),
    )


def _against(
    scores: Sequence[float],
    errors: Sequence[float],
    is_high: NDArray[np.bool_],
    rng: np.random.Generator,
) -> ErrorsAgainst:
    low, high = (
        _half(np.array(scores)[part], np.array(errors)[part], rng) for part in (~is_high, is_high)
    )
    return ErrorsAgainst(
        scores, errors, low, high, rank_correlation_with_interval(scores, errors, rng)
    )


def _half(
    scores: NDArray[np.floating[Any]], errors: NDArray[np.floating[Any]], rng: np.random.Generator
) -> Half:
    if not len(scores):  # all images of this group are left out
        return Half(float("nan"), Statistic(None, 0))
    mean = bootstrap(lambda indices: float(errors[indices].mean()), len(errors), rng)
    return Half(float(scores.mean()), mean)
