"""RandAugment as BLIP trains with it: ten operations on whole images, without OpenCV.

After Cubuk et al., "RandAugment" (2020), with the operations, probabilities and strengths of
salesforce/BLIP, transform/randaugment.py and data/__init__.py. Where this differs from that code:

- Shear and rotation sample at the exact place, where OpenCV rounds it to 1/32 of a pixel, and
  round values down, where OpenCV rounds to the nearest. The results differ by one grey level at
  most, and are 0.4 darker on average (measured against OpenCV 5.0). Translations are equal.
- The others are Pillow's own operations, which the original imitates, with equal results; only
  where sharpening leaves the range of 0 to 255 does the original wrap around, and this clip.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from caption_curation.config.profile import RandAugment

PROBABILITY = 0.5  # that an operation that was drawn is carried out
STRONGEST = 10  # the magnitude that the values below belong to
SHEAR = 0.3  # pixels per pixel
TRANSLATION = 10.0  # pixels, whatever the image's size
ROTATION = 30.0  # degrees
FILL = (128, 128, 128)  # where an image does not reach after it was moved

# From a place (x, y, 1) in the result to the place in the image, in pixels, (0, 0) being the
# centre of the upper left pixel: two rows of three.
Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


def rand_augment(image: Image.Image, setting: RandAugment, rng: np.random.Generator) -> Image.Image:
    """Draw operations with replacement, and carry each of them out with a probability of 1/2.

    Args:
        image: RGB.
        setting: the number of operations that are drawn, and their magnitude.
        rng: draws the operations, whether they are carried out, and their directions.
    """
    names = list(OPERATIONS)
    for drawn in rng.integers(len(names), size=setting.operations):
        if rng.random() < PROBABILITY:
            direction = 1 if rng.random() < 0.5 else -1
            image = apply_operation(image, names[drawn], direction * setting.magnitude)
    return image


def apply_operation(image: Image.Image, name: str, magnitude: float) -> Image.Image:
    """One of BLIP's operations.

    Args:
        image: RGB.
        name: a key of :data:`OPERATIONS`.
        magnitude: from -10 to 10. Its sign is the direction of shear, translation and rotation;
            the other operations go by its size, or do not depend on it.
    """
    return OPERATIONS[name](image, magnitude / STRONGEST)


def enhancement(strength: float) -> float:
    """Factor of brightness and sharpness, from 0.1 to 1.9; 1 leaves an image as it is.

    It is 1 at a magnitude of 5, so with BLIP's published (2, 5) these two change nothing.

    Args:
        strength: magnitude divided by 10; its sign does not matter.
    """
    return abs(strength) * 1.8 + 0.1


def _identity(image: Image.Image, _strength: float) -> Image.Image:
    return image


def _autocontrast(image: Image.Image, _strength: float) -> Image.Image:
    return ImageOps.autocontrast(image)


def _equalize(image: Image.Image, _strength: float) -> Image.Image:
    return ImageOps.equalize(image)


def _brightness(image: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(enhancement(strength))


def _sharpness(image: Image.Image, strength: float) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(enhancement(strength))


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
    the outermost pixels instead of blending them with the filling; a frame of one pixel makes it
    blend.
    """
    framed = ImageOps.expand(image, border=1, fill=FILL)
    coefficients = [
        coefficient
        for a, b, c in source
        for coefficient in (a, b, c - (a + b) / 2 + 0.5 + 1)  # from centre to corner, and the frame
    ]
    return framed.transform(
        image.size,
        Image.Transform.AFFINE,
        coefficients,
        resample=Image.Resampling.BILINEAR,
        fillcolor=FILL,
    )


# By their names in BLIP. The second argument is the magnitude divided by 10, with its direction.
OPERATIONS: dict[str, Callable[[Image.Image, float], Image.Image]] = {
    "Identity": _identity,
    "AutoContrast": _autocontrast,
    "Brightness": _brightness,
    "Sharpness": _sharpness,
    "Equalize": _equalize,
    "ShearX": _shear_x,
    "ShearY": _shear_y,
    "TranslateX": _translate_x,
    "TranslateY": _translate_y,
    "Rotate": _rotate,
}
