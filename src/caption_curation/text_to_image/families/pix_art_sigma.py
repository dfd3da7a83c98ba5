"""PixArt-Σ: as PixArt-α, with 300 tokens."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.families.pix_art_alpha import abilities_with, generate
from caption_curation.text_to_image.family import Abilities

if TYPE_CHECKING:
    from caption_curation.text_to_image.drawing import Sampler

__all__ = ["abilities", "generate", "load_generator"]

PIPELINE = "PixArtSigmaPipeline"
TOKENS = 300  # the pipeline's max_sequence_length


def abilities(folder: Path) -> Abilities:
    """What a PixArt-Σ can be asked for."""
    return abilities_with(folder, PIPELINE, TOKENS)


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A PixArtSigmaPipeline."""
    from caption_curation.text_to_image.drawing import load_to_draw

    return load_to_draw(folder, PIPELINE, sampler=sampler)
