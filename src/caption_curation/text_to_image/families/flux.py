"""Flux.1: a CLIP for a summary and a T5, a transformer that follows a flow. It is used as it is."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.configuration import configuration, enlargement
from caption_curation.text_to_image.family import FLOW_SAMPLERS, Abilities, Reader

if TYPE_CHECKING:
    from PIL import Image

    from caption_curation.text_to_image.drawing import Sampler

PIPELINE = "FluxPipeline"
PATCH = 2  # latents, in width and height, that the pipeline packs into one position
NATIVE_LATENTS = 128  # the pipeline's default_sample_size; no configuration has it
DEV_TOKENS, SCHNELL_TOKENS = 512, 256  # that T5 reads, by the models' cards


def abilities(folder: Path) -> Abilities:
    """What a Flux can be asked for.

    Flux.1-dev is distilled: it is told the guidance as a number (``guidance_embeds``) and needs no
    second pass for it. Flux.1-schnell knows no guidance. Neither reads a negative prompt: that is
    what ``true_cfg_scale`` of the pipeline is for, which is not used here.
    """
    enlarged = enlargement(folder)
    guided = _guided(configuration(folder, "transformer"))
    return Abilities(
        pipeline=PIPELINE,
        samplers=FLOW_SAMPLERS,
        guidance=guided,
        negative_prompt=False,
        windows=False,
        trainable=False,
        pixels=enlarged * PATCH,
        native_size=NATIVE_LATENTS * enlarged,
        reader=Reader("tokenizer_2", _tokens(guided)),
    )


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A FluxPipeline with its own sampler."""
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
    """One RGB image for each prompt; see :mod:`~caption_curation.text_to_image.family`."""
    from caption_curation.text_to_image.drawing import draw_prompts

    return draw_prompts(
        generator,
        prompts,
        seeds,
        pad_to=pad_to,
        steps=steps,
        size=size,
        guidance_scale=guidance,
        max_sequence_length=_tokens(_guided(generator.transformer.config)),
    )


def _guided(transformer: Any) -> bool:
    return bool(transformer["guidance_embeds"])


def _tokens(guided: bool) -> int:
    return DEV_TOKENS if guided else SCHNELL_TOKENS
