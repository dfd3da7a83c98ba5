"""What fine-tuning needs of a generator, whatever its family."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from caption_curation.text_to_image.pixels import read_image, to_model_range

Conditions = tuple[torch.Tensor, ...]  # what the denoiser is told of prompts, a row a prompt


@dataclass(frozen=True)
class Trainable:
    """The parts of a generator that fine-tuning uses; of them it changes ``network`` alone.

    Attributes:
        network: the denoising network, in evaluation mode.
        part: of the pipeline that it is: ``unet`` or ``transformer``.
        autoencoder: frozen.
        timesteps: how many there are; a step draws each image's uniformly from [0, timesteps).
        encode_prompts: gives the conditions of prompts: what the frozen text encoders make of
            them, float32. Called without gradients.
        objective: of scaled latents, conditions, timesteps (N,) and noise of the latents' shape:
            the mean loss.
        device: that all are on.
        exact_autoencoder: whether the autoencoder overflows in 16 bits and is never run in them.
    """

    network: Any
    part: str
    autoencoder: Any
    timesteps: int
    encode_prompts: Callable[[Sequence[str]], Conditions]
    objective: Callable[[torch.Tensor, Conditions, torch.Tensor, torch.Tensor], torch.Tensor]
    device: torch.device
    exact_autoencoder: bool = False

    @torch.no_grad()
    def latent_moments(self, files: Sequence[Path], size: int) -> torch.Tensor:
        """Means and log-variances of the latents of images, concatenated along the channels.

        Returns:
            float32 of shape (N, 2 x latent channels, height, width), not yet scaled.
        """
        with ThreadPoolExecutor() as threads:
            images = list(threads.map(lambda file: read_image(file, size), files))
        pixels = to_model_range(images, self.device)
        with self._autoencoder_precision():
            posterior = self.autoencoder.encode(pixels).latent_dist
        moments: torch.Tensor = posterior.parameters.float()
        return moments

    def _autoencoder_precision(self) -> AbstractContextManager[object]:
        if not self.exact_autoencoder:
            return nullcontext()
        return torch.autocast(self.device.type, enabled=False)

    @torch.no_grad()
    def conditions(self, prompts: Sequence[str]) -> Conditions:
        """What the denoiser is told of prompts, float32, a row each."""
        return tuple(part.float() for part in self.encode_prompts(list(prompts)))

    def sample_latents(self, moments: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Latents sampled from their distribution, scaled as the denoising network expects them.

        Args:
            moments: of the latents.
            noise: standard normal, of the latents' shape.
        """
        mean, log_variance = moments.chunk(2, dim=1)
        deviation = log_variance.clamp(-30, 20).mul(0.5).exp()  # as diffusers' distribution
        scale = float(self.autoencoder.config.scaling_factor)
        latents = mean + deviation * noise
        shift = self.autoencoder.config.shift_factor  # None before Stable Diffusion 3
        return (latents - shift if shift else latents) * scale


def clip_states(pipeline: Any, prompts: Sequence[str]) -> torch.Tensor:
    """CLIP's last hidden states, of shape (N, 77, hidden size)."""
    tokens = pipeline.tokenizer(
        list(prompts),
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    states: torch.Tensor = pipeline.text_encoder(tokens.input_ids.to(pipeline.device))[0]
    return states
