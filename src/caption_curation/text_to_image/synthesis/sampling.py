"""Draw images with a Stable Diffusion: prompts and seeds in, images out."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from caption_curation.compute.devices import prepare_device
from caption_curation.text_to_image.synthesis.windows import encode_in_windows, tokens_in_windows

Sampler = Literal["dpm_solver", "ddim", "pndm"]


def load_generator(folder: Path, *, sampler: Sampler) -> Any:
    """A StableDiffusionPipeline with the given sampler, made fast where there is a GPU.

    The model's own safety checker is loaded where the folder has one. A GPU draws in bfloat16
    (float16 before Ampere), with networks that are compiled for the batches that they see first.

    Args:
        folder: a model in the hub's layout.
        sampler: ``dpm_solver`` (DPM-Solver++ 2M), ``ddim`` or ``pndm``.
    """
    device = prepare_device()  # before diffusers is imported, which warns of what is not installed

    from diffusers import StableDiffusionPipeline
    from diffusers.utils import logging

    logging.disable_progress_bar()
    # The pipeline prints all that it cuts from long prompts; the stage counts them instead.
    logging.set_verbosity_error()
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder,
        use_safetensors=True,
        dtype=image_dtype(device),
    ).to(device)
    if device.type == "cuda":
        compile_networks(pipeline)
    pipeline.scheduler = make_sampler(sampler, pipeline.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def image_dtype(device: torch.device) -> torch.dtype:
    """What images are computed in: half the bits on a GPU, bfloat16 if it has it in hardware."""
    if device.type != "cuda":
        return torch.float32
    in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if in_hardware else torch.float16


def compile_networks(pipeline: Any) -> None:
    """Lay out and compile the networks that take a GPU's time: the denoiser and the decoder.

    They are compiled when they are first called, once for each shape.
    """
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    for network in (pipeline.unet, pipeline.vae.decoder):
        network.compile(dynamic=False)


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
    in_windows: Sequence[bool],
    steps: int,
    guidance: float,
    negative_prompt: str,
    size: tuple[int, int],
    fill_to: int,
) -> list[Image.Image | None]:
    """One RGB image for each prompt; ``None`` where a value of it is not finite.

    The noise comes from the image's own seed, so an image does not depend on which others are
    drawn with it (but for rounding, where a batch of another size is computed differently). For
    the same reason, and as the denoiser attends to padding, prompts of different numbers of
    windows are drawn one group after the other instead of being padded to the longest.

    Args:
        generator: from :func:`load_generator`.
        prompts: one an image.
        seeds: one an image, in [0, 2**63).
        in_windows: of each image, whether the text encoder reads the whole prompt in windows
            (:mod:`~.synthesis.windows`); otherwise CLIP cuts it after 77 tokens.
        steps: of the sampler.
        guidance: classifier-free guidance scale; 1: none.
        negative_prompt: what guidance leads away from; read where ``guidance`` is above 1.
        size: (width, height) in pixels, multiples of 8.
        fill_to: the pipeline gets at least so many prompts at a time, the last one repeated as
            often as it takes, for networks that are compiled for one size of batch; 1: none.
    """
    tokens: dict[int, torch.Tensor] = {}  # of prompts in windows, by their place
    groups: dict[int, list[int]] = defaultdict(list)  # places, by number of windows; 0: cut
    for place, (prompt, windows) in enumerate(zip(prompts, in_windows, strict=True)):
        if windows:
            tokens[place] = tokens_in_windows(generator.tokenizer, prompt)
        groups[len(tokens[place]) if windows else 0].append(place)
    images: list[Image.Image | None] = [None] * len(prompts)
    for number, places in groups.items():
        filled = places + places[-1:] * (fill_to - len(places))
        text = (
            encode_in_windows(generator, [tokens[place] for place in filled], negative_prompt)
            if number
            else {
                "prompt": [prompts[place] for place in filled],
                "negative_prompt": [negative_prompt] * len(filled),
            }
        )
        pixels = generator(
            **text,
            generator=[torch.Generator("cpu").manual_seed(seeds[place]) for place in filled],
            num_inference_steps=steps,
            guidance_scale=guidance,
            width=size[0],
            height=size[1],
            output_type="np",
        ).images[: len(places)]  # float32, (N, height, width, 3), in [0, 1]
        finite = np.isfinite(pixels).all(axis=(1, 2, 3))
        drawn = generator.image_processor.numpy_to_pil(np.nan_to_num(pixels))
        for place, image, usable in zip(places, drawn, finite, strict=True):
            images[place] = image if usable else None
    return images
