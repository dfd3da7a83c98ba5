"""Does the round trip show which images are right? Rank correlations with the ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caption_curation.reports.page.statistics import (
    Indices,
    Statistic,
    bootstrap,
    rank_correlation,
)


def image_correlation(
    ciders: NDArray[np.floating[Any]], right: NDArray[np.integer[Any]], rng: np.random.Generator
) -> Statistic:
    """Spearman's rho between the CIDEr of single images and their numbers of right facts.

    The variants' images of one scene are not independent. The bootstrap of the interval therefore
    resamples scenes, each with the images of all variants.

    Args:
        ciders: shape (variants, scenes).
        right: number of right facts, same shape.
        rng: resamples the scenes.
    """

    def rho(scenes: Indices) -> float | None:
        return rank_correlation(
            ciders[:, scenes].ravel().tolist(), right[:, scenes].ravel().tolist()
        ).value

    return replace(bootstrap(rho, ciders.shape[1], rng), n=ciders.size)


def right_fractions(facts: Sequence[Mapping[str, bool]]) -> dict[str, float]:
    """The fraction of images in which each fact is right, and in which all are (``all``)."""
    fractions = {name: float(np.mean([of_image[name] for of_image in facts])) for name in facts[0]}
    return {**fractions, "all": float(np.mean([all(of_image.values()) for of_image in facts]))}
