"""One epoch of fine-tuning the captioner, from the epoch before."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader
from tqdm import tqdm

from caption_curation.captioner import (
    IGNORED,
    Captioner,
    CaptionTokens,
    caption_tokens,
    encode_images,
    next_token_logits,
)
from caption_curation.errors import NonFiniteLoss
from caption_curation.image_transforms import augment, read_image, to_tensor
from caption_curation.params import Augmentation, FineTuning, Training
from caption_curation.random_augmentation import rand_augment
from caption_curation.randomness import generator_for, seed_for
from caption_curation.samples import Sample

BETAS = (0.9, 0.999)  # AdamW's, as in BLIP
EPSILON = 1e-8


def learning_rate(epoch: int, initial: float, schedule_epochs: int) -> float:
    """BLIP's schedule: cosine to zero, one step per epoch (salesforce/BLIP, utils.py).

    Args:
        epoch: from 1 to ``schedule_epochs``.
        initial: the rate of epoch 1.
        schedule_epochs: the rate would be zero in the epoch after this one.
    """
    return 0.5 * initial * (1 + math.cos(math.pi * (epoch - 1) / schedule_epochs))


def shuffled(samples: Sequence[Sample], seed: int, epoch: int) -> list[Sample]:
    """The samples in this epoch's order.

    Each sample is placed by a hash of its own, so that runs of one seed that train on different
    subsets see what they share in the same order.
    """
    return sorted(samples, key=lambda one: seed_for(seed, epoch, "shuffle", one.sample_id))


@dataclass(frozen=True)
class TrainingImages:
    """The augmented images of an epoch, in order: a map-style data set of (3, size, size)."""

    samples: Sequence[Sample]
    files: Mapping[str, Path]
    size: int
    augmentation: Augmentation
    seed: int
    epoch: int

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Sample, torch.Tensor]:
        sample = self.samples[index]
        rng = generator_for(self.seed, self.epoch, "augmentation", sample.sample_id)
        image = read_image(self.files[sample.sample_id])
        image = augment(image, self.size, self.augmentation, rng)
        if self.augmentation.rand_augment:
            image = rand_augment(image, self.augmentation.rand_augment, rng)
        return sample, to_tensor(image)


def train_epoch(
    captioner: Captioner,
    optimizer: torch.optim.Optimizer,
    samples: Sequence[Sample],
    files: Mapping[str, Path],
    *,
    epoch: int,
    seed: int,
    training: Training,
    fine_tuning: FineTuning,
) -> float:
    """Train on every sample once, in place.

    Args:
        captioner: its weights are changed.
        optimizer: of the captioner's parameters; its state and learning rate are changed.
        samples: the training set of this epoch.
        files: the image file that each sample shows, by sample id.
        epoch: from 1.
        seed: of shuffling, augmentation and dropout, together with ``epoch``.
        training: label smoothing, prompt and learning rate schedule.
        fine_tuning: batch size, learning rate, longest caption and augmentation.

    Returns:
        The mean training loss (label-smoothed, nats per token) over the epoch's batches.

    Raises:
        NonFiniteLoss: naming the step and its samples.
    """
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(epoch, fine_tuning.learning_rate, training.schedule_epochs)
    torch.manual_seed(seed_for(seed, epoch, "dropout"))
    captioner.model.train()
    total, batches = 0.0, 0
    images = TrainingImages(
        samples=shuffled(samples, seed, epoch),
        files=files,
        size=captioner.image_size,
        augmentation=fine_tuning.augmentation,
        seed=seed,
        epoch=epoch,
    )
    progress = tqdm(
        _batches(images, fine_tuning.batch_size, captioner.device),
        desc=f"training, epoch {epoch}",
        total=math.ceil(len(images) / fine_tuning.batch_size),
        unit="batch",
        disable=None,
    )
    for step, (batch, pixels) in enumerate(progress, start=1):
        tokens = caption_tokens(
            captioner,
            [sample.caption for sample in batch],
            prompt=training.prompt,
            max_tokens=fine_tuning.max_tokens,
        ).to(captioner.device)
        loss = training_loss(captioner, pixels, tokens, training.label_smoothing)
        if not torch.isfinite(loss):
            names = ", ".join(sample.sample_id for sample in batch)
            raise NonFiniteLoss(
                f"the loss is {loss.item()} in epoch {epoch}, step {step}, samples {names}; "
                "lower captioner.fine_tuning.learning_rate or look at these samples"
            )
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        total, batches = total + loss.item(), batches + 1
    return total / batches


def training_loss(
    captioner: Captioner, pixels: torch.Tensor, tokens: CaptionTokens, label_smoothing: float
) -> torch.Tensor:
    """Cross-entropy of the captions, averaged over all their target tokens, as BLIP trains.

    Args:
        captioner: the model.
        pixels: (captions, 3, size, size): each caption's image.
        tokens: of the captions.
        label_smoothing: share of the target's probability that is spread over the vocabulary.
    """
    logits = next_token_logits(captioner, encode_images(captioner, pixels), tokens)
    return cross_entropy(
        logits.flatten(0, 1),
        tokens.targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def new_optimizer(captioner: Captioner, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over all parameters, as in BLIP; every epoch sets its learning rate."""
    return torch.optim.AdamW(
        captioner.model.parameters(), lr=0.0, betas=BETAS, eps=EPSILON, weight_decay=weight_decay
    )


def save_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Save the optimizer's moments as ``PARAMETER_INDEX.NAME`` tensors."""
    tensors = {
        f"{index}.{name}": value.contiguous()
        for index, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }
    save_file(tensors, path)


def load_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Restore what :func:`save_optimizer` saved into a new optimizer of the same parameters."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in load_file(path).items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _batches(
    images: TrainingImages, batch_size: int, device: torch.device
) -> Iterator[tuple[list[Sample], torch.Tensor]]:
    """The epoch's batches: samples, and pixels (batch, 3, size, size) on ``device``."""
    # A CPU trains on the cores that workers would need; a GPU waits for images without them.
    on_gpu = device.type == "cuda"
    loader: DataLoader[Any] = DataLoader(
        images,  # type: ignore[arg-type]
        batch_size=batch_size,
        collate_fn=_collate,
        num_workers=8 if on_gpu else 0,
        pin_memory=on_gpu,
    )
    for samples, pixels in loader:
        yield samples, pixels.to(device, non_blocking=True)


def _collate(
    pairs: Sequence[tuple[Sample, torch.Tensor]],
) -> tuple[list[Sample], torch.Tensor]:
    return [sample for sample, _ in pairs], torch.stack([pixels for _, pixels in pairs])
