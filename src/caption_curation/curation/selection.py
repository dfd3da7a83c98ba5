"""From losses to chosen samples (paper, section 3.1): pure functions on arrays."""

import math
from collections.abc import Sequence

import numpy as np

from caption_curation.curation.rules import RULES, hardest_first
from caption_curation.curation.scores import SCORES, FloatArray
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.samples import Sample, SampleLoss


def select(
    losses: Sequence[SampleLoss],
    curation: Curation,
    details: CurationDetails,
    rng: np.random.Generator,
    given: Sequence[float] = (),
) -> tuple[FloatArray, list[int]]:
    """Score the samples and choose by the configured rule.

    A random control chooses as many samples as the rule would by another score, uniformly.

    Args:
        losses: of all training samples; not needed where the score is given.
        curation: score and rule.
        details: its rounding is used.
        rng: for scores that need one.
        given: the score of each sample, where it is read from a file.

    Returns:
        The scores in the order of the samples, and the indices of the chosen ones, hardest first.
    """
    rule = RULES[curation.rule]
    amount = float(getattr(curation, rule.amount))
    score = SCORES[curation.score]
    scores = score.of(losses=losses, rng=rng, given=given)
    if score.same_number_as is None:
        return scores, rule.choose(scores, amount, details.rounding)
    imitated = SCORES[score.same_number_as].of(losses=losses, rng=rng)
    number = len(rule.choose(imitated, amount, details.rounding))
    return scores, hardest_first(scores)[:number]


def select_static(
    samples: Sequence[Sample], ratio: float, rng: np.random.Generator
) -> list[Sample]:
    """The samples to curate before training, when there is no loss yet (paper, section 5.1).

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
