"""Does the round trip show which images are right? Rank correlations with the ground truth."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from caption_curation.reports.page.statistics import (
    Indices,
    Interval,
    Statistic,
    bootstrap,
    fraction_interval,
    rank_correlation,
)


def image_correlation(
    ciders: Sequence[float],
    right: Sequence[int],
    scenes: Sequence[str],
    rng: np.random.Generator,
) -> Statistic:
    """Spearman's rho between the CIDEr of single images and their numbers of right facts.

    The images of one scene are not independent. The bootstrap of the interval therefore resamples
    scenes, each with all of its images.

    Args:
        ciders: of all images of all variants.
        right: number of right facts of each.
        scenes: the scene that each was drawn of.
        rng: resamples the scenes.
    """
    values, facts = np.asarray(ciders), np.asarray(right)
    members = positions_of(scenes)

    def rho(chosen: Indices) -> float | None:
        indices = np.concatenate([members[scene] for scene in chosen])
        return rank_correlation(values[indices].tolist(), facts[indices].tolist()).value

    return replace(bootstrap(rho, len(members), rng), n=len(values))


def right_interval(
    right: Sequence[bool], scenes: Sequence[str], rng: np.random.Generator
) -> Interval:
    """The 95 % interval of the fraction of images that are right.

    Wilson's, where every scene has one image. Several of one scene are not independent: then it is
    that of a bootstrap that resamples scenes.

    Args:
        right: of each image.
        scenes: the scene that each was drawn of.
        rng: resamples the scenes, where it is asked.
    """
    members = positions_of(scenes)
    if len(members) == len(right):
        return fraction_interval(sum(right), len(right))
    values = np.asarray(right)

    def fraction(chosen: Indices) -> float:
        return float(values[np.concatenate([members[scene] for scene in chosen])].mean())

    interval = bootstrap(fraction, len(members), rng).interval
    assert interval is not None  # a fraction is always defined
    return interval


def positions_of(scenes: Sequence[str]) -> list[Indices]:
    """For every scene, in the order of its first image, the positions of its images."""
    members: dict[str, list[int]] = {}
    for position, scene in enumerate(scenes):
        members.setdefault(scene, []).append(position)
    return [np.array(positions) for positions in members.values()]


def right_fractions(facts: Sequence[Mapping[str, bool]]) -> dict[str, float]:
    """The fraction of images in which each fact is right, and in which all are (``all``)."""
    fractions = {name: float(np.mean([of_image[name] for of_image in facts])) for name in facts[0]}
    return {**fractions, "all": float(np.mean([all(of_image.values()) for of_image in facts]))}
