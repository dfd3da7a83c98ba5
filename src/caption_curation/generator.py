"""Draw images with a Stable Diffusion: prompts and seeds in, images out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from caption_curation.devices import prepare_device

Sampler = Literal["dpm_solver", "ddim", "pndm"]


class FaultyImages(RuntimeError):
    """Some images of a batch must not be used; ``positions`` says which (from 0)."""

    def __init__(
        self, fault: str, positions: list[int], prompts: Sequence[str], seeds: Sequence[int]
    ) -> None:
        """Name the prompt and the seed of every faulty image."""
        named = "; ".join(f"seed {seeds[one]}, prompt {prompts[one]!r}" for one in positions)
        super().__init__(f"{fault}: {named}")
        self.positions = positions


class BlackImage(FaultyImages):
    """An image is black all over, as the safety checker leaves one that it objects to."""


class NonFiniteImage(FaultyImages):
    """An image has values that are infinite or not numbers."""


def load_generator(folder: Path, *, sampler: Sampler) -> Any:
    """A StableDiffusionPipeline with the given sampler, in float16 where there is a GPU.

    The model's own safety checker is loaded where the folder has one.

    Args:
        folder: a model in the hub's layout.
        sampler: ``dpm_solver`` (DPM-Solver++ 2M), ``ddim`` or ``pndm``.
    """
    device = prepare_device()  # before diffusers is imported, which warns of what is not installed

    from diffusers import StableDiffusionPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    # The pipeline prints all that it cuts from long prompts; count_truncated counts them instead.
    logging.set_verbosity_error()
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder,
        use_safetensors=True,
        dtype=torch.float16 if device.type == "cuda" else torch.float32,
    ).to(device)
    pipeline.scheduler = make_sampler(sampler, pipeline.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def make_sampler(sampler: Sampler, schedule: Any) -> Any:
    """A sampler for a model's own noise schedule and kind of prediction."""
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

    match sampler:
        case "dpm_solver":
            return DPMSolverMultistepScheduler.from_config(schedule.config)
        case "ddim":
            # Its default, which a model made for another sampler leaves it, clips latents.
            return DDIMScheduler.from_config(schedule.config, clip_sample=False)
        case "pndm":
            changes: dict[str, Any] = {"skip_prk_steps": True}
            if schedule.config.get("rescale_betas_zero_snr"):
                # PNDM ignores this setting, and its first steps divide by the signal's share,
                # which is zero at the last timestep: it needs the rescaled schedule spelled out,
                # and the spacing that begins below that timestep.
                changes |= {"trained_betas": schedule.betas.tolist(), "timestep_spacing": "leading"}
            return PNDMScheduler.from_config(schedule.config, **changes)


def generate(
    generator: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    steps: int,
    guidance: float,
    negative_prompt: str,
    size: tuple[int, int],
) -> list[Image.Image]:
    """One RGB image for each prompt.

    The noise comes from the image's own seed, so an image does not depend on which others are
    drawn with it (but for rounding, where a batch of another size is computed differently).

    Args:
        generator: from :func:`load_generator`.
        prompts: one an image; CLIP cuts them after 77 tokens, see :func:`count_truncated`.
        seeds: one an image, in [0, 2**63).
        steps: of the sampler.
        guidance: classifier-free guidance scale; 1: none.
        negative_prompt: what guidance leads away from; read where ``guidance`` is above 1.
        size: (width, height) in pixels, multiples of 8.

    Raises:
        BlackImage: naming prompts and seeds.
        NonFiniteImage: likewise.
    """
    width, height = size
    pixels = generator(
        list(prompts),
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        num_inference_steps=steps,
        guidance_scale=guidance,
        negative_prompt=[negative_prompt] * len(prompts),
        width=width,
        height=height,
        output_type="np",
    ).images  # float32, (N, height, width, 3), in [0, 1]
    finite = np.isfinite(pixels).all(axis=(1, 2, 3))
    if not finite.all():
        where = np.flatnonzero(~finite).tolist()
        raise NonFiniteImage("images with values that are not finite", where, prompts, seeds)
    images = generator.image_processor.numpy_to_pil(pixels)
    black = [place for place, image in enumerate(images) if image.getbbox() is None]
    if black:
        raise BlackImage("black images", black, prompts, seeds)
    return list(images)


def count_truncated(generator: Any, prompts: Sequence[str]) -> int:
    """Number of prompts that the text encoder cuts short (CLIP's longer than 77 tokens)."""
    if not prompts:
        return 0
    tokens = generator.tokenizer(list(prompts), truncation=False, verbose=False).input_ids
    return sum(len(one) > generator.tokenizer.model_max_length for one in tokens)
