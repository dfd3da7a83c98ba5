"""The captioner's own loss on every training sample (paper, section 3.1)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from caption_curation.captioner import (
    IGNORED,
    Captioner,
    caption_tokens,
    encode_images,
    next_token_logits,
)
from caption_curation.errors import NonFiniteLoss
from caption_curation.image_transforms import read_image, resize, to_tensor
from caption_curation.samples import Sample, SampleLoss


@torch.inference_mode()
def sample_losses(
    captioner: Captioner,
    samples: Sequence[Sample],
    files: Mapping[str, Path],
    *,
    prompt: str,
    max_tokens: int,
    batch_size: int,
) -> list[SampleLoss]:
    """Loss of every sample with dropout, augmentation and label smoothing off.

    Every image is encoded once for all the captions that are paired with it.

    Args:
        captioner: the model; it is put into evaluation mode.
        samples: the training set.
        files: the image file that each sample shows, by sample id.
        prompt: the text that every caption begins with; no loss is counted on it.
        max_tokens: longer captions are cut, as in training.
        batch_size: images that are encoded at once.

    Returns:
        One loss a sample, in the order of ``samples``.

    Raises:
        NonFiniteLoss: naming the samples.
    """
    captioner.model.eval()
    groups = _by_image(samples, files)
    losses: dict[str, SampleLoss] = {}
    with tqdm(desc="scoring", total=len(samples), unit="sample", disable=None) as progress:
        for start in range(0, len(groups), batch_size):
            batch = groups[start : start + batch_size]
            pixels = torch.stack(
                [to_tensor(resize(read_image(file), captioner.image_size)) for file, _ in batch]
            )
            states = encode_images(captioner, pixels.to(captioner.device))
            of_image = torch.tensor(
                [index for index, (_, shown) in enumerate(batch) for _ in shown],
                device=captioner.device,
            )
            batch_samples = [sample for _, shown in batch for sample in shown]
            tokens = caption_tokens(
                captioner,
                [sample.caption for sample in batch_samples],
                prompt=prompt,
                max_tokens=max_tokens,
            ).to(captioner.device)
            logits = next_token_logits(captioner, states[of_image], tokens)
            # (captions, tokens): zero where no loss is counted
            by_token = cross_entropy(
                logits.transpose(1, 2).float(),
                tokens.targets,
                ignore_index=IGNORED,
                reduction="none",
            )
            sums = by_token.sum(dim=1).tolist()
            counts = (tokens.targets != IGNORED).sum(dim=1).tolist()
            for sample, total, count in zip(batch_samples, sums, counts, strict=True):
                losses[sample.sample_id] = SampleLoss(sample.sample_id, total, total / count, count)
            progress.update(len(batch_samples))
    _check_finite(losses)
    return [losses[sample.sample_id] for sample in samples]


def _by_image(
    samples: Sequence[Sample], files: Mapping[str, Path]
) -> list[tuple[Path, list[Sample]]]:
    """Samples grouped by the image file that they show, in order of first appearance."""
    groups: dict[Path, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(files[sample.sample_id], []).append(sample)
    return list(groups.items())


def _check_finite(losses: Mapping[str, SampleLoss]) -> None:
    broken = [name for name, loss in losses.items() if not abs(loss.loss_sum) < float("inf")]
    if broken:
        raise NonFiniteLoss(
            f"the loss of {len(broken)} sample(s) is not finite: {', '.join(broken[:20])}"
        )
