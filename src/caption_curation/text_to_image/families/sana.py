"""Sana: a Gemma, a transformer that follows a flow, 32 pixels a latent. It is used as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.configuration import enlargement, number
from caption_curation.text_to_image.family import FLOW_SAMPLERS, Abilities, Reader

if TYPE_CHECKING:
    from PIL import Image

    from caption_curation.text_to_image.drawing import Sampler

PIPELINE = "SanaPipeline"
# The pipeline's max_sequence_length is 300. It writes its own instruction before a prompt and makes
# room for that, but for two tokens, one of which is the start token.
TOKENS = 299


def _prepared(text: str) -> str:
    """What the pipeline does with a prompt."""
    return text.lower().strip()


def abilities(folder: Path) -> Abilities:
    """What a Sana can be asked for."""
    enlarged = enlargement(folder, "encoder_block_out_channels")
    return Abilities(
        pipeline=PIPELINE,
        samplers=FLOW_SAMPLERS,
        guidance=True,
        negative_prompt=True,
        windows=False,
        trainable=False,
        pixels=enlarged * number(folder, "transformer", "patch_size"),
        native_size=number(folder, "transformer", "sample_size") * enlarged,
        reader=Reader("tokenizer", TOKENS, _prepared),
    )


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A SanaPipeline with its own sampler."""
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

    The instruction that the pipeline writes before every prompt is the model's own, and stays.
    Images are drawn in the size that is asked for, not in the nearest of the model's own.
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
        use_resolution_binning=False,
    )
