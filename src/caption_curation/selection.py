"""From scores to chosen samples (paper, section 3.1): pure functions on arrays.

A score says how hard a sample is; the harder, the higher. A rule says how many are chosen.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from caption_curation.params import Curation
from caption_curation.samples import Sample, SampleLoss

FloatArray = npt.NDArray[np.float64]


def sample_scores(losses: Sequence[SampleLoss], score: str, rng: np.random.Generator) -> FloatArray:
    """One score a sample, in the order of ``losses``.

    Args:
        losses: the captioner's current losses, in nats.
        score: ``loss_mean`` (per token), ``loss_sum`` (per caption, as the paper's code does) or
            ``random`` (uniform in [0, 1): the control that chooses as many, but any).
        rng: draws the random scores.
    """
    if score == "random":
        return rng.random(len(losses))
    return np.array([getattr(loss, score) for loss in losses], dtype=np.float64)


def top_fraction(scores: FloatArray, ratio: float) -> list[int]:
    """Indices of the highest ``floor(ratio · n)`` scores, highest first; ties in input order."""
    # The tiny term keeps 0.29 · 100 = 28.999999999999996 from losing a sample.
    count = math.floor(ratio * len(scores) + 1e-9)
    return _hardest_first(scores)[:count]


def above_mean(scores: FloatArray, deviations: float) -> list[int]:
    """Indices of scores above ``mean + deviations · std`` (population), highest first."""
    if len(scores) == 0:
        return []
    threshold = scores.mean() + deviations * scores.std()
    return [index for index in _hardest_first(scores) if scores[index] > threshold]


def select(scores: FloatArray, curation: Curation) -> list[int]:
    """Indices of the samples that the configured rule chooses, hardest first."""
    if curation.rule == "top_fraction":
        return top_fraction(scores, curation.ratio)
    return above_mean(scores, curation.std)


def select_static(
    samples: Sequence[Sample], ratio: float, rng: np.random.Generator
) -> list[Sample]:
    """The samples to curate before training, when there is no loss yet (paper, section 4.3).

    Where ``ratio`` of an image's J captions is a whole number, exactly so many of them are chosen
    at random (20, 40, 60, 80 % of five captions: one to four). Otherwise every sample is chosen
    with probability ``ratio`` (50 % of five: a fair coin). A higher ratio of the same kind chooses
    a superset, so that synthetic images are shared between ratios.
    """
    by_image: dict[str, list[Sample]] = {}
    for sample in samples:
        by_image.setdefault(sample.image_id, []).append(sample)
    chosen = []
    for siblings in by_image.values():
        # Both are drawn for every image, whatever the ratio, so that ratios stay comparable.
        order = rng.permutation(len(siblings))
        coins = rng.random(len(siblings))
        wanted = ratio * len(siblings)
        if math.isclose(wanted, round(wanted), abs_tol=1e-9):
            taken = set(order[: round(wanted)].tolist())
        else:
            taken = set(np.flatnonzero(coins < ratio).tolist())
        chosen += [sample for index, sample in enumerate(siblings) if index in taken]
    return chosen


def _hardest_first(scores: FloatArray) -> list[int]:
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order
