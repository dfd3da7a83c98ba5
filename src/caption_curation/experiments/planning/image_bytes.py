"""How large a synthetic image will be on disk, before any is generated."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import fmean

from PIL import Image


def mean_jpeg_bytes(photographs: Sequence[Path], size: int, quality: int) -> float | None:
    """Mean size of photographs as JPEG of the generator's size; ``None`` of none.

    Args:
        photographs: of the corpus that the images are to resemble.
        size: width and height in pixels.
        quality: of the JPEG, 1 to 100.
    """
    sizes = []
    for path in photographs:
        encoded = BytesIO()
        with Image.open(path) as image:
            image.convert("RGB").resize((size, size)).save(encoded, "JPEG", quality=quality)
        sizes.append(len(encoded.getvalue()))
    return fmean(sizes) if sizes else None
