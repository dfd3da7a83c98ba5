"""What is kept of a picture that was looked at."""

from dataclasses import dataclass

THUMBNAIL_SIDE = 16  # pixels, of every picture whatever its shape


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of a picture, about a kilobyte.

    Attributes:
        format: Pillow's name of the file's format.
        width: in pixels, upright as a viewer shows it.
        height: likewise.
        pixels: a digest of size and colours as decoded; equal for equal pictures.
        hash: the perceptual hash, 64 bits of the lowest frequencies of its brightness.
        thumbnail: RGB, ``THUMBNAIL_SIDE`` squared times 3 bytes, row by row.
    """

    format: str
    width: int
    height: int
    pixels: bytes
    hash: int
    thumbnail: bytes
