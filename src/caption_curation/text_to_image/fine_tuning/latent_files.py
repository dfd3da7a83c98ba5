"""Latents of a corpus that is too large for memory, in files of 16-bit numbers.

An image of 512 pixels takes 64 KiB: 7 GB for COCO's 113,287. In float16 the mean of a latent, which
is of the order of 1, is off by less than a thousandth of the noise that training adds to it.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from caption_curation.compute.process_group import gather, shard
from caption_curation.support.launcher import process_info

ROWS = 1024  # images of a file: 64 MB at 512 pixels
NAME = "moments"


class LatentFiles:
    """Latent moments of images, a row each, that are read from files as they are needed."""

    def __init__(self, folder: Path, count: int, encode: Callable[[range], torch.Tensor]) -> None:
        """Write the files that are not there, which the processes of the group share.

        Args:
            folder: of the files; it need not exist. The same on all processes.
            count: number of images.
            encode: gives the moments of consecutive images, on the CPU.
        """
        folder.mkdir(parents=True, exist_ok=True)
        starts = range(0, count, ROWS)
        files = [folder / f"latents-{start:08d}.safetensors" for start in starts]
        own = shard(list(zip(starts, files, strict=True)))
        for start, file in tqdm(
            own, desc="encoding images", unit="file", disable=process_info().hide_progress
        ):
            if not _is_whole(file):
                _write(file, encode(range(start, min(start + ROWS, count))))
        gather([None])  # until the others have written theirs
        self._files: list[Any] = [safe_open(file, "pt") for file in files]

    def rows(self, images: Sequence[int]) -> torch.Tensor:
        """The moments of images, float32, in the order that is asked for."""
        found = []
        for image in images:
            file, row = divmod(image, ROWS)
            found.append(self._files[file].get_slice(NAME)[row : row + 1])
        return torch.cat(found).float()


def _is_whole(file: Path) -> bool:
    try:
        with safe_open(file, "pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _write(file: Path, moments: torch.Tensor) -> None:
    partial = file.with_suffix(".partial")
    save_file({NAME: moments.half().contiguous()}, partial)
    os.replace(partial, file)
