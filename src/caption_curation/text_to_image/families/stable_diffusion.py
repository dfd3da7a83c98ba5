"""Stable Diffusion: sampling images from it, prompts and seeds in; and what of it is fine-tuned."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from caption_curation.compute.devices import prepare_device
from caption_curation.model_loading import load_pipeline
from caption_curation.text_to_image.configuration import check_prediction_type
from caption_curation.text_to_image.windows import encode_in_windows, tokens_in_windows

Sampler = Literal["dpm_solver", "ddim", "pndm"]


def load_generator(folder: Path, *, sampler: Sampler) -> Any:
    """A StableDiffusionPipeline with the given sampler, made fast where there is a GPU.

    The model's own safety checker is loaded if the folder has one. On a GPU, images are computed in
    bfloat16 (float16 before Ampere), with networks compiled for the batch shapes that they see.

    Args:
        folder: a model in the hub's layout.
        sampler: ``dpm_solver`` (DPM-Solver++ 2M), ``ddim`` or ``pndm``.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`).
    """
    device = prepare_device()  # before importing diffusers, which warns of what is not installed

    pipeline = load_pipeline(folder, dtype=image_dtype(device)).to(device)
    if device.type == "cuda":
        compile_networks(pipeline)
    pipeline.scheduler = make_sampler(sampler, pipeline.scheduler)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_for_fine_tuning(folder: Path, device: torch.device) -> tuple[Any, Any]:
    """The pipeline without what training does not need, on ``device``, and its noise schedule.

    Raises:
        InputError: a file is damaged or of another model, or the schedule trains otherwise than is
            known.
    """
    from diffusers import DDPMScheduler
    from diffusers.models.attention_processor import AttnProcessor

    unused = ("safety_checker", "feature_extractor")
    pipeline = load_pipeline(folder, dtype=torch.float32, without=unused).to(device)
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    check_prediction_type(schedule, folder / "scheduler")
    if device.type == "cpu":
        # For the few positions of a small model its backward pass is a third faster than that of
        # torch's fused attention.
        pipeline.unet.set_attn_processor(AttnProcessor())
    return pipeline, schedule


def image_dtype(device: torch.device) -> torch.dtype:
    """The precision for images: 16 bits on a GPU, as bfloat16 if the hardware supports it."""
    if device.type != "cuda":
        return torch.float32
    in_hardware = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if in_hardware else torch.float16


def compile_networks(pipeline: Any) -> None:
    """Compile the networks that dominate a GPU's time, the denoiser and the decoder.

    They use channels-last memory, and are compiled when first called with each shape.
    """
    for network in (pipeline.unet, pipeline.vae):
        network.to(memory_format=torch.channels_last)
    for network in (pipeline.unet, pipeline.vae.decoder):
        network.compile(dynamic=False)


def make_sampler(sampler: Sampler, schedule: Any) -> Any:
    """A sampler for a model's own noise schedule and prediction type."""
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, PNDMScheduler

    match sampler:
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
) -> list[Image.Image | None]:
    """One RGB image for each prompt; ``None`` where a value of it is not finite.

    The noise comes from the image's own seed, so an image does not depend on the others in its
    batch (beyond rounding, as a batch of another size is computed differently). For the same
    reason, and because the denoiser attends to padding, prompts with different numbers of windows
    are generated in separate groups instead of being padded to the longest.

    Args:
        generator: from :func:`load_generator`.
        prompts: one per image.
        seeds: one per image, in [0, 2**63).
        in_windows: for each image, whether the text encoder reads the whole prompt in windows
            (:mod:`~.text_to_image.windows`); otherwise CLIP truncates it to 77 tokens.
        steps: of the sampler.
        guidance: classifier-free guidance scale; 1: none.
        negative_prompt: what guidance steers away from; used if ``guidance`` is above 1.
        size: (width, height) in pixels, multiples of 8.
        pad_to: batch size to pad smaller batches to, by repeating the last prompt, for networks
            that are compiled for one batch size; 1: no padding.
    """
    tokens: dict[int, torch.Tensor] = {}  # of prompts in windows, by index
    groups: dict[int, list[int]] = defaultdict(list)  # indices, by number of windows; 0: truncated
    for index, (prompt, windows) in enumerate(zip(prompts, in_windows, strict=True)):
        if windows:
            tokens[index] = tokens_in_windows(generator.tokenizer, prompt)
        groups[len(tokens[index]) if windows else 0].append(index)
    images: list[Image.Image | None] = [None] * len(prompts)
    for window_count, indices in groups.items():
        padded = indices + indices[-1:] * (pad_to - len(indices))
        text = (
            encode_in_windows(generator, [tokens[index] for index in padded], negative_prompt)
            if window_count
            else {
                "prompt": [prompts[index] for index in padded],
                "negative_prompt": [negative_prompt] * len(padded),
            }
        )
        pixels = generator(
            **text,
            generator=[torch.Generator("cpu").manual_seed(seeds[index]) for index in padded],
            num_inference_steps=steps,
            guidance_scale=guidance,
            width=size[0],
            height=size[1],
            output_type="np",
        ).images[: len(indices)]  # float32, (N, height, width, 3), in [0, 1]
        finite = np.isfinite(pixels).all(axis=(1, 2, 3))
        generated = generator.image_processor.numpy_to_pil(np.nan_to_num(pixels))
        for index, image, is_finite in zip(indices, generated, finite, strict=True):
            images[index] = image if is_finite else None
    return images
