"""What a denoising network is trained on: latents of images, what it is told of prompts.

Latents are read; prompts are encoded by frozen text encoders. If the states of all prompts fit into
memory beside the latents, they are encoded once, before training. Otherwise prompts are encoded
when they are due: of many different prompts that is cheap beside a step, while their states would
take several times the latents' space.

What a step is given depends on nothing but the corpus and the models, or a resumed run's weights
would differ from an uninterrupted one's in the last bits.
"""

from collections.abc import Collection, Sequence

import torch
from tqdm import tqdm

from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.fine_tuning.latent_files import MEMORY, Latents
from caption_curation.text_to_image.trainable import Conditions, Trainable

BATCH = 32  # prompts encoded at a time before training


class TrainingInputs:
    """Latent moments and prompts' conditions of a corpus; these once, as far as that pays off."""

    def __init__(
        self,
        trainable: Trainable,
        latents: Latents,
        prompts: Collection[str],
        memory: int = MEMORY,
    ) -> None:
        """Encode the prompts if their conditions fit into memory beside the latents.

        Args:
            trainable: the frozen text encoders.
            latents: of the corpus's images.
            prompts: every prompt that training may ask for.
            memory: bytes.
        """
        self._trainable = trainable
        self._latents = latents
        self._conditions: Conditions | None = None
        self._row = {prompt: row for row, prompt in enumerate(sorted(set(prompts)))}
        one_prompt = sum(part.nbytes for part in trainable.conditions([""]))
        if latents.nbytes + one_prompt * len(self._row) <= memory:
            self._conditions = _encode(trainable, list(self._row))

    def moments(self, images: Sequence[int]) -> torch.Tensor:
        """Latent moments of images, given by their indices in the corpus, on the device."""
        return self._latents.rows(images).to(self._trainable.device)

    def conditions(self, prompts: Sequence[str]) -> Conditions:
        """What the denoiser is told of prompts, on the device."""
        if self._conditions is None:
            return self._trainable.conditions(prompts)
        rows = [self._row[prompt] for prompt in prompts]
        return tuple(part[rows].to(self._trainable.device) for part in self._conditions)


def _encode(trainable: Trainable, prompts: Sequence[str]) -> Conditions:
    """The conditions of all prompts, in batches, on the CPU."""
    parts = []
    with tqdm(
        total=len(prompts), desc="encoding prompts", disable=process_info().hide_progress
    ) as progress:
        for start in range(0, len(prompts), BATCH):
            batch = prompts[start : start + BATCH]
            parts.append([part.cpu() for part in trainable.conditions(batch)])
            progress.update(len(batch))
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))
