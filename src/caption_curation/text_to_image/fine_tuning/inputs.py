"""What a denoising network is trained on: latents of images, text encoder states of prompts.

Both come from frozen models. If everything fits into memory, it is encoded once, before training;
otherwise every batch is encoded when it is due. There is no partial cache: a resumed run must
encode the same images in the same batches as an uninterrupted one, or its weights would differ in
the last bits.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.pixels import read_image, to_model_range

MEMORY = 2 * 2**30  # bytes; about 16,000 images of 512 pixels
BATCH = 32  # images or prompts encoded at a time before training


@dataclass(frozen=True)
class FrozenEncoders:
    """The parts of a Stable Diffusion that fine-tuning does not change."""

    autoencoder: Any
    text_encoder: Any
    tokenizer: Any
    device: torch.device

    @torch.no_grad()
    def latent_moments(self, files: Sequence[Path], size: int) -> torch.Tensor:
        """Means and log-variances of the latents of images, concatenated along the channels.

        Returns:
            float32 of shape (N, 2 x latent channels, height, width), not yet scaled.
        """
        with ThreadPoolExecutor() as threads:
            images = list(threads.map(lambda file: read_image(file, size), files))
        pixels = to_model_range(images, self.device)
        moments: torch.Tensor = self.autoencoder.encode(pixels).latent_dist.parameters.float()
        return moments

    @torch.no_grad()
    def prompt_states(self, prompts: Sequence[str]) -> torch.Tensor:
        """The text encoder's last hidden states, float32 of shape (N, 77, hidden size)."""
        tokens = self.tokenizer(
            list(prompts),
            padding="max_length",
            max_length=self.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        )
        states: torch.Tensor = self.text_encoder(tokens.input_ids.to(self.device))[0].float()
        return states

    def sample_latents(self, moments: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Latents sampled from their distribution, scaled as the denoising network expects them.

        Args:
            moments: of the latents.
            noise: standard normal, of the latents' shape.
        """
        mean, log_variance = moments.chunk(2, dim=1)
        deviation = log_variance.clamp(-30, 20).mul(0.5).exp()  # as diffusers' distribution
        scale = float(self.autoencoder.config.scaling_factor)
        return (mean + deviation * noise) * scale


class TrainingInputs:
    """Latent moments and prompt states of a corpus, encoded once where they fit into memory."""

    def __init__(
        self,
        encoders: FrozenEncoders,
        files: Sequence[Path],
        prompts: Collection[str],
        image_size: int,
        memory: int = MEMORY,
    ) -> None:
        """Encode the corpus if its latents and states fit into ``memory`` bytes.

        Args:
            encoders: the frozen models.
            files: the images.
            prompts: every prompt that training may ask for.
            image_size: width and height in pixels.
            memory: bytes.
        """
        self._encoders, self._files, self._image_size = encoders, files, image_size
        self._moments: torch.Tensor | None = None
        self._states: torch.Tensor | None = None
        self._row = {prompt: row for row, prompt in enumerate(sorted(set(prompts)))}
        one_image = encoders.latent_moments(files[:1], image_size)
        one_prompt = encoders.prompt_states([""])
        size = one_image.nbytes * len(files) + one_prompt.nbytes * len(self._row)
        if size <= memory:
            self._moments = _encode(
                lambda batch: encoders.latent_moments(batch, image_size), files, "encoding images"
            )
            self._states = _encode(encoders.prompt_states, list(self._row), "encoding prompts")

    def moments(self, images: Sequence[int]) -> torch.Tensor:
        """Latent moments of images, given by their indices into ``files``, on the device."""
        if self._moments is None:
            files = [self._files[image] for image in images]
            return self._encoders.latent_moments(files, self._image_size)
        return self._moments[list(images)].to(self._encoders.device)

    def states(self, prompts: Sequence[str]) -> torch.Tensor:
        """Text encoder states of prompts, on the device."""
        if self._states is None:
            return self._encoders.prompt_states(prompts)
        return self._states[[self._row[prompt] for prompt in prompts]].to(self._encoders.device)


def _encode(encode: Any, items: Sequence[Any], description: str) -> torch.Tensor:
    """``encode`` over all items in batches, on the CPU."""
    with tqdm(total=len(items), desc=description, disable=process_info().hide_progress) as progress:
        parts = []
        for start in range(0, len(items), BATCH):
            parts.append(encode(items[start : start + BATCH]).cpu())
            progress.update(len(parts[-1]))
    return torch.cat(parts)
