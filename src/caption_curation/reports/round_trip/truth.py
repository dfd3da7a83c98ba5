"""Round-trip scores compared with true correctness, where it is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caption_curation.reports.page.statistics import Interval, Statistic, rank_correlation
from caption_curation.reports.round_trip.tables import ALL, Results
from caption_curation.reports.round_trip.tracking import image_correlation, right_interval


@dataclass(frozen=True)
class Tracking:
    """How well round-trip scores track which images are right.

    Attributes:
        ciders: of the images of all variants.
        right: number of right facts of each.
        across_variants: by metric, between the score and the fraction of images right in every
            fact.
        across_images: between ``ciders`` and ``right``.
        within_variants: the same, by variant name.
        all_right: by variant name, the real images among them, the 95 % interval of the fraction of
            images right in every fact.
    """

    ciders: Sequence[float]
    right: Sequence[int]
    across_variants: Mapping[str, Statistic]
    across_images: Statistic
    within_variants: Mapping[str, Statistic]
    all_right: Mapping[str, Interval]

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
    names = [variant.name for variant in results.grid.variants]
    all_right = [results.right[name][ALL] for name in names]
    records = [record for name in names for record in results.of(name)]
    ciders = [record["cider"] for record in records]
    right = [sum(record["facts"].values()) for record in records]
    scenes = [record["image_id"] for record in records]
    return Tracking(
        ciders=ciders,
        right=right,
        across_variants={
            metric: rank_correlation([results.scores[name][metric] for name in names], all_right)
            for metric in results.metrics
        },
        across_images=image_correlation(ciders, right, scenes, rng),
        within_variants={
            name: rank_correlation(
                [record["cider"] for record in results.of(name)],
                [sum(record["facts"].values()) for record in results.of(name)],
            )
            for name in names
        },
        all_right={
            name: right_interval(
                [all(record["facts"].values()) for record in results.of(name)],
                [record["image_id"] for record in results.of(name)],
                rng,
            )
            for name in results.scores
        },
    )
