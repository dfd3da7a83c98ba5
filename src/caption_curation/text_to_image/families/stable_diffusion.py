"""Stable Diffusion 1 and 2: one CLIP, a UNet, prompts of any length in windows."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.configuration import (
    check_prediction_type,
    enlargement,
    max_tokens,
    number,
)
from caption_curation.text_to_image.family import NOISE_SAMPLERS, Abilities, Reader

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from caption_curation.text_to_image.drawing import Sampler
    from caption_curation.text_to_image.trainable import Conditions, Trainable

PIPELINE = "StableDiffusionPipeline"


def abilities(folder: Path) -> Abilities:
    """What a Stable Diffusion can be asked for."""
    pixels = enlargement(folder)
    return Abilities(
        pipeline=PIPELINE,
        samplers=NOISE_SAMPLERS,
        guidance=True,
        negative_prompt=True,
        windows=True,
        trainable=True,
        pixels=pixels,
        native_size=number(folder, "unet", "sample_size") * pixels,
        reader=Reader("tokenizer", max_tokens(folder)),
    )


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A StableDiffusionPipeline with the given sampler, made fast where there is a GPU.

    The model's own safety checker is loaded if the folder has one.

    Args:
        folder: a model in the hub's layout.
        sampler: ``dpm_solver`` (DPM-Solver++ 2M), ``ddim``, ``pndm``, or ``native``: its own.

    Raises:
        InputError: a file is damaged or of another model (:mod:`~caption_curation.model_loading`).
    """
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
    from caption_curation.text_to_image.drawing import draw
    from caption_curation.text_to_image.windows import encode_in_windows, tokens_in_windows

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
        drawn = draw(
            generator,
            text,
            [seeds[index] for index in padded],
            count=len(indices),
            steps=steps,
            size=size,
            guidance_scale=guidance,
        )
        for index, image in zip(indices, drawn, strict=True):
            images[index] = image
    return images


def load_trainable(folder: Path, device: "torch.device") -> "Trainable":
    """What fine-tuning needs, on ``device``; the safety checker is left out.

    Raises:
        InputError: a file is damaged or of another model, or the schedule trains otherwise than is
            known.
    """
    import torch
    from diffusers import DDPMScheduler
    from diffusers.models.attention_processor import AttnProcessor

    from caption_curation.model_loading import load_pipeline
    from caption_curation.text_to_image.objectives import denoising_loss
    from caption_curation.text_to_image.trainable import Trainable, clip_states

    unused = ("safety_checker", "feature_extractor")
    pipeline = load_pipeline(folder, kind=PIPELINE, dtype=torch.float32, without=unused).to(device)
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    check_prediction_type(schedule, folder / "scheduler")
    unet = pipeline.unet
    if device.type == "cpu":
        # For the few positions of a small model its backward pass is a third faster than that of
        # torch's fused attention.
        unet.set_attn_processor(AttnProcessor())

    def objective(
        latents: torch.Tensor,
        conditions: "Conditions",
        timesteps: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        (states,) = conditions
        return denoising_loss(
            lambda noisy, at: unet(noisy, at, states).sample, schedule, latents, timesteps, noise
        )

    return Trainable(
        network=unet,
        part="unet",
        autoencoder=pipeline.vae,
        timesteps=schedule.config.num_train_timesteps,
        encode_prompts=lambda prompts: (clip_states(pipeline, prompts),),
        objective=objective,
        device=device,
    )
