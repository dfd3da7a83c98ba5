"""From scores to chosen samples (paper, section 3.1): pure functions on arrays.

A score says how hard a sample is; the harder, the higher. A rule says how many are chosen.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from caption_curation.curation.settings import Curation
from caption_curation.samples import Sample, SampleLoss

FloatArray = npt.NDArray[np.float64]


def loss_scores(losses: Sequence[SampleLoss], score: str) -> FloatArray:
    """The losses of the samples as scores, in order, in nats.

    Args:
        losses: the captioner's current losses.
        score: ``loss_mean`` (per token) or ``loss_sum`` (per caption, as the paper's code does).
    """
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


def select(
    losses: Sequence[SampleLoss], curation: Curation, rng: np.random.Generator
) -> tuple[FloatArray, list[int]]:
    """Score the samples and choose by the configured rule.

    The score ``random`` is the control: it chooses as many samples as the rule would choose by
    ``loss_mean``, but any.

    Args:
        losses: of all training samples.
        curation: score and rule.
        rng: draws the random scores, uniform in [0, 1).

    Returns:
        The scores in the order of ``losses``, and the indices of the chosen samples, hardest first.
    """
    if curation.score == "random":
        count = len(_apply_rule(loss_scores(losses, "loss_mean"), curation))
        scores = rng.random(len(losses))
        return scores, _hardest_first(scores)[:count]
    scores = loss_scores(losses, curation.score)
    return scores, _apply_rule(scores, curation)


def _apply_rule(scores: FloatArray, curation: Curation) -> list[int]:
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
