"""What the families of generators share: loading a pipeline to draw with, and drawing a batch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from caption_curation.compute.devices import prepare_device
from caption_curation.model_loading import load_pipeline
from caption_curation.text_to_image.adapters import ADAPTER, fuse_adapter

Sampler = Literal["dpm_solver", "ddim", "pndm", "native"]


def load_to_draw(folder: Path, kind: str, *, sampler: Sampler, **settings: Any) -> Any:
    """A pipeline with the given sampler, made fast where there is a GPU.

    On a GPU, images are computed in bfloat16 (float16 before Ampere), with networks compiled for
    the batch shapes that they see.

    Args:
        folder: a model in the hub's layout; an adapter in it is added to the denoiser's weights.
        kind: its class in diffusers.
        sampler: see :func:`make_sampler`.
        settings: further ones of the pipeline.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`).
    """
    device = prepare_device()  # before importing diffusers, which warns of what is not installed

    dtype = image_dtype(device)
    pipeline = load_pipeline(folder, kind=kind, dtype=dtype, **settings)
    if (folder / ADAPTER).is_file():
        fuse_adapter(denoiser(pipeline), folder / ADAPTER)
    pipeline = pipeline.to(device)
    if device.type == "cuda":
        compile_networks(pipeline)
    pipeline.scheduler = make_sampler(sampler, pipeline.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def denoiser(pipeline: Any) -> Any:
    """The denoising network of a pipeline."""
    return pipeline.unet if "unet" in pipeline.components else pipeline.transformer


def image_dtype(device: torch.device) -> torch.dtype:
    """The precision for images: 16 bits on a GPU, as bfloat16 if the hardware supports it."""
    if device.type != "cuda":
        return torch.float32
    in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if in_hardware else torch.float16


def compile_networks(pipeline: Any) -> None:
    """Compile the networks that dominate a GPU's time, the denoiser and the decoder.

    Those of convolutions use channels-last memory; all are compiled when first called with each
    shape.
    """
    convolutional = (pipeline.unet, pipeline.vae) if "unet" in pipeline.components else ()
    for network in convolutional:
        network.to(memory_format=torch.channels_last)
    for network in (denoiser(pipeline), pipeline.vae.decoder):
        network.compile(dynamic=False)


def make_sampler(sampler: Sampler, schedule: Any) -> Any:
    """A sampler for a model's own noise schedule and prediction type; ``native``: its own."""
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

    match sampler:
        case "native":
            return schedule
        case "dpm_solver":
            return DPMSolverMultistepScheduler.from_config(schedule.config)
        case "ddim":
            # DDIM's default, used for models made for another sampler, would clip latents.
            return DDIMScheduler.from_config(schedule.config, clip_sample=False)
        case "pndm":
            changes: dict[str, Any] = {"skip_prk_steps": True}
            if schedule.config.get("rescale_betas_zero_snr"):
                # PNDM ignores this setting, and its first steps divide by the signal level, which
                # is zero at the last timestep: it needs the rescaled schedule spelled out, and
                # the spacing that begins below that timestep.
                changes |= {"trained_betas": schedule.betas.tolist(), "timestep_spacing": "leading"}
            return PNDMScheduler.from_config(schedule.config, **changes)


def draw(
    generator: Any,
    text: Mapping[str, Any],
    seeds: Sequence[int],
    *,
    count: int,
    steps: int,
    size: tuple[int, int],
    **settings: Any,
) -> list[Image.Image | None]:
    """The images of a batch; ``None`` for one with values that are not finite.

    Args:
        generator: from :func:`load_to_draw`.
        text: the pipeline's arguments with the prompts, in whatever form.
        seeds: one a prompt: noise on the CPU, so an image has the same on every machine.
        count: the first of the images, which are wanted; the others fill the batch.
        steps: of the sampler.
        size: (width, height) in pixels.
        settings: further ones of the pipeline.
    """
    pixels = generator(
        **text,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
        num_inference_steps=steps,
        width=size[0],
        height=size[1],
        output_type="np",
        **settings,
    ).images[:count]  # float32, (N, height, width, 3), in [0, 1]
    finite = np.isfinite(pixels).all(axis=(1, 2, 3))
    drawn = generator.image_processor.numpy_to_pil(np.nan_to_num(pixels))
    return [image if is_finite else None for image, is_finite in zip(drawn, finite, strict=True)]


def draw_prompts(
    generator: Any,
    prompts: Sequence[str],
    seeds: Sequence[int],
    *,
    pad_to: int,
    negative_prompt: str | None = None,
    **settings: Any,
) -> list[Image.Image | None]:
    """The images of prompts that the pipeline encodes itself.

    Args:
        generator: from :func:`load_to_draw`.
        prompts: one per image.
        seeds: one per image.
        pad_to: batch size to pad smaller batches to, by repeating the last prompt, for networks
            that are compiled for one batch size; 1: no padding.
        negative_prompt: one for all; ``None``: the pipeline is given none.
        settings: of :func:`draw`.
    """
    rows = [*range(len(prompts))]
    rows += rows[-1:] * (pad_to - len(rows))
    text: dict[str, Any] = {"prompt": [prompts[row] for row in rows]}
    if negative_prompt is not None:
        text["negative_prompt"] = [negative_prompt] * len(rows)
    return draw(generator, text, [seeds[row] for row in rows], count=len(prompts), **settings)
