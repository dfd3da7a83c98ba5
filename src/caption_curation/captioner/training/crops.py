"""Random crops and horizontal flips of training images, without torchvision."""

import math

import numpy as np
from PIL import Image

from caption_curation.captioner.model.transforms import resize
from caption_curation.config.profile import Augmentation

ASPECT_RATIOS = (3 / 4, 4 / 3)  # of a random crop, as in torchvision's RandomResizedCrop


def random_crop_and_flip(
    image: Image.Image, size: int, augmentation: Augmentation, rng: np.random.Generator
) -> Image.Image:
    """A random crop of ``image``, resized to ``size`` × ``size`` pixels, and perhaps flipped."""
    if augmentation.smallest_crop < 1:
        box = random_crop_box(image.width, image.height, augmentation.smallest_crop, rng)
        # Cropped first: resize's own ``box`` would blend pixels around it into the crop's edges.
        image = image.crop(box)
    image = resize(image, size)
    if augmentation.horizontal_flip and rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image


def random_crop_box(
    width: int, height: int, smallest: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """A crop of ``smallest`` to 1 of the area with an aspect ratio of 3:4 to 4:3.

    The distribution of torchvision's RandomResizedCrop: ten attempts, then a central crop.

    Returns:
        left, top, right, bottom in pixels.
    """
    for _ in range(10):
        area = width * height * rng.uniform(smallest, 1)
        ratio = math.exp(rng.uniform(math.log(ASPECT_RATIOS[0]), math.log(ASPECT_RATIOS[1])))
        crop_width = round(math.sqrt(area * ratio))
        crop_height = round(math.sqrt(area / ratio))
        if 0 < crop_width <= width and 0 < crop_height <= height:
            left = int(rng.integers(width - crop_width + 1))
            top = int(rng.integers(height - crop_height + 1))
            return left, top, left + crop_width, top + crop_height
    crop_width = min(width, round(height * ASPECT_RATIOS[1]))
    crop_height = min(height, round(width / ASPECT_RATIOS[0]))
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return left, top, left + crop_width, top + crop_height
