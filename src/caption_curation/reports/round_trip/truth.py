"""Round-trip scores compared with true correctness, where it is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from caption_curation.reports.page.statistics import Statistic, rank_correlation
from caption_curation.reports.round_trip.tables import ALL, METRICS, Results
from caption_curation.reports.round_trip.tracking import image_correlation
from caption_curation.round_trip.variants import VARIANTS


@dataclass(frozen=True)
class Tracking:
    """How well round-trip scores track which images are right.

    Attributes:
        ciders: of single images, shape (variants, images).
        right: number of right facts, same shape.
        across_variants: by metric, between the score and the fraction of images right in every
            fact.
        across_images: between ``ciders`` and ``right``.
        within_variants: the same, by variant name.
    """

    ciders: NDArray[np.floating[Any]]
    right: NDArray[np.integer[Any]]
    across_variants: Mapping[str, Statistic]
    across_images: Statistic
    within_variants: Mapping[str, Statistic]

    @property
    def all(self) -> dict[str, Statistic]:
        """All correlations, by what they are of."""
        return {
            **{f"{metric}, across variants": rank for metric, rank in self.across_variants.items()},
            "cider, across images": self.across_images,
            **{f"cider, within {name}": rank for name, rank in self.within_variants.items()},
        }


def track(results: Results, rng: np.random.Generator) -> Tracking | None:
    """Compare the scores with the ground truth; ``None`` where it is not known.

    Args:
        results: of all variants.
        rng: resamples scenes for the bootstrap.
    """
    if not results.truth_is_known:
        return None
    names = [variant.name for variant in VARIANTS]
    all_right = [results.right[name][ALL] for name in names]
    records = [results.of(name) for name in names]
    ciders = np.array([[record["cider"] for record in of_variant] for of_variant in records])
    right = np.array(
        [[sum(record["facts"].values()) for record in of_variant] for of_variant in records]
    )
    return Tracking(
        ciders=ciders,
        right=right,
        across_variants={
            metric: rank_correlation([results.scores[name][metric] for name in names], all_right)
            for metric in METRICS
        },
        across_images=image_correlation(ciders, right, rng),
        within_variants={
            name: rank_correlation(ciders[row].tolist(), right[row].tolist())
            for row, name in enumerate(names)
        },
    )
