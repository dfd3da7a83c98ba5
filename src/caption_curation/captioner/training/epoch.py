"""One epoch of fine-tuning the captioner, starting from the epoch before."""

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from caption_curation.captioner.model.captioner import (
    IGNORED,
    Captioner,
    CaptionTokens,
    Pixels,
    caption_tokens,
    drops_in_functions,
    image_transform,
    next_token_logits,
    rows_of,
)
from caption_curation.captioner.model.loading import pixel_batches
from caption_curation.captioner.training.checkpoints import Checkpoints, EpochState
from caption_curation.captioner.training.crops import random_crop_and_flip
from caption_curation.captioner.training.dropout import SampleDropout
from caption_curation.captioner.training.rand_augment import rand_augment
from caption_curation.compute.devices import autocast
from caption_curation.config.experiment import Training
from caption_curation.config.profile import Augmentation, FineTuning
from caption_curation.optimisation.micro_batches import (
    BatchSlice,
    GradientAccumulator,
    padded_shard,
)
from caption_curation.optimisation.optimizer_state import restore_state, state_tensors
from caption_curation.pictures.reading import read_picture
from caption_curation.rng import rng_for, seed_for
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError, NonFiniteLoss
from caption_curation.support.launcher import process_info

BETAS = (0.9, 0.999)  # AdamW's, as in BLIP
EPSILON = 1e-8


def learning_rate(epoch: int, initial: float, schedule_epochs: int) -> float:
    """BLIP's schedule: cosine to zero, one step per epoch (salesforce/BLIP, utils.py).

    Args:
        epoch: from 1 to ``schedule_epochs``.
        initial: the rate of epoch 1.
        schedule_epochs: length of the schedule; the rate would be zero in the epoch after it.
    """
    return 0.5 * initial * (1 + math.cos(math.pi * (epoch - 1) / schedule_epochs))


def shuffled(samples: Sequence[Sample], seed: int, epoch: int) -> list[Sample]:
    """The samples in this epoch's order.

    The order is by a hash of each sample's id, so that runs with the same seed that train on
    different subsets see the samples they share in the same order.
    """
    return sorted(samples, key=lambda sample: seed_for(seed, epoch, "shuffle", sample.sample_id))


def batch_starts(samples: int, fine_tuning: FineTuning) -> range:
    """The position of each batch's first sample.

    Raises:
        InputError: there is none, as the only batch is not full and to be dropped.
    """
    size = fine_tuning.batch_size
    if fine_tuning.last_batch == "train":
        return range(0, samples, size)
    if samples < size:
        raise InputError(
            f"profile: captioner.fine_tuning.last_batch = drop: {samples} samples do not fill a "
            f"batch of {size}, and nothing would be trained on; allowed: last_batch: train, or a "
            f"batch_size of at most {samples}"
        )
    return range(0, samples - size + 1, size)


@dataclass(frozen=True)
class TrainingImages:
    """The augmented images of an epoch, in order: a map-style dataset of a model's inputs."""

    samples: Sequence[Sample]
    files: Mapping[str, Path]
    size: int
    transform: Callable[[Image.Image], Pixels]
    augmentation: Augmentation
    seed: int
    epoch: int

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Pixels:
        sample = self.samples[index]
        rng = rng_for(self.seed, self.epoch, "augmentation", sample.sample_id)
        image = read_picture(self.files[sample.sample_id])
        image = random_crop_and_flip(image, self.size, self.augmentation, rng)
        if self.augmentation.rand_augment:
            image = rand_augment(image, self.augmentation.rand_augment, rng)
        return self.transform(image)


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
    checkpoints: Checkpoints | None = None,
) -> float:
    """Train on every sample once, in place, together with the other processes of the group.

    With ``last_batch: drop`` those that do not fill the last batch are left out.

    The result does not depend on their number or on how much memory there is, beyond rounding.

    Args:
        captioner: its weights are updated.
        optimizer: of the captioner's parameters; its state and learning rate are updated.
        samples: the training set of this epoch.
        files: the image file that each sample shows, by sample id.
        epoch: from 1.
        seed: of shuffling, augmentation and dropout, together with ``epoch``.
        training: label smoothing, prompt and learning rate schedule.
        fine_tuning: batch size (of all processes together), what becomes of the last batch,
            learning rate, maximum caption length and augmentation.
        checkpoints: training goes on from the newest; ``None``: there are none.

    Returns:
        The mean training loss (label-smoothed, nats per token) over the epoch's batches.

    Raises:
        InputError: all samples together do not fill a batch, and it is dropped.
        NonFiniteLoss: naming the step and its samples.
    """
    starts = batch_starts(len(samples), fine_tuning)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(epoch, fine_tuning.learning_rate, training.schedule_epochs)
    torch.manual_seed(seed_for(seed, epoch, "dropout"))
    captioner.model.train()
    dropout = SampleDropout(captioner.model)
    images = TrainingImages(
        samples=shuffled(samples, seed, epoch),
        files=files,
        size=captioner.image_size,
        transform=image_transform(captioner),
        augmentation=fine_tuning.augmentation,
        seed=seed,
        epoch=epoch,
    )
    batches = [images.samples[start : start + fine_tuning.batch_size] for start in starts]
    shards = [padded_shard(len(batch)) for batch in batches]
    positions = [
        range(start + shard.start, start + shard.stop)
        for start, shard in zip(starts, shards, strict=True)
    ]
    accumulator = GradientAccumulator(
        optimizer, captioner.device, captioner.model.activation_checkpointing_enable
    )
    state = EpochState(captioner, optimizer, accumulator)
    folder = checkpoints.folder(len(batches)) if checkpoints else None
    losses, random_state = state.restore(folder) if folder else ([], None)
    done = len(losses)
    if done and process_info().is_main:
        print(f"epoch {epoch}: resuming at batch {done} of {len(batches)}", flush=True)
    pixels_ahead = pixel_batches(images, positions[done:], captioner.device)
    progress = tqdm(
        zip(batches[done:], shards[done:], pixels_ahead, strict=True),
        desc=f"training, epoch {epoch}",
        initial=done,
        total=len(batches),
        unit="batch",
        disable=process_info().hide_progress,
    )
    for step, (batch, shard, pixels) in enumerate(progress, start=done + 1):
        if random_state is not None:
            state.go_on_with(random_state)
            random_state = None
        tokens = caption_tokens(
            captioner,
            [sample.caption for sample in batch],
            prompt=training.prompt,
            max_tokens=fine_tuning.max_tokens,
        ).to(captioner.device)
        with dropout.in_functions(drops_in_functions(captioner)):
            loss = accumulator.backward(
                len(batch),
                partial(
                    _slice_loss, captioner, dropout, tokens, pixels, shard, training.label_smoothing
                ),
            )
        if not math.isfinite(loss):
            names = ", ".join(sample.sample_id for sample in batch)
            raise NonFiniteLoss(
                f"the loss is {loss} in epoch {epoch}, step {step}, samples {names}; "
                "lower captioner.fine_tuning.learning_rate or look at these samples"
            )
        optimizer.step()
        losses.append(loss)
        if checkpoints and folder and step % checkpoints.steps == 0 and step < len(batches):
            state.save(folder, losses)
            if process_info().is_main:
                mean = sum(losses) / step
                tqdm.write(f"epoch {epoch}: batch {step} of {len(batches)}, mean loss {mean:.3f}")
                sys.stdout.flush()
    return sum(losses) / len(losses)


def _slice_loss(
    captioner: Captioner,
    dropout: SampleDropout,
    tokens: CaptionTokens,
    pixels: Pixels,
    shard: BatchSlice,
    label_smoothing: float,
    micro_batch: BatchSlice,
) -> torch.Tensor:
    """What a micro-batch contributes to its batch's loss, the mean over all target tokens.

    Args:
        captioner: the model.
        dropout: of the model.
        tokens: of the whole batch, so that all micro-batches are padded alike.
        pixels: of ``shard``.
        shard: the slice of the batch that this process computes.
        label_smoothing: as in :func:`training_loss`.
        micro_batch: the slice of ``shard`` to compute now.
    """
    dropout.batch_slice = micro_batch
    rows = slice(micro_batch.start, micro_batch.stop)
    captions = CaptionTokens(tokens.inputs[rows], tokens.mask[rows], tokens.targets[rows])
    share = (captions.targets != IGNORED).sum() / (tokens.targets != IGNORED).sum()
    images = rows_of(pixels, slice(micro_batch.start - shard.start, micro_batch.stop - shard.start))
    with autocast(captioner.device):
        return training_loss(captioner, images, captions, label_smoothing) * share


def training_loss(
    captioner: Captioner, pixels: Pixels, tokens: CaptionTokens, label_smoothing: float
) -> torch.Tensor:
    """Cross-entropy of the captions, averaged over all their target tokens, as BLIP trains.

    Args:
        captioner: the model.
        pixels: (captions, …): each caption's image.
        tokens: of the captions.
        label_smoothing: probability mass taken from the target and spread over the vocabulary.
    """
    logits = next_token_logits(captioner, pixels, tokens)
    return cross_entropy(
        logits.flatten(0, 1).float(),
        tokens.targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=label_smoothing,
    )


def new_optimizer(captioner: Captioner, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over all parameters, as in BLIP, or those of an adapter.

    Every epoch sets its learning rate.
    """
    trained = [value for value in captioner.model.parameters() if value.requires_grad]
    return torch.optim.AdamW(trained, lr=0.0, betas=BETAS, eps=EPSILON, weight_decay=weight_decay)


def save_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Save the optimizer's moments as safetensors."""
    save_file(state_tensors(optimizer), path)


def load_optimizer(optimizer: torch.optim.Optimizer, path: Path) -> None:
    """Restore what :func:`save_optimizer` saved into a new optimizer of the same parameters."""
    restore_state(optimizer, load_file(path))
