"""Round-trip scores beside true correctness, where the truth is known."""

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
        across_variants: by metric, of the score with the fraction of images right in every fact.
        across_images: of ``ciders`` with ``right``.
        within_variants: the same, by variant name.
    """

    ciders: NDArray[np.floating[Any]]
    right: NDArray[np.integer[Any]]
    across_variants: Mapping[str, Statistic]
    across_images: Statistic
    within_variants: Mapping[str, Statistic]

    @property
    def all(self) -> dict[str, Statistic]:
        """All correlations, named by what they are of."""
        return {
            **{f"{metric}, across variants": one for metric, one in self.across_variants.items()},
            "cider, across images": self.across_images,
            **{f"cider, within {name}": one for name, one in self.within_variants.items()},
        }


def track(results: Results, rng: np.random.Generator) -> Tracking | None:
    """Compare the scores with the ground truth; ``None`` where it is not known.

    Args:
        results: of all variants.
        rng: draws the bootstrap's samples.
    """
    if not results.truth_is_known:
        return None
    names = [one.name for one in VARIANTS]
    all_right = [results.right[name][ALL] for name in names]
    records = [results.of(name) for name in names]
    ciders = np.array([[one["cider"] for one in of_variant] for of_variant in records])
    right = np.array([[sum(one["facts"].values()) for one in of_variant] for of_variant in records])
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
