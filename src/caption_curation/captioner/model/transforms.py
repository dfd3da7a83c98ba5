"""From pictures to BLIP's pixel tensors, without torchvision."""

import numpy as np
import torch
from PIL import Image

# CLIP's statistics of RGB values in [0, 1], which BLIP uses too.
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """An RGB image as a normalised tensor.

    Returns:
        float32 tensor of shape (3, height, width): ((value / 255) - mean) / std per channel.
    """
    values = (np.asarray(image, dtype=np.float32) / 255 - MEAN) / STD
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def resize(image: Image.Image, size: int) -> Image.Image:
    """``image`` at ``size`` × ``size`` pixels, bicubic, not keeping its aspect ratio (as BLIP)."""
    return image.resize((size, size), Image.Resampling.BICUBIC)
