"""How large a synthetic image will be on disk, before any is generated."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from statistics import fmean

from caption_curation.pictures.reading import read_picture


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
        read_picture(path).resize((size, size)).save(encoded, "JPEG", quality=quality)
        sizes.append(len(encoded.getvalue()))
    return fmean(sizes) if sizes else None
