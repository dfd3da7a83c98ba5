"""Does the round trip know which images are right? Rank correlations with the ground truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caption_curation.reports.page.statistics import RankCorrelation, rank_correlation

RESAMPLES = 1000  # of the bootstrap


def image_correlation(
    ciders: NDArray[np.floating[Any]], right: NDArray[np.integer[Any]], rng: np.random.Generator
) -> RankCorrelation:
    """Spearman's rho between the CIDEr of single images and their numbers of right facts.

    The variants' images of one scene are not independent. The interval (percentile bootstrap)
    therefore draws scenes, each with the images of all variants.

    Args:
        ciders: shape (variants, scenes).
        right: number of right facts, same shape.
        rng: draws the scenes.
    """
    whole = rank_correlation(ciders.ravel().tolist(), right.ravel().tolist())
    scenes = ciders.shape[1]
    rhos = []
    for _ in range(RESAMPLES):
        drawn = rng.integers(scenes, size=scenes)
        resampled = rank_correlation(
            ciders[:, drawn].ravel().tolist(), right[:, drawn].ravel().tolist()
        )
        if resampled.rho is not None:
            rhos.append(resampled.rho)
    if whole.rho is None or not rhos:
        return whole
    low, high = np.quantile(rhos, (0.025, 0.975))
    return RankCorrelation(whole.rho, whole.n, (float(low), float(high)))


def right_fractions(facts: Sequence[Mapping[str, bool]]) -> dict[str, float]:
    """The fraction of images in which each fact is right, and in which all are (``all``)."""
    fractions = {name: float(np.mean([one[name] for one in facts])) for name in facts[0]}
    return {**fractions, "all": float(np.mean([all(one.values()) for one in facts]))}
