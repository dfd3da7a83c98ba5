"""Stable Diffusion XL: two CLIPs, a UNet that is told the image's size."""

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

PIPELINE = "StableDiffusionXLPipeline"


def abilities(folder: Path) -> Abilities:
    """What a Stable Diffusion XL can be asked for; both its CLIPs read the same number of tokens.

    Long prompts are not read in windows: of several, it is open which one's pooled vector counts.
    """
    pixels = enlargement(folder)
    return Abilities(
        pipeline=PIPELINE,
        samplers=NOISE_SAMPLERS,
        guidance=True,
        negative_prompt=True,
        windows=False,
        trainable=True,
        pixels=pixels,
        native_size=number(folder, "unet", "sample_size") * pixels,
        reader=Reader("tokenizer", max_tokens(folder)),
    )


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A StableDiffusionXLPipeline, without the watermark that it adds where a package is there."""
    from caption_curation.text_to_image.drawing import load_to_draw

    return load_to_draw(folder, PIPELINE, sampler=sampler, add_watermarker=False)


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

    Without a negative prompt, guidance leads away from what the model was trained to take for no
    prompt (``force_zeros_for_empty_prompt``).
    """
    from caption_curation.text_to_image.drawing import draw_prompts

    return draw_prompts(
        generator,
        prompts,
        seeds,
        pad_to=pad_to,
        negative_prompt=negative_prompt or None,
        steps=steps,
        size=size,
        guidance_scale=guidance,
    )


def load_trainable(folder: Path, device: "torch.device") -> "Trainable":
    """What fine-tuning needs, on ``device``: the recipe of diffusers' text_to_image_lora_sdxl.

    The denoiser is told the size that images are drawn in. An empty caption is told as it is where
    images are drawn: by zeros if the model was trained so.

    Raises:
        InputError: a file is damaged or of another model, or the schedule trains otherwise than is
            known.
    """
    import torch
    from diffusers import DDPMScheduler

    from caption_curation.model_loading import load_pipeline
    from caption_curation.text_to_image.objectives import denoising_loss
    from caption_curation.text_to_image.trainable import Trainable

    pipeline = load_pipeline(folder, kind=PIPELINE, dtype=torch.float32, add_watermarker=False).to(
        device
    )
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    check_prediction_type(schedule, folder / "scheduler")
    unet, enlarged = pipeline.unet, enlargement(folder)

    def encode_prompts(prompts: Sequence[str]) -> "Conditions":
        states, _, pooled, _ = pipeline.encode_prompt(
            list(prompts), device=device, do_classifier_free_guidance=False
        )
        if pipeline.config.force_zeros_for_empty_prompt:
            told = torch.tensor([float(prompt != "") for prompt in prompts], device=device)
            states, pooled = states * told[:, None, None], pooled * told[:, None]
        return states, pooled

    def objective(
        latents: torch.Tensor,
        conditions: "Conditions",
        timesteps: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        states, pooled = conditions
        height, width = (side * enlarged for side in latents.shape[-2:])
        sizes = torch.tensor([height, width, 0, 0, height, width], device=device)
        added = {"text_embeds": pooled, "time_ids": sizes.float().expand(len(latents), -1)}
        return denoising_loss(
            lambda noisy, at: unet(noisy, at, states, added_cond_kwargs=added).sample,
            schedule,
            latents,
            timesteps,
            noise,
        )

    return Trainable(
        network=unet,
        part="unet",
        autoencoder=pipeline.vae,
        timesteps=schedule.config.num_train_timesteps,
        encode_prompts=encode_prompts,
        objective=objective,
        device=device,
        exact_autoencoder=True,
    )
