"""From image files to the pixels that a generator's autoencoder takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from caption_curation.pictures.reading import read_picture

Pixels = NDArray[np.uint8]


def read_image(path: Path, size: int) -> Pixels:
    """An image file as RGB of shape (size, size, 3): resized (bicubic), then centre-cropped."""
    return np.asarray(ImageOps.fit(read_picture(path), (size, size), Image.Resampling.BICUBIC))


def to_model_range(
    images: Sequence[Pixels] | NDArray[Any], device: torch.device | None = None
) -> torch.Tensor:
    """Images of shape (height, width, 3) as float32 (N, 3, height, width) in [-1, 1].

    The conversion runs on ``device``, by default the CPU, which may have only one thread per GPU.
    """
    pixels = torch.from_numpy(np.stack(list(images))).to(device)
    return pixels.permute(0, 3, 1, 2).float().div(127.5).sub(1)
