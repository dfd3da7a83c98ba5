"""Fine-tune a Stable Diffusion on captions (paper, section 3.3).

The recipe of diffusers' examples/text_to_image: autoencoder and text encoder stay frozen, the
denoising network learns to undo noise of random strength that was added to an image's latents
(Rombach et al. 2022, eq. 2), and the result has an exponential moving average of its weights: an
option of the example (``--use_ema``) that the paper does not speak of. Everything random in a
step comes from (seed, step), so a resumed run ends with the same weights.
"""

import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from tqdm import tqdm

from caption_curation.compute.devices import autocast
from caption_curation.compute.process_group import process_index
from caption_curation.config.profile import GeneratorFineTuning
from caption_curation.model_files import DIGEST, weights_digest
from caption_curation.optimisation.micro_batches import BatchSlice, GradientAccumulator
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import NonFiniteLoss
from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.family import GENERATORS
from caption_curation.text_to_image.fine_tuning.checkpoints import load_checkpoint, save_checkpoint
from caption_curation.text_to_image.fine_tuning.inputs import FrozenEncoders, TrainingInputs
from caption_curation.text_to_image.fine_tuning.recipe import (
    Batch,
    batch_at,
    denoising_loss,
    learning_rate,
)


def fine_tune(
    base: Path,
    target: Path,
    images: Sequence[CaptionedImage],
    files: Sequence[Path],
    settings: GeneratorFineTuning,
    *,
    seed: int,
    image_size: int,
    device: torch.device,
    checkpoints: Path | None,
    checkpoint_steps: int,
) -> None:
    """Write a copy of a Stable Diffusion with a fine-tuned denoising network.

    All processes of the group train; the result does not depend on their number, beyond rounding.

    Args:
        base: the model to start from, in the hub's layout.
        target: the folder to write, in the same layout, with the model's digest in digest.json.
        images: the corpus.
        files: the file of each image.
        settings: of the training; with 0 steps the model is copied.
        seed: of everything random.
        image_size: width and height in pixels.
        device: to train on.
        checkpoints: folder of this run's checkpoints; training resumes from the newest one.
            ``None``: none are written.
        checkpoint_steps: number of steps between two checkpoints.

    Raises:
        InputError: the model predicts neither noise nor velocity, or its files are damaged or of
            another model.
        NonFiniteLoss: naming the step and the images.
    """
    models = _load(base, device) if settings.steps > 0 else None
    if models:
        timesteps = models.schedule.config.num_train_timesteps
        with autocast(device):
            inputs = TrainingInputs(
                models.encoders,
                files,
                # Of all steps, even when resuming from a checkpoint: see inputs.py.
                {
                    prompt
                    for step in range(settings.steps)
                    for prompt in batch_at(step, images, settings, seed, timesteps).prompts
                },
                image_size,
            )
        _train(models, inputs, images, settings, seed, checkpoints, checkpoint_steps)
    if process_index() == 0:
        _write(base, target, models.unet if models else None)


def _write(base: Path, target: Path, unet: Any) -> None:
    """A copy of the model in ``base``, with another denoising network unless that is ``None``."""
    copy = target.with_name(f"{target.name}.partial")
    shutil.rmtree(copy, ignore_errors=True)
    # Without their modes: files that DVC has linked from its cache are read-only.
    shutil.copytree(base, copy, copy_function=shutil.copyfile)
    if unet is not None:
        unet.save_pretrained(copy / "unet")
        # The saved configuration names the folder that the model was loaded from.
        shutil.copyfile(base / "unet" / "config.json", copy / "unet" / "config.json")
    digest = json.dumps({"sha256": weights_digest(copy)})
    (copy / DIGEST).write_text(digest + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(copy, target)


@dataclass(frozen=True)
class _Models:
    unet: Any
    schedule: Any  # of the noise
    encoders: FrozenEncoders


def _load(base: Path, device: torch.device) -> _Models:
    family = GENERATORS.load(GENERATORS.name(base))
    pipeline, schedule = family.load_for_fine_tuning(base, device)
    encoders = FrozenEncoders(pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, device)
    return _Models(pipeline.unet.train(), schedule, encoders)


def _train(
    models: _Models,
    inputs: TrainingInputs,
    images: Sequence[CaptionedImage],
    settings: GeneratorFineTuning,
    seed: int,
    checkpoints: Path | None,
    checkpoint_steps: int,
) -> None:
    """Train the denoising network in place; it ends with the moving average of its weights."""
    from diffusers.training_utils import EMAModel

    parameters = list(models.unet.parameters())
    optimizer = torch.optim.AdamW(parameters, fused=True)
    average = EMAModel(parameters, decay=settings.ema_decay, foreach=True)
    device = models.encoders.device
    accumulator = GradientAccumulator(optimizer, device, models.unet.enable_gradient_checkpointing)
    is_main = process_index() == 0
    start = load_checkpoint(checkpoints, models.unet, optimizer, average) if checkpoints else 0
    if start and is_main:
        print(f"resumed after step {start} of {settings.steps}")
    losses = []
    for step in tqdm(
        range(start, settings.steps),
        initial=start,
        total=settings.steps,
        desc="fine-tuning the generator",
        unit="step",
        disable=process_info().hide_progress,
    ):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        timesteps = models.schedule.config.num_train_timesteps
        batch = batch_at(step, images, settings, seed, timesteps)
        loss = accumulator.backward(len(batch.images), partial(_slice_loss, batch, models, inputs))
        if not math.isfinite(loss):
            names = ", ".join(images[image].image_id for image in batch.images)
            raise NonFiniteLoss(
                f"the loss is {loss} in step {step} of the generator's fine-tuning, images "
                f"{names}; lower generator.fine_tuning.learning_rate or look at these images"
            )
        losses.append(loss)
        torch.nn.utils.clip_grad_norm_(parameters, settings.gradient_clipping)
        optimizer.step()
        average.step(parameters)
        done = step + 1
        if is_main and (done % checkpoint_steps == 0 or done == settings.steps):
            tqdm.write(f"step {done} of {settings.steps}: mean loss {fmean(losses):.4f}")
            losses.clear()
            if checkpoints and done < settings.steps:
                save_checkpoint(checkpoints, done, models.unet, optimizer, average)
    average.copy_to(parameters)


def _slice_loss(
    batch: Batch, models: _Models, inputs: TrainingInputs, micro_batch: BatchSlice
) -> torch.Tensor:
    """What a micro-batch contributes to its batch's loss, the mean over all images."""
    device = models.encoders.device
    rows = slice(micro_batch.start, micro_batch.stop)
    with autocast(device):
        moments = inputs.moments(batch.images[rows])
        # Generated on the CPU and for the whole batch: the same noise on every machine, and for any
        # number of processes.
        rng = torch.Generator().manual_seed(batch.noise_seed)
        shape = (micro_batch.batch_size, moments.shape[1] // 2, *moments.shape[2:])
        latent_noise = torch.randn(shape, generator=rng)[rows].to(device)
        noise = torch.randn(shape, generator=rng)[rows].to(device)
        loss = denoising_loss(
            models.unet,
            models.schedule,
            models.encoders.sample_latents(moments, latent_noise),
            inputs.states(batch.prompts[rows]),
            torch.tensor(batch.timesteps[rows], device=device),
            noise,
        )
        return loss * (len(micro_batch) / micro_batch.batch_size)
