"""What a denoising network is trained on: latents of images, what it is told of prompts.

Both come from frozen models. If everything fits into memory, it is encoded once, before training.
Otherwise the latents are encoded once and read from files, in 16 bits, and prompts are encoded when
they are due: of many different prompts that is cheap beside a step, while their states would take
several times the latents' space.

What a step is given depends on nothing but the corpus and the models, or a resumed run's weights
would differ from an uninterrupted one's in the last bits.
"""

from collections.abc import Callable, Collection, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from tqdm import tqdm

from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.fine_tuning.latent_files import LatentFiles
from caption_curation.text_to_image.trainable import Conditions, Trainable

MEMORY = 2 * 2**30  # bytes; about 16,000 images of 512 pixels
BATCH = 32  # images or prompts encoded at a time before training

Item = TypeVar("Item")


class TrainingInputs:
    """Latent moments and prompts' conditions of a corpus, encoded once as far as that pays off."""

    def __init__(
        self,
        trainable: Trainable,
        files: Sequence[Path],
        prompts: Collection[str],
        image_size: int,
        latents: Path,
        memory: int = MEMORY,
    ) -> None:
        """Encode the corpus: into memory if latents and conditions fit, otherwise latents to files.

        Args:
            trainable: the frozen models.
            files: the images.
            prompts: every prompt that training may ask for.
            image_size: width and height in pixels.
            latents: folder for the latents' files, if they are needed; those that an earlier run of
                the same work has left there are used. The same on all processes.
            memory: bytes.
        """
        self._trainable = trainable
        self._moments: torch.Tensor | None = None
        self._conditions: Conditions | None = None
        self._files: LatentFiles | None = None
        self._row = {prompt: row for row, prompt in enumerate(sorted(set(prompts)))}
        one_image = trainable.latent_moments(files[:1], image_size)
        one_prompt = sum(part.nbytes for part in trainable.conditions([""]))
        size = one_image.nbytes * len(files) + one_prompt * len(self._row)

        def moments(batch: Sequence[Path]) -> Conditions:
            return (trainable.latent_moments(batch, image_size),)

        if size <= memory:
            (self._moments,) = _encode(moments, files, "encoding images")
            self._conditions = _encode(trainable.conditions, list(self._row), "encoding prompts")
        else:
            self._files = LatentFiles(
                latents, len(files), lambda rows: _encode_rows(moments, files, rows)
            )

    def moments(self, images: Sequence[int]) -> torch.Tensor:
        """Latent moments of images, given by their indices into ``files``, on the device."""
        if self._files is not None:
            return self._files.rows(images).to(self._trainable.device)
        assert self._moments is not None
        return self._moments[list(images)].to(self._trainable.device)

    def conditions(self, prompts: Sequence[str]) -> Conditions:
        """What the denoiser is told of prompts, on the device."""
        if self._conditions is None:
            return self._trainable.conditions(prompts)
        rows = [self._row[prompt] for prompt in prompts]
        return tuple(part[rows].to(self._trainable.device) for part in self._conditions)


def _encode(
    encode: Callable[[Sequence[Item]], Conditions], items: Sequence[Item], description: str
) -> Conditions:
    """``encode`` over all items in batches, on the CPU."""
    with tqdm(total=len(items), desc=description, disable=process_info().hide_progress) as progress:
        parts = []
        for start in range(0, len(items), BATCH):
            parts.append([part.cpu() for part in encode(items[start : start + BATCH])])
            progress.update(len(parts[-1][0]))
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def _encode_rows(
    encode: Callable[[Sequence[Path]], Conditions], files: Sequence[Path], rows: range
) -> torch.Tensor:
    """Latent moments of some images, in batches, on the CPU."""
    wanted = iter([files[row] for row in rows])
    parts = []
    while batch := list(islice(wanted, BATCH)):
        parts.append(encode(batch)[0].cpu())
    return torch.cat(parts)
