"""Whether other test images would show a difference: a paired bootstrap over them.

The interval over seeds asks whether another training run would show the difference; this one says
nothing of that, and needs no second seed: it holds for these trainings and their generator.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caption_curation.experiments.runs import Run
from caption_curation.metrics.resampling import Floats, resampled_scores
from caption_curation.reports.page.statistics import (
    Interval,
    percentile_interval,
    resample_counts,
)


@dataclass(frozen=True)
class Resampled:
    """A run's scores on resamples of its test images, by metric; ``RESAMPLES`` of each.

    Runs of the same images have the same resamples in the same order.
    """

    image_ids: tuple[str, ...]
    scores: Mapping[str, Floats]


Pair = tuple[Resampled | None, Resampled | None]


def resample_runs(runs: Iterable[Run], rng: np.random.Generator) -> dict[str, Resampled]:
    """The resampled scores of every run that recorded its images, by the run's name.

    Args:
        runs: any.
        rng: draws the resamples, anew for every other set of test images.
    """
    counts: dict[tuple[str, ...], Floats] = {}
    resampled = {}
    for run in runs:
        if run.images is None:
            continue
        ids = run.images.image_ids
        if ids not in counts:
            counts[ids] = resample_counts(len(ids), rng)
        resampled[run.name] = Resampled(ids, resampled_scores(run.images, counts[ids]))
    return resampled


def interval_over_images(pairs: Sequence[Pair], metric: str) -> Interval | None:
    """The 95 % interval of a difference that is a mean over pairs of runs.

    Both runs of a pair, and all pairs, are resampled together: what is hard about an image is hard
    for all of them and does not widen the interval.

    Args:
        pairs: a run and what it is compared with, of every seed.
        metric: whose difference is meant.

    Returns:
        ``None`` without pairs, or if one of the runs has not recorded its images, or other images.
    """
    differences = []
    for own, reference in pairs:
        if own is None or reference is None or own.image_ids != reference.image_ids:
            return None
        if metric not in own.scores or metric not in reference.scores:
            return None
        differences.append(own.scores[metric] - reference.scores[metric])
    return percentile_interval(np.mean(differences, axis=0)) if differences else None
