"""Fine-tune a Stable Diffusion on captions (paper, section 4.2).

The recipe of diffusers' examples/text_to_image: autoencoder and text encoder stay frozen, the
denoising network learns to undo the noise of random strength that was added to an image's latents
(Rombach et al. 2022, eq. 2), and an exponential moving average of its weights is what is kept.
Everything random in a step comes from (seed, step), so a killed run resumes to the same weights.
"""

import hashlib
import inspect
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch.nn.functional import mse_loss
from tqdm import tqdm

from caption_curation import (
    generator_images,
    generator_inputs,
    prompts,
    randomness,
    shared_batches,
)
from caption_curation.devices import autocast
from caption_curation.errors import InputError, NonFiniteLoss
from caption_curation.generator_inputs import FrozenEncoders, TrainingInputs
from caption_curation.model_sources import DIGEST, file_digest, weights_digest
from caption_curation.params import GeneratorFineTuning
from caption_curation.process_group import process_index
from caption_curation.processes import these_processes
from caption_curation.prompts import image_prompt
from caption_curation.randomness import generator_for, seed_for
from caption_curation.samples import CaptionedImage
from caption_curation.shared_batches import Rows, SharedBatches
from caption_curation.training_checkpoints import load_checkpoint, save_checkpoint

CONCAT_SHARE = 0.7  # of the prompts in mode ``mixed`` are all captions of the image
LIBRARIES = ("torch", "diffusers", "transformers", "tokenizers", "pillow")
PREDICTION_TYPES = ("epsilon", "v_prediction")
# That shape the result.
MODULES = (generator_images, generator_inputs, prompts, randomness, shared_batches)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on; all tuples are of the same length."""

    images: tuple[int, ...]  # positions in the corpus
    prompts: tuple[str, ...]
    timesteps: tuple[int, ...]
    noise_seed: int


def batch_at(
    step: int, images: Sequence[CaptionedImage], settings: GeneratorFineTuning, timesteps: int
) -> Batch:
    """The batch of a step: a function of its arguments alone.

    Images come in a new random order every epoch; batches run over the ends of epochs.

    Args:
        step: from 0.
        images: the corpus.
        settings: seed, batch size, prompt mode and caption dropout.
        timesteps: number of noise strengths to draw from.
    """
    rng = generator_for(settings.seed, "generator batch", step)
    first = step * settings.batch_size
    places = [divmod(place, len(images)) for place in range(first, first + settings.batch_size)]
    chosen = tuple(int(_order(settings.seed, epoch, len(images))[row]) for epoch, row in places)
    return Batch(
        images=chosen,
        prompts=tuple(_draw_prompt(images[image].captions, settings, rng) for image in chosen),
        timesteps=tuple(rng.integers(timesteps, size=settings.batch_size).tolist()),
        noise_seed=seed_for(settings.seed, "generator noise", step),
    )


@lru_cache(maxsize=2)  # a batch may lie in two epochs
def _order(seed: int, epoch: int, images: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return generator_for(seed, "generator order", epoch).permutation(images)


def _draw_prompt(
    captions: Sequence[str], settings: GeneratorFineTuning, rng: np.random.Generator
) -> str:
    # Always three draws, so that one setting does not change what another one draws.
    dropped = rng.random() < settings.caption_dropout
    concat = rng.random() < CONCAT_SHARE
    caption = captions[int(rng.integers(len(captions)))]
    if dropped:
        return ""
    mode = settings.prompt_mode
    if mode == "mixed":
        mode = "concat" if concat else "single"
    return image_prompt(captions, caption, mode=mode, styler="")


def learning_rate(step: int, settings: GeneratorFineTuning) -> float:
    """Linear warm-up, then constant, or cosine to zero at ``settings.steps``."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "constant":
        return settings.learning_rate
    progress = (step - settings.warmup_steps) / (settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def denoising_loss(
    unet: Any,
    schedule: Any,
    latents: torch.Tensor,
    states: torch.Tensor,
    timesteps: torch.Tensor,
    noise: torch.Tensor,
) -> torch.Tensor:
    """Mean squared error of what the network predicts of noised latents.

    Args:
        unet: the denoising network.
        schedule: the noise schedule; its ``prediction_type`` says whether the network predicts the
            noise (Ho et al. 2020, eq. 14) or the velocity (Salimans and Ho 2022, section 4).
        latents: (N, channels, height, width), scaled.
        states: (N, tokens, hidden size), of the prompts.
        timesteps: (N,), noise strengths.
        noise: standard normal, of the latents' shape.
    """
    noisy = schedule.add_noise(latents, noise, timesteps)
    if schedule.config.prediction_type == "v_prediction":
        target = schedule.get_velocity(latents, noise, timesteps)
    else:
        target = noise
    return mse_loss(unet(noisy, timesteps, states).sample.float(), target)


def fine_tune(
    base: Path,
    target: Path,
    images: Sequence[CaptionedImage],
    image_folder: Path,
    settings: GeneratorFineTuning,
    *,
    image_size: int,
    device: torch.device,
    checkpoints: Path,
    checkpoint_steps: int,
) -> None:
    """Write a copy of a Stable Diffusion with a fine-tuned denoising network.

    All processes that joined train; the result does not depend on their number but for rounding.

    Args:
        base: the model to start from, in the hub's layout.
        target: the folder to write, in the same layout, with the model's digest in digest.json.
        images: the corpus.
        image_folder: the folder that ``file_name`` is relative to.
        settings: of the training; with 0 steps the model is copied.
        image_size: width and height in pixels.
        device: to train on.
        checkpoints: folder of this run's checkpoints; training goes on from the newest one.
        checkpoint_steps: steps between two checkpoints.

    Raises:
        InputError: the model predicts neither noise nor velocity.
        NonFiniteLoss: naming the step and the images.
    """
    models = _load(base, device) if settings.steps > 0 else None
    if models:
        timesteps = models.schedule.config.num_train_timesteps
        with autocast(device):
            inputs = TrainingInputs(
                models.encoders,
                [image_folder / image.file_name for image in images],
                # Of all steps, also where training goes on from a checkpoint: see generator_inputs.
                {
                    prompt
                    for step in range(settings.steps)
                    for prompt in batch_at(step, images, settings, timesteps).prompts
                },
                image_size,
            )
        _train(models, inputs, images, settings, checkpoints, checkpoint_steps)
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


def training_digest(
    base: Path, corpus: Path, settings: GeneratorFineTuning, image_size: int, device: torch.device
) -> str:
    """A name for everything that determines the result of :func:`fine_tune`, code included.

    Args:
        base: the model to start from.
        corpus: the corpus's folder; all its files count.
        settings: of the training.
        image_size: in pixels.
        device: the kind of machine, and the number of a CPU's threads, decide the last bits.

    Returns:
        64 hexadecimal digits.
    """
    facts = {
        "base": weights_digest(base),
        "corpus": [
            (path.relative_to(corpus).as_posix(), file_digest(path))
            for path in sorted(corpus.rglob("*"))
            if path.is_file()
        ],
        "settings": settings.model_dump(),
        "image_size": image_size,
        "device": (device.type, torch.get_num_threads()),
        "libraries": [version(name) for name in LIBRARIES],
        "code": [
            file_digest(Path(inspect.getfile(one))) for one in (sys.modules[__name__], *MODULES)
        ],
    }
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True)
class _Models:
    unet: Any
    schedule: Any  # of the noise
    encoders: FrozenEncoders


def _load(base: Path, device: torch.device) -> _Models:
    from diffusers import DDPMScheduler, StableDiffusionPipeline
    from diffusers.models.attention_processor import AttnProcessor
    from diffusers.utils import logging

    logging.disable_progress_bar()
    pipeline = StableDiffusionPipeline.from_pretrained(
        base,
        use_safetensors=True,
        dtype=torch.float32,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).to(device)
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    if schedule.config.prediction_type not in PREDICTION_TYPES:
        raise InputError(
            f"{base}/scheduler: prediction_type {schedule.config.prediction_type!r}; "
            f"allowed: {', '.join(PREDICTION_TYPES)}"
        )
    if device.type == "cpu":
        # At the few positions of a small model its backward pass is a third faster than that of
        # torch's fused attention.
        pipeline.unet.set_attn_processor(AttnProcessor())
    encoders = FrozenEncoders(pipeline.vae, pipeline.text_encoder, pipeline.tokenizer, device)
    return _Models(pipeline.unet.train(), schedule, encoders)


def _train(
    models: _Models,
    inputs: TrainingInputs,
    images: Sequence[CaptionedImage],
    settings: GeneratorFineTuning,
    checkpoints: Path,
    checkpoint_steps: int,
) -> None:
    """Train the denoising network in place; in the end it has the average of its weights."""
    from diffusers.training_utils import EMAModel

    parameters = list(models.unet.parameters())
    optimizer = torch.optim.AdamW(parameters, fused=True)
    average = EMAModel(parameters, decay=settings.ema_decay, foreach=True)
    device = models.encoders.device
    shared = SharedBatches(optimizer, device, models.unet.enable_gradient_checkpointing)
    is_main = process_index() == 0
    start = load_checkpoint(checkpoints, models.unet, optimizer, average)
    if start and is_main:
        print(f"resumed after step {start} of {settings.steps}")
    losses = []
    for step in tqdm(
        range(start, settings.steps),
        initial=start,
        total=settings.steps,
        desc="fine-tuning the generator",
        unit="step",
        disable=these_processes().hide_progress,
    ):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        batch = batch_at(step, images, settings, models.schedule.config.num_train_timesteps)
        loss = shared.backward(len(batch.images), partial(_loss_of_rows, batch, models, inputs))
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
            if done < settings.steps:
                save_checkpoint(checkpoints, done, models.unet, optimizer, average)
    average.copy_to(parameters)


def _loss_of_rows(
    batch: Batch, models: _Models, inputs: TrainingInputs, rows: Rows
) -> torch.Tensor:
    """What ``rows`` add to their batch's loss, which is the mean over all its images."""
    device = models.encoders.device
    here = slice(rows.start, rows.stop)
    with autocast(device):
        moments = inputs.moments(batch.images[here])
        # Drawn on the CPU, and for the whole batch: the same noise on every machine, and for any
        # number of processes.
        random = torch.Generator().manual_seed(batch.noise_seed)
        shape = (rows.total, moments.shape[1] // 2, *moments.shape[2:])
        draws = torch.randn(shape, generator=random)[here].to(device)
        noise = torch.randn(shape, generator=random)[here].to(device)
        loss = denoising_loss(
            models.unet,
            models.schedule,
            models.encoders.sample_latents(moments, draws),
            inputs.states(batch.prompts[here]),
            torch.tensor(batch.timesteps[here], device=device),
            noise,
        )
        return loss * ((rows.stop - rows.start) / rows.total)
