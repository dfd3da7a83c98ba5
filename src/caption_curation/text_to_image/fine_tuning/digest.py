"""A digest of everything that determines the result of the generator's fine-tuning."""

import hashlib
import inspect
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch

from caption_curation import rng
from caption_curation.config.profile import GeneratorFineTuning
from caption_curation.model_files import file_digest, weights_digest
from caption_curation.optimisation import micro_batches
from caption_curation.text_to_image import pixels, prompts
from caption_curation.text_to_image.fine_tuning import inputs, recipe, training

LIBRARIES = ("torch", "diffusers", "transformers", "tokenizers", "pillow")
MODULES = (training, recipe, inputs, pixels, prompts, rng, micro_batches)  # that shape the result


def training_digest(
    base: Path,
    corpus: Sequence[Path],
    settings: GeneratorFineTuning,
    image_size: int,
    device: torch.device,
) -> str:
    """A digest of everything that determines the result of the fine-tuning, including the code.

    Args:
        base: the model to start from.
        corpus: its captions, and the list of its images with their digests.
        settings: of the training.
        image_size: in pixels.
        device: its type and the number of CPU threads decide the last bits of the result.

    Returns:
        64 hexadecimal digits.
    """
    facts = {
        "base": weights_digest(base),
        "corpus": [file_digest(path) for path in corpus],
        "settings": settings.model_dump(),
        "image_size": image_size,
        "device": (device.type, torch.get_num_threads()),
        "libraries": [version(name) for name in LIBRARIES],
        "code": [file_digest(Path(inspect.getfile(module))) for module in MODULES],
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
