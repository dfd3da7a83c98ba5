"""RandAugment as BLIP trains with it: ten operations on whole images, without OpenCV.

After Cubuk et al., "RandAugment" (2020), with the operations, probabilities and magnitudes of
salesforce/BLIP, transform/randaugment.py and data/__init__.py. No library has this variant:
the RandAugment of torchvision and of timm has other operations and other ranges. Where this module
differs from BLIP's code:

- Shear and rotation sample at the exact position, where OpenCV rounds it to 1/32 of a pixel, and
  round values down, where OpenCV rounds to the nearest. The results differ by one grey level at
  most, and are 0.4 darker on average (measured against OpenCV 5.0). Translations are equal.
- The original's AutoContrast, meant to equal Pillow's, negates an unsigned byte: a channel whose
  darkest value is above 0 becomes white throughout. ``autocontrast: whiten`` does so too, and
  ``stretch`` is Pillow's. Of random crops of 400 photographs of Flickr8k (at 200 pixels), 10 % of
  the channels would become white, and one of every six images has such a channel.
- Equalize, Brightness and Sharpness are Pillow's, which the original imitates, with equal results;
  only where sharpening leaves the range of 0 to 255 does the original wrap around; this module
  clips. With BLIP's magnitude of 5 it never does.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from caption_curation.config.profile import Autocontrast, RandAugment

PROBABILITY = 0.5  # that an operation is applied once it is picked
MAX_MAGNITUDE = 10  # the magnitude that the values below are for
SHEAR = 0.3  # pixels per pixel
TRANSLATION = 10.0  # pixels, whatever the image's size
ROTATION = 30.0  # degrees
FILL = (128, 128, 128)  # for what a moved image leaves uncovered

# Maps a point (x, y, 1) of the result to a point of the image, in pixels, (0, 0) being the centre
# of the upper left pixel: two rows of three.
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


def rand_augment(image: Image.Image, setting: RandAugment, rng: np.random.Generator) -> Image.Image:
    """Pick operations at random, with replacement, and apply each with a probability of 1/2.

    Args:
        image: RGB.
        setting: the number of operations to pick, their magnitude, and the kind of AutoContrast.
        rng: picks the operations, whether they are applied, and their directions.
    """
    names = list(OPERATIONS)
    for picked in rng.integers(len(names), size=setting.operations):
        if rng.random() < PROBABILITY:
            direction = 1 if rng.random() < 0.5 else -1
            strength = direction * setting.magnitude
            image = apply_operation(image, names[picked], strength, setting.autocontrast)
    return image


def apply_operation(
    image: Image.Image, name: str, magnitude: float, autocontrast: Autocontrast
) -> Image.Image:
    """One of BLIP's operations.

    Args:
        image: RGB.
        name: a key of :data:`OPERATIONS`.
        magnitude: from -10 to 10. Its sign is the direction of shear, translation and rotation;
            the other operations use its absolute value, or do not depend on it.
        autocontrast: Pillow's AutoContrast (``stretch``) or that of BLIP's code (``whiten``).
    """
    if name == "AutoContrast" and autocontrast == "whiten":
        return _stretch_or_whiten(image)
    return OPERATIONS[name](image, magnitude / MAX_MAGNITUDE)


def enhancement_factor(strength: float) -> float:
    """Factor of brightness and sharpness, from 0.1 to 1.9; 1 leaves an image as it is.

    It is 1 at a magnitude of 5, so with BLIP's published (2, 5) these two change nothing.

    Args:
        strength: magnitude divided by 10; its sign does not matter.
    """
    return abs(strength) * 1.8 + 0.1


def _identity(image: Image.Image, _strength: float) -> Image.Image:
    return image


def _stretch(image: Image.Image, _strength: float) -> Image.Image:
    return ImageOps.autocontrast(image)


def _stretch_or_whiten(image: Image.Image) -> Image.Image:
    """BLIP's AutoContrast: to each value it adds 256 - darkest, where it means to subtract darkest.

    With the darkest value above 0 all sums are above 255, where values are cut.
    """
    channels = []
    for channel in image.split():
        values = np.asarray(channel)
        whitened = 0 < values.min() < values.max()
        white = Image.new("L", image.size, 255)
        channels.append(white if whitened else ImageOps.autocontrast(channel))
    return Image.merge("RGB", channels)


def _equalize(image: Image.Image, _strength: float) -> Image.Image:
    return ImageOps.equalize(image)


def _brightness(image: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(enhancement_factor(strength))


def _sharpness(image: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(enhancement_factor(strength))


def _shear_x(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, ((1, -SHEAR * strength, 0), (0, 1, 0)))


def _shear_y(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, ((1, 0, 0), (-SHEAR * strength, 1, 0)))


def _translate_x(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, ((1, 0, TRANSLATION * strength), (0, 1, 0)))


def _translate_y(image: Image.Image, strength: float) -> Image.Image:
    return _move(image, ((1, 0, 0), (0, 1, TRANSLATION * strength)))


def _rotate(image: Image.Image, strength: float) -> Image.Image:
    """Counter-clockwise about the pixel at half the width and height, as the original does."""
    angle = math.radians(ROTATION * strength)
    cos, sin = math.cos(angle), math.sin(angle)
    x, y = image.width / 2, image.height / 2
    return _move(image, ((cos, -sin, x - cos * x + sin * y), (sin, cos, y - sin * x - cos * y)))


def _move(image: Image.Image, source: Affine) -> Image.Image:
    """An affine transformation, bilinear, at the same size.

    Pillow puts (0, 0) at the corner of the first pixel, half a pixel from its centre, and repeats
    the outermost pixels instead of blending them with the fill colour; a border of one pixel makes
    it blend.
    """
    bordered = ImageOps.expand(image, border=1, fill=FILL)
    coefficients = [
        coefficient
        for a, b, c in source
        for coefficient in (a, b, c - (a + b) / 2 + 0.5 + 1)  # centre to corner, and the border
    ]
    return bordered.transform(
        image.size,
        Image.Transform.AFFINE,
        coefficients,
        resample=Image.Resampling.BILINEAR,
        fillcolor=FILL,
    )


# By their names in BLIP. The second argument is the signed magnitude divided by 10.
OPERATIONS: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "Identity": _identity,
    "AutoContrast": _stretch,
    "Brightness": _brightness,
    "Sharpness": _sharpness,
    "Equalize": _equalize,
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": _translate_x,
    "TranslateY": _translate_y,
    "Rotate": _rotate,
}
