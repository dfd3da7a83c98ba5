"""Captions of images by beam search, as the captioner's family makes them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from tqdm import tqdm

from caption_curation.captioner.model.captioner import (
    Captioner,
    beam_captions,
    check_lengths,
    image_transform,
)
from caption_curation.captioner.model.loading import ResizedImages, pixel_batches
from caption_curation.compute.devices import autocast
from caption_curation.compute.resuming import UnfinishedWork, map_batches
from caption_curation.config.experiment import Evaluation
from caption_curation.config.profile import BeamLength
from caption_curation.support.launcher import process_info
from caption_curation.support.parts import json_lines

CAPTIONS = json_lines(encode=list, decode=list)  # of a batch


@torch.inference_mode()
def generate_captions(
    captioner: Captioner,
    files: Sequence[Path],
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
    batch_size: int,
    work: UnfinishedWork | None = None,
) -> list[str]:
    """One caption per image file, in order, without the prompt; the process group shares the work.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        prompt: the text that the decoder continues, for instance "a picture of ".
        evaluation: number of beams and lengths in tokens, start token and prompt included.
        beam_length: which tokens a hypothesis's log probability is divided by.
        batch_size: number of images at a time.
        work: where captions are saved meanwhile; ``None``: nowhere.

    Raises:
        InputError: ``evaluation.max_length`` leaves no room for a word, or exceeds the model's
            positions.
    """
    check_lengths(captioner, prompt, evaluation, beam_length)
    batches = batches_of(len(files), batch_size)

    def compute(own: Sequence[int]) -> Iterator[list[str]]:
        mine = [batches[batch] for batch in own]
        with tqdm(
            desc="captioning",
            total=sum(map(len, mine)),
            unit="image",
            disable=process_info().hide_progress,
        ) as progress:
            for captions in caption_batches(
                captioner,
                files,
                mine,
                prompt=prompt,
                evaluation=evaluation,
                beam_length=beam_length,
            ):
                yield captions
                progress.update(len(captions))

    captions = map_batches(len(batches), compute, title="captions", form=CAPTIONS, work=work)
    return [caption for batch in captions for caption in batch]


def batches_of(files: int, size: int) -> list[range]:
    """The numbers of the files that are captioned together: neighbours, in order."""
    return [range(start, min(start + size, files)) for start in range(0, files, size)]


@torch.inference_mode()
def caption_batches(
    captioner: Captioner,
    files: Sequence[Path],
    batches: Sequence[Sequence[int]],
    *,
    prompt: str,
    evaluation: Evaluation,
    beam_length: BeamLength,
) -> Iterator[list[str]]:
    """The captions of each batch when they are there; otherwise as :func:`generate_captions`.

    Args:
        captioner: the model; it is put into evaluation mode.
        files: image files.
        batches: the indices into ``files`` of each batch.
        prompt, evaluation, beam_length: as there.
    """
    captioner.model.eval()
    images = ResizedImages(files, captioner.image_size, image_transform(captioner))
    for pixels in pixel_batches(images, batches, captioner.device):
        with autocast(captioner.device):
            captions = beam_captions(
                captioner, pixels, prompt=prompt, evaluation=evaluation, beam_length=beam_length
            )
        yield captions
