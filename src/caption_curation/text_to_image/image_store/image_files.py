"""One synthetic image as a JPEG file: encoding it, and checking that a file is what it should be.

JPEG, because the photographs are JPEG too: another format would reveal which images are synthetic.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

from caption_curation.numerical_classes import UNKNOWN
from caption_curation.text_to_image.image_store.keys import ImageRequest, Recipe, describe

START_OF_IMAGE = b"\xff\xd8"
END_OF_IMAGE = b"\xff\xd9"
CLASS = "numerical_class"  # in ``Image.info`` of what a generator has drawn


@dataclass(frozen=True, slots=True)
class Origin:
    """How an image came about, as far as its key does not say.

    Attributes:
        attempt: the first (0) gave it, or a later one, with another seed.
        numerical_class: that it was drawn in; ``unknown`` of images from before it was recorded.
    """

    attempt: int
    numerical_class: str


def encode_image(
    image: Image.Image, recipe: Recipe, request: ImageRequest, *, attempt: int
) -> bytes:
    """The image as JPEG, with its description as comment; the same bytes for the same image.

    The comment describes the request, whichever attempt the image is from, because the key is a
    hash of it. An attempt after the first (0), and the numerical class that ``image.info`` names
    (:data:`CLASS`), are recorded in EXIF, where :func:`origin_of` reads them.

    Raises:
        ValueError: the image does not have the recipe's size.
    """
    if image.size != recipe.size:
        raise ValueError(f"the generator gave {image.size} pixels, the recipe says {recipe.size}")
    encoded = BytesIO()
    exif = Image.Exif()
    if attempt:
        exif[ExifTags.Base.ImageNumber] = attempt
    if CLASS in image.info:
        exif[ExifTags.Base.HostComputer] = image.info[CLASS]
    image.convert("RGB").save(
        encoded,
        "JPEG",
        quality=recipe.jpeg_quality,
        comment=describe(recipe, request),
        exif=exif.tobytes() if len(exif) else b"",
    )
    return encoded.getvalue()


def origin_of(path: Path) -> Origin:
    """How an image of a store came about."""
    with Image.open(path, formats=["JPEG"]) as image:
        exif = image.getexif()
    return Origin(
        attempt=int(exif.get(ExifTags.Base.ImageNumber, 0)),
        numerical_class=str(exif.get(ExifTags.Base.HostComputer, UNKNOWN)),
    )


def description_of(path: Path) -> dict[str, Any]:
    """Recipe and request of an image, as its comment says them.

    Raises:
        OSError, ValueError, KeyError: it is damaged, or no image of a store.
    """
    with Image.open(path, formats=["JPEG"]) as image:
        described: dict[str, Any] = json.loads(image.info["comment"])
        return described


def looks_complete(path: Path) -> bool:
    """Whether the file exists and begins and ends as a JPEG does; cheap, as it reads four bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        size = os.fstat(descriptor).st_size
        return (
            size > len(START_OF_IMAGE + END_OF_IMAGE)
            and os.pread(descriptor, 2, 0) == START_OF_IMAGE
            and os.pread(descriptor, 2, size - 2) == END_OF_IMAGE
        )
    finally:
        os.close(descriptor)


def image_fault(content: bytes, key: str) -> str | None:
    """What is wrong with a file that should be the image of this key; ``None`` if nothing is.

    Finds files that are truncated, that do not decode, that belong to another key, or whose size is
    not that in their comment. JPEG has no checksum, so a flipped bit that still decodes is missed.
    """
    if not (content.startswith(START_OF_IMAGE) and content.endswith(END_OF_IMAGE)):
        return "not a whole JPEG file"
    try:
        with Image.open(BytesIO(content), formats=["JPEG"]) as image:
            image.load()
    except Exception as error:  # Pillow raises many kinds of errors on damaged files
        return f"does not decode ({error})"
    description = image.info.get("comment", b"")
    if hashlib.sha256(description).hexdigest() != key:
        return "its content belongs to another key"
    size = tuple(json.loads(description)["recipe"]["size"])
    return None if image.size == size else f"{image.size} pixels, its recipe says {size}"
