"""Batches of pixels, read ahead of the model where it would wait for them."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from caption_curation.captioner.model.transforms import read_image, resize, to_tensor
from caption_curation.support.launcher import these_processes

MOST_READERS = 16  # processes a GPU: more wait for each other's memory


@dataclass(frozen=True)
class ResizedImages:
    """Image files as a map-style data set of (3, size, size), normalised, not augmented."""

    files: Sequence[Path]
    size: int

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> torch.Tensor:
        return to_tensor(resize(read_image(self.files[index]), self.size))


def pixel_batches(
    images: Any, batches: Sequence[Sequence[int]], device: torch.device
) -> Iterator[torch.Tensor]:
    """The pixels of each batch, (images, 3, size, size) on ``device``.

    A CPU computes on the cores that readers would need, and reads when it comes to it; beside a GPU
    the cores of its share read ahead into pinned memory.

    Args:
        images: a map-style data set of equally large tensors.
        batches: the positions in ``images`` that make up each batch.
        device: where the model is.
    """
    on_gpu = device.type == "cuda"
    loader: DataLoader[Any] = DataLoader(
        images,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=_readers() if on_gpu else 0,
        pin_memory=on_gpu,
    )
    for pixels in loader:
        yield pixels.to(device, non_blocking=True)


def _readers() -> int:
    """This process's share of the machine's cores, but for the one that feeds the GPU."""
    share = len(os.sched_getaffinity(0)) // these_processes().local_count
    return max(1, min(share - 1, MOST_READERS))
