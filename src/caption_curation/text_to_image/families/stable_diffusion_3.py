"""Stable Diffusion 3 and 3.5: two CLIPs and a T5, a transformer that follows a flow."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from caption_curation.text_to_image.configuration import (
    enlargement,
    has_component,
    max_tokens,
    number,
)
from caption_curation.text_to_image.family import FLOW_SAMPLERS, Abilities, Reader

if TYPE_CHECKING:
    import torch
    from PIL import Image

    from caption_curation.text_to_image.drawing import Sampler
    from caption_curation.text_to_image.trainable import Conditions, Trainable

PIPELINE = "StableDiffusion3Pipeline"
T5_TOKENS = 256  # the pipeline's max_sequence_length, with which the model was trained


def abilities(folder: Path) -> Abilities:
    """What a Stable Diffusion 3 can be asked for; T5 may be left out (``[null, null]``)."""
    enlarged = enlargement(folder)
    t5 = has_component(folder, "text_encoder_3")
    return Abilities(
        pipeline=PIPELINE,
        samplers=FLOW_SAMPLERS,
        guidance=True,
        negative_prompt=True,
        windows=False,
        trainable=True,
        pixels=enlarged * number(folder, "transformer", "patch_size"),
        native_size=number(folder, "transformer", "sample_size") * enlarged,
        reader=(
            Reader("tokenizer_3", T5_TOKENS) if t5 else Reader("tokenizer", max_tokens(folder))
        ),
    )


def load_generator(folder: Path, *, sampler: "Sampler") -> Any:
    """A StableDiffusion3Pipeline with its own sampler."""
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
        negative_prompt=negative_prompt,
        steps=steps,
        size=size,
        guidance_scale=guidance,
        max_sequence_length=T5_TOKENS,
    )


def load_trainable(folder: Path, device: "torch.device") -> "Trainable":
    """What fine-tuning needs, on ``device``: the recipe of diffusers' dreambooth_lora_sd3.

    Raises:
        InputError: a file is damaged or of another model.
    """
    import torch

    from caption_curation.model_loading import load_pipeline
    from caption_curation.text_to_image.objectives import flow_matching_loss
    from caption_curation.text_to_image.trainable import Trainable

    pipeline = load_pipeline(folder, kind=PIPELINE, dtype=torch.float32).to(device)
    schedule, transformer = pipeline.scheduler, pipeline.transformer

    def encode_prompts(prompts: Sequence[str]) -> "Conditions":
        given = list(prompts)
        states, _, pooled, _ = pipeline.encode_prompt(
            given,
            given,
            given,
            device=device,
            do_classifier_free_guidance=False,
            max_sequence_length=T5_TOKENS,
        )
        return states, pooled

    def objective(
        latents: torch.Tensor,
        conditions: "Conditions",
        timesteps: torch.Tensor,
        noise: torch.Tensor,
    ) -> torch.Tensor:
        states, pooled = conditions
        return flow_matching_loss(
            lambda noisy, at: (
                transformer(
                    hidden_states=noisy,
                    timestep=at,
                    encoder_hidden_states=states,
                    pooled_projections=pooled,
                ).sample
            ),
            schedule,
            latents,
            timesteps,
            noise,
        )

    return Trainable(
        network=transformer,
        part="transformer",
        autoencoder=pipeline.vae,
        timesteps=schedule.config.num_train_timesteps,
        encode_prompts=encode_prompts,
        objective=objective,
        device=device,
        exact_autoencoder=True,
    )
