"""Which images people look at: those with the lowest and the highest loss (paper, section 5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from caption_curation.human_study.study.scored_images import ScoredImage
from caption_curation.human_study.study.sets import Group
from caption_curation.support.errors import InputError

# References with fewer words are shown first where not all are. The paper names no such limit; its
# authors' page (lyan62/ErrorAnalysis, congruency_sd.py) shows the first two under 20 words.
SHORT_REFERENCE_WORDS = 20

ReferencesShown = int | Literal["all"]


@dataclass(frozen=True, slots=True)
class ChosenImage:
    """An image of a set; ``rank`` counts from 0 in its group, by ascending loss."""

    image: ScoredImage
    group: Group
    rank: int


def choose_sets(
    images: Sequence[ScoredImage], *, images_per_group: int, sets: int
) -> list[list[ChosenImage]]:
    """Split the images of lowest and of highest loss into sets of equal size.

    With 50 images per group and 5 sets, set i (from 0) holds the ranks 10i to 10i + 9 of the fifty
    lowest losses, then the same ranks of the fifty highest, all in ascending order. Images of equal
    loss are in the order of their ids, numbers before strings.

    Raises:
        InputError: there are too few images, or the groups cannot be split evenly.
    """
    if images_per_group < 1 or sets < 1 or images_per_group % sets:
        raise InputError(
            f"{images_per_group} images per group cannot be split into {sets} sets: both must be "
            "positive, and the first a multiple of the second"
        )
    if len(images) < 2 * images_per_group:
        largest = len(images) // 2 // sets * sets
        hint = f"at most {largest} per group are possible with {sets} sets" if largest else ""
        raise InputError(
            f"{len(images)} images are too few: {images_per_group} of the lowest and "
            f"{images_per_group} of the highest loss were asked for"
            f"{'; ' if hint else ''}{hint}"
        )
    ordered = sorted(
        images, key=lambda image: (image.loss, isinstance(image.image_id, str), image.image_id)
    )
    groups: dict[Group, list[ScoredImage]] = {
        "low": ordered[:images_per_group],
        "high": ordered[-images_per_group:],
    }
    size = images_per_group // sets
    return [
        [
            ChosenImage(group[rank], name, rank)
            for name, group in groups.items()
            for rank in range(start, start + size)
        ]
        for start in range(0, images_per_group, size)
    ]


def shown_references(references: Sequence[str], shown: ReferencesShown) -> list[str]:
    """The references that annotators see: all in order, or so many, the short ones first."""
    if shown == "all":
        return list(references)
    by_length = sorted(references, key=lambda text: len(text.split()) >= SHORT_REFERENCE_WORDS)
    return by_length[:shown]
