"""The captioner's own loss on every training sample (paper, section 3.1)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch.nn.functional import log_softmax, nll_loss
from tqdm import tqdm

from caption_curation.captioner.model.captioner import (
    IGNORED,
    Captioner,
    Pixels,
    caption_tokens,
    image_transform,
    shared_image_logits,
)
from caption_curation.captioner.model.loading import ResizedImages, pixel_batches
from caption_curation.compute.devices import autocast
from caption_curation.compute.resuming import UnfinishedWork, map_batches
from caption_curation.samples import Sample, SampleLoss
from caption_curation.support.errors import NonFiniteLoss
from caption_curation.support.launcher import process_info
from caption_curation.support.parts import json_lines

LOSSES = json_lines(  # of a batch
    encode=lambda losses: [list(asdict(loss).values()) for loss in losses],
    decode=lambda records: [SampleLoss(*record) for record in records],
)


@torch.inference_mode()
def sample_losses(
    captioner: Captioner,
    samples: Sequence[Sample],
    files: Mapping[str, Path],
    *,
    prompt: str,
    max_tokens: int,
    label_smoothing: float,
    batch_size: int,
    work: UnfinishedWork | None = None,
) -> list[SampleLoss]:
    """Loss of every sample with dropout and augmentation off, without and with label smoothing.

    Every image is encoded once for all captions that are paired with it, where the architecture
    allows it. The processes of the group share the work.

    Args:
        captioner: the model; it is put into evaluation mode.
        samples: the training set.
        files: the image file that each sample shows, by sample id.
        prompt: the text that every caption begins with; no loss is counted on it.
        max_tokens: longer captions are cut, as in training.
        label_smoothing: of ``loss_sum_smoothed``, in [0, 1).
        batch_size: number of images to encode at a time.
        work: where losses are saved meanwhile; ``None``: nowhere.

    Returns:
        One loss per sample, in the order of ``samples``.

    Raises:
        NonFiniteLoss: naming the samples.
    """
    captioner.model.eval()
    groups = _by_image(samples, files)
    images = ResizedImages(
        [file for file, _ in groups], captioner.image_size, image_transform(captioner)
    )
    batches = [
        range(start, min(start + batch_size, len(groups)))
        for start in range(0, len(groups), batch_size)
    ]

    def compute(own: Sequence[int]) -> Iterator[list[SampleLoss]]:
        mine = [batches[batch] for batch in own]
        with tqdm(
            desc="scoring",
            total=sum(len(groups[index][1]) for batch in mine for index in batch),
            unit="sample",
            disable=process_info().hide_progress,
        ) as progress:
            for batch, pixels in zip(
                mine, pixel_batches(images, mine, captioner.device), strict=True
            ):
                by_image = [groups[index][1] for index in batch]
                yield _batch_losses(
                    captioner, pixels, by_image, prompt, max_tokens, label_smoothing
                )
                progress.update(sum(map(len, by_image)))

    losses = map_batches(len(batches), compute, title="losses", form=LOSSES, work=work)
    by_id = {loss.sample_id: loss for batch in losses for loss in batch}
    _check_finite(by_id)
    return [by_id[sample.sample_id] for sample in samples]


def _batch_losses(
    captioner: Captioner,
    pixels: Pixels,
    by_image: Sequence[Sequence[Sample]],
    prompt: str,
    max_tokens: int,
    label_smoothing: float,
) -> list[SampleLoss]:
    """Losses of the samples that show each of the images of ``pixels``."""
    samples = [sample for image_samples in by_image for sample in image_samples]
    image_index = torch.tensor(
        [index for index, image_samples in enumerate(by_image) for _ in image_samples],
        device=captioner.device,
    )
    tokens = caption_tokens(
        captioner,
        [sample.caption for sample in samples],
        prompt=prompt,
        max_tokens=max_tokens,
    ).to(captioner.device)
    with autocast(captioner.device):
        logits = shared_image_logits(captioner, pixels, image_index, tokens)
    by_token, smoothed = token_losses(logits, tokens.targets, label_smoothing)
    sums, smoothed_sums = by_token.sum(dim=1).tolist(), smoothed.sum(dim=1).tolist()
    counts = (tokens.targets != IGNORED).sum(dim=1).tolist()
    return [
        SampleLoss(sample.sample_id, total, total / count, count, smoothed_total)
        for sample, total, count, smoothed_total in zip(
            samples, sums, counts, smoothed_sums, strict=True
        )
    ]


def token_losses(
    logits: torch.Tensor, targets: torch.Tensor, label_smoothing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of every token, in nats, without and with label smoothing.

    With smoothing ε it is (1 - ε) · -log p(target) + ε · the mean of -log p over the vocabulary, as
    in Szegedy et al. (2016), section 7, and in BLIP's ``models/med.py``, where ε is 0.1.

    Args:
        logits: (captions, tokens, vocabulary).
        targets: int64 (captions, tokens); ``IGNORED`` where no loss is counted.
        label_smoothing: ε, in [0, 1).

    Returns:
        Two float32 tensors (captions, tokens), zero where no loss is counted.
    """
    log_probabilities = log_softmax(logits.transpose(1, 2).float(), dim=1)
    plain = nll_loss(log_probabilities, targets, ignore_index=IGNORED, reduction="none")
    uniform = -log_probabilities.mean(dim=1) * (targets != IGNORED)
    return plain, (1 - label_smoothing) * plain + label_smoothing * uniform


def _by_image(
    samples: Sequence[Sample], files: Mapping[str, Path]
) -> list[tuple[Path, list[Sample]]]:
    """Samples grouped by the image file that they show, in order of first appearance."""
    groups: dict[Path, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(files[sample.sample_id], []).append(sample)
    return list(groups.items())


def _check_finite(losses: Mapping[str, SampleLoss]) -> None:
    broken = [
        name
        for name, loss in losses.items()
        if not (math.isfinite(loss.loss_sum) and math.isfinite(loss.loss_sum_smoothed or 0.0))
    ]
    if broken:
        raise NonFiniteLoss(
            f"the loss of {len(broken)} sample(s) is not finite: {', '.join(broken[:20])}"
        )
