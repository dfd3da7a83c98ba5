"""PixArt-α: a T5 of 120 tokens, a transformer that predicts noise. It is drawn with as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.configuration import enlargement, number
from caption_curation.text_to_image.family import NOISE_SAMPLERS, Abilities, Reader

if TYPE_CHECKING:
    from PIL import Image

    from caption_curation.text_to_image.drawing import Sampler

PIPELINE = "PixArtAlphaPipeline"
TOKENS = 120  # the pipeline's max_sequence_length


def _prepared(text: str) -> str:
    """What the pipeline does with a prompt."""
    return text.lower().strip()


def abilities_with(folder: Path, pipeline: str, tokens: int) -> Abilities:
    """What a PixArt can be asked for, of either kind."""
    enlarged = enlargement(folder)
    return Abilities(
        pipeline=pipeline,
        samplers=NOISE_SAMPLERS,
        guidance=True,
        negative_prompt=True,
        windows=False,
        trainable=False,
        pixels=enlarged * number(folder, "transformer", "patch_size"),
        native_size=number(folder, "transformer", "sample_size") * enlarged,
        reader=Reader("tokenizer", tokens, _prepared),
    )


def abilities(folder: Path) -> Abilities:
    """What a PixArt-α can be asked for."""
    return abilities_with(folder, PIPELINE, TOKENS)


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A PixArtAlphaPipeline."""
    from caption_curation.text_to_image.drawing import load_to_draw

    return load_to_draw(folder, PIPELINE, sampler=sampler)


def generate(
    generator: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    in_windows: Sequence[bool],
    steps: int,
    guidance: float,
    negative_prompt: str,
    size: tuple[int, int],
    pad_to: int,
) -> "list[Image.Image | None]":
    """One RGB image for each prompt; see :mod:`~caption_curation.text_to_image.family`.

    Images are drawn in the size that is asked for, not in the nearest of the model's own, and
    captions are not cleaned, for which the pipeline uses packages that may be installed or not.
    """
    from caption_curation.text_to_image.drawing import draw_prompts

    return draw_prompts(
        generator,
        prompts,
        seeds,
        pad_to=pad_to,
        negative_prompt=negative_prompt,
        steps=steps,
        size=size,
        guidance_scale=guidance,
        clean_caption=False,
        use_resolution_binning=False,
    )
