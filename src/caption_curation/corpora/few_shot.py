"""The few-shot setting: a fixed fraction of the training split."""

from collections.abc import Sequence

from caption_curation.rng import seed_for
from caption_curation.samples import CaptionedImage, fraction_count
from caption_curation.support.errors import InputError


def training_subset(
    images: Sequence[CaptionedImage], fraction: float, seed: int
) -> list[CaptionedImage]:
    """``floor(fraction · n)`` images, chosen at random, in their original order.

    Images are ranked by a hash of the seed and their own id, so that a smaller fraction's images
    are among those of a larger one, and adding or removing an image changes at most one other.

    Args:
        images: of the training split.
        fraction: in (0, 1]; 1 is all of them.
        seed: determines which images are chosen.

    Raises:
        InputError: the fraction amounts to no image at all.
    """
    count = fraction_count(fraction, len(images))
    if not count:
        raise InputError(
            f"data.train_fraction = {fraction}: that leaves none of {len(images)} images; "
            f"allowed: at least {1 / max(1, len(images)):.2g}"
        )
    ranked = sorted(images, key=lambda image: seed_for(seed, "train_fraction", image.image_id))
    chosen = {image.image_id for image in ranked[:count]}
    return [image for image in images if image.image_id in chosen]
