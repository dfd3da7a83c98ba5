"""The few-shot setting: a fixed part of the training split."""

from collections.abc import Sequence

from caption_curation.rng import seed_for
from caption_curation.samples import CaptionedImage, fraction_count
from caption_curation.support.errors import InputError


def training_subset(
    images: Sequence[CaptionedImage], fraction: float, seed: int
) -> list[CaptionedImage]:
    """``floor(fraction · n)`` of the images at random, in their order.

    Each image has a place by a hash of the seed and its own id, so that a smaller fraction's images
    are among those of a larger one, and an image more or less moves at most one other.

    Args:
        images: of the training split.
        fraction: in (0, 1]; 1 is all of them.
        seed: chooses which.

    Raises:
        InputError: the fraction of so few images is none.
    """
    count = fraction_count(fraction, len(images))
    if not count:
        raise InputError(
            f"data.train_fraction = {fraction}: that is no image of {len(images)}; "
            f"allowed: at least {1 / max(1, len(images)):.2g}"
        )
    places = sorted(images, key=lambda one: seed_for(seed, "train_fraction", one.image_id))
    chosen = {image.image_id for image in places[:count]}
    return [image for image in images if image.image_id in chosen]
