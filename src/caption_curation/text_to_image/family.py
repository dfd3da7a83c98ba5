"""The families of generators."""

import re

from caption_curation.support.families import Families


def _module(pipeline: str) -> str:
    """``stable_diffusion`` is that of ``StableDiffusionPipeline``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", pipeline.removesuffix("Pipeline")).lower()


GENERATORS = Families(
    "caption_curation.text_to_image.families", "model_index.json", "_class_name", _module
)
