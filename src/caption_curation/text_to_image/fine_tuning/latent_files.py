"""Latents of the images that a generator is fine-tuned on, which its frozen autoencoder gives once.

They depend on no setting of the training: other seeds, rates and numbers of steps share them. As
long as they fit into memory they are kept as they are. Beyond that they take 16 bits a number, 7 GB
for COCO's 113,287 images of 512 pixels, and are read as they are needed: in float16 the mean of a
latent, which is of the order of 1, is off by less than a thousandth of the noise that training
adds.

They come back in the order in memory in which the autoencoder gave them: on some processors what
computes with them rounds otherwise in another.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from tqdm import tqdm

from caption_curation.compute.devices import autocast
from caption_curation.compute.process_group import gather, shard
from caption_curation.support.errors import InputError
from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.family import GENERATORS
from caption_curation.text_to_image.trainable import Trainable

MEMORY = 2 * 2**30  # bytes; about 16,000 images of 512 pixels
BATCH = 32  # images encoded at a time
ROWS = 32 * BATCH  # images of a file: 64 MB at 512 pixels, in 16 bits
NAME = "moments"
ORDER, CHANNELS_LAST = "order", "images, height, width, channels"  # in a file's header


def encode_corpus(
    base: Path, files: Sequence[Path], folder: Path, *, image_size: int, device: torch.device
) -> None:
    """Write the latents of a corpus for the fine-tuning of a generator.

    Args:
        base: the generator, in the hub's layout.
        files: the images.
        folder: as in :func:`encode_images`.
        image_size: width and height in pixels.
        device: to encode on.

    Raises:
        InputError: a file of the model or an image is damaged.
    """
    trainable: Trainable = GENERATORS.load(GENERATORS.name(base)).load_trainable(base, device)
    with autocast(device):
        encode_images(trainable, files, folder, image_size)


def encode_images(
    trainable: Trainable,
    files: Sequence[Path],
    folder: Path,
    image_size: int,
    memory: int = MEMORY,
) -> None:
    """Write the latents' files that are not there, which the processes of the group share.

    Args:
        trainable: the frozen autoencoder.
        files: the images.
        folder: for the latents; it need not exist, and those that an earlier run of the same work
            has left there are kept. The same on all processes.
        image_size: width and height in pixels.
        memory: bytes, beyond which the latents take 16 bits a number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    size = trainable.latent_moments(files[:1], image_size).nbytes * len(files)
    kind = torch.float32 if size <= memory else torch.float16
    starts = [start for start in range(0, len(files), ROWS) if not _is_whole(folder / _name(start))]
    gather([None])  # until the others have looked, too: what is written next is nobody's to miss
    own = shard(starts)
    with tqdm(
        total=sum(min(ROWS, len(files) - start) for start in own),
        desc="encoding images",
        unit="image",
        disable=process_info().hide_progress,
    ) as progress:
        for start in own:
            moments = []
            stop = min(start + ROWS, len(files))
            for first in range(start, stop, BATCH):
                batch = files[first : min(first + BATCH, stop)]
                moments.append(trainable.latent_moments(batch, image_size).to("cpu", kind))
                progress.update(len(batch))
            _write(folder / _name(start), torch.cat(moments))
    gather([None])  # until the others have written theirs


class Latents:
    """Latent moments of images, a row each, as :func:`encode_images` wrote them."""

    def __init__(self, folder: Path, images: int) -> None:
        """Open the files, and read them if they are small.

        Args:
            folder: of the files.
            images: how many there must be.

        Raises:
            InputError: they are damaged, or not of so many images.
        """
        try:
            self._files: list[Any] = [
                safe_open(folder / _name(start), "pt") for start in range(0, images, ROWS)
            ]
            parts = [file.get_slice(NAME) for file in self._files]
            self._is_channels_last = [_is_channels_last(file) for file in self._files]
        except (OSError, SafetensorError) as error:
            raise InputError(
                f"{folder}: the latents of {images} images are not all there ({error}); "
                "`dvc repro generator_latents` makes them again"
            ) from error
        if sum(part.get_shape()[0] for part in parts) != images:
            raise InputError(
                f"{folder}: latents of other images than the corpus's {images}; "
                "`dvc repro generator_latents` makes them again"
            )
        self._moments: torch.Tensor | None = None
        if all(part.get_dtype() == "F32" for part in parts):
            self._moments = torch.cat([self._part(i, slice(None)) for i in range(len(parts))])

    @property
    def nbytes(self) -> int:
        """What they take of memory, in bytes."""
        return 0 if self._moments is None else self._moments.nbytes

    def rows(self, images: Sequence[int]) -> torch.Tensor:
        """The moments of images, float32, in the order that is asked for."""
        if self._moments is not None:
            return self._moments[list(images)]
        found = []
        for image in images:
            file, row = divmod(image, ROWS)
            found.append(self._part(file, slice(row, row + 1)))
        return torch.cat(found).float()

    def _part(self, file: int, rows: slice) -> torch.Tensor:
        part: torch.Tensor = self._files[file].get_slice(NAME)[rows]
        return part.permute(0, 3, 1, 2) if self._is_channels_last[file] else part


def _name(start: int) -> str:
    return f"latents-{start:08d}.safetensors"


def _is_whole(file: Path) -> bool:
    try:
        with safe_open(file, "pt"):
            return True
    except (OSError, SafetensorError):
        return False


def _is_channels_last(file: Any) -> bool:
    return (file.metadata() or {}).get(ORDER) == CHANNELS_LAST


def _write(file: Path, moments: torch.Tensor) -> None:
    partial = file.with_suffix(".partial")
    if moments.is_contiguous():
        save_file({NAME: moments}, partial)
    else:
        in_order = moments.permute(0, 2, 3, 1).contiguous()
        save_file({NAME: in_order}, partial, metadata={ORDER: CHANNELS_LAST})
    os.replace(partial, file)
