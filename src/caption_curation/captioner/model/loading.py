"""Batches of pixels, prefetched where the model would otherwise wait for them."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, default_collate

from caption_curation.captioner.model.captioner import Pixels, on_device
from caption_curation.captioner.model.transforms import resize
from caption_curation.pictures.reading import read_picture
from caption_curation.support.errors import InputError
from caption_curation.support.launcher import process_info

MAX_WORKERS = 16  # loader processes per GPU; more of them only contend for memory


@dataclass(frozen=True)
class ResizedImages:
    """Image files as a map-style dataset of a model's inputs, resized, not augmented."""

    files: Sequence[Path]
    size: int
    transform: Callable[[Image.Image], Pixels]

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Pixels:
        return self.transform(resize(read_picture(self.files[index]), self.size))


def pixel_batches(
    images: Any, batches: Sequence[Sequence[int]], device: torch.device
) -> Iterator[Pixels]:
    """The pixels of each batch, (images, …) on ``device``.

    On a CPU, the model uses the cores that loader workers would need, so images are read when they
    are due. For a GPU, this process's share of the cores prefetches into pinned memory.

    Args:
        images: a map-style dataset of pixels of one shape.
        batches: the indices into ``images`` of each batch.
        device: where the model is.

    Raises:
        InputError: an image cannot be read.
    """
    on_gpu = device.type == "cuda"
    loader: DataLoader[Any] = DataLoader(
        _Outcomes(images),
        collate_fn=_together,
        batch_sampler=batches,  # type: ignore[arg-type]
        num_workers=_worker_count() if on_gpu else 0,
        pin_memory=on_gpu,
    )
    for pixels in loader:
        if isinstance(pixels, InputError):
            raise pixels
        yield on_device(pixels, device)


@dataclass(frozen=True)
class _Outcomes(Dataset[Any]):
    """Images, or why they cannot be read: a loader process buries what it raises in a traceback."""

    images: Any

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Pixels | InputError:
        try:
            pixels: Pixels = self.images[index]
        except InputError as error:
            return error
        return pixels


def _together(outcomes: Sequence[Pixels | InputError]) -> Pixels | InputError:
    """A batch, or the first reason why there is none."""
    for outcome in outcomes:
        if isinstance(outcome, InputError):
            return outcome
    batch: Pixels = default_collate(list(outcomes))
    return batch


def _worker_count() -> int:
    """This process's share of the machine's cores, minus the one that feeds the GPU."""
    share = len(os.sched_getaffinity(0)) // process_info().local_count
    return max(1, min(share - 1, MAX_WORKERS))
