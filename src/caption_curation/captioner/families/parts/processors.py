"""Processors in the hub's layout, with a named backend for pictures.

Without a name, transformers takes torchvision's processor where torchvision is installed and PIL's
elsewhere, whose pixels differ. Here PIL's is taken wherever there is one, so that results do not
depend on what else is installed. A processor that needs torchvision needs it everywhere.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from caption_curation.model_loading import load_part
from caption_curation.support.errors import InputError

BACKEND = "pil"
REMEDY = "pip install -r requirements-models.txt"


@dataclass(frozen=True)
class PicturePixels:
    """A function from pictures to normalised pixels that can be pickled."""

    image_processor: Any

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """The pixels of one picture, (3, size, size)."""
        pixels: torch.Tensor = self.image_processor(image, return_tensors="pt").pixel_values[0]
        return pixels


def load_image_processor(folder: Path) -> Any:
    """The image processor of a model's folder.

    Raises:
        InputError: its files are missing or damaged, or it needs what is not installed.
    """
    from transformers import AutoImageProcessor

    return _installed(AutoImageProcessor, folder, backend=BACKEND)


def load_processor(folder: Path) -> Any:
    """The processor of pictures and text of a model's folder.

    Raises:
        InputError: its files are missing or damaged, or it needs what is not installed.
    """
    from transformers import AutoProcessor

    processor = _installed(AutoProcessor, folder)
    if not hasattr(processor, "image_processor") or not hasattr(processor, "tokenizer"):
        raise InputError(
            f"{folder}: its processor is a {type(processor).__name__}, which is not one of "
            "pictures and text: processor_config.json or preprocessor_config.json is missing, or "
            "names none"
        )
    processor.image_processor = load_image_processor(folder)
    return processor


def _installed(kind: Any, folder: Path, **options: Any) -> Any:
    try:
        return load_part(kind, folder, trust_remote_code=False, **options)
    except InputError as error:
        if isinstance(error.__cause__, ImportError):
            reason = " ".join(str(error.__cause__).split())[:200]
            raise InputError(f"{folder}: its processor needs more ({reason}): {REMEDY}") from error
        raise
