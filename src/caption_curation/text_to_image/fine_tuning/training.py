"""Fine-tune a generator on captions (paper, section 3.3).

The recipe of diffusers' examples/text_to_image: autoencoder and text encoders stay frozen, the
denoising network, or an adapter of it, learns its family's objective (of Stable Diffusion: to undo
noise of random strength that was added to an image's latents; Rombach et al. 2022, eq. 2), and the
result has an exponential moving average of its weights: an option of the example (``--use_ema``)
that the paper does not speak of. Everything random in a step comes from (seed, step), so a resumed
run ends with the same weights.
"""

import json
import math
import os
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import fmean

import torch
from tqdm import tqdm

from caption_curation.compute.devices import autocast
from caption_curation.compute.process_group import process_index
from caption_curation.config.profile import GeneratorFineTuning
from caption_curation.model_files import DIGEST, weights_digest
from caption_curation.optimisation.micro_batches import BatchSlice, GradientAccumulator
from caption_curation.rng import seed_for
from caption_curation.samples import CaptionedImage
from caption_curation.support.errors import NonFiniteLoss
from caption_curation.support.launcher import process_info
from caption_curation.text_to_image.adapters import ADAPTER, add_adapter, save_adapter
from caption_curation.text_to_image.family import GENERATORS
from caption_curation.text_to_image.fine_tuning.checkpoints import load_checkpoint, save_checkpoint
from caption_curation.text_to_image.fine_tuning.inputs import TrainingInputs
from caption_curation.text_to_image.fine_tuning.latent_files import Latents
from caption_curation.text_to_image.fine_tuning.recipe import Batch, batch_at, learning_rate
from caption_curation.text_to_image.trainable import Trainable


def fine_tune(
    base: Path,
    target: Path,
    images: Sequence[CaptionedImage],
    latents: Path,
    settings: GeneratorFineTuning,
    *,
    seed: int,
    device: torch.device,
    checkpoints: Path | None,
    checkpoint_steps: int,
) -> None:
    """Write a copy of a generator with a fine-tuned denoising network, or an adapter beside it.

    All processes of the group train; the result does not depend on their number, beyond rounding.

    Args:
        base: the model to start from, in the hub's layout.
        target: the folder to write, in the same layout, with the model's digest in digest.json.
        images: the corpus.
        latents: of the images, as :mod:`~caption_curation.text_to_image.fine_tuning.latent_files`
            writes them; not looked at with 0 steps.
        settings: of the training; with 0 steps the model is copied.
        seed: of everything random.
        device: to train on.
        checkpoints: folder of this run's checkpoints; training resumes from the newest one.
            ``None``: none are written.
        checkpoint_steps: number of steps between two checkpoints.

    Raises:
        InputError: the model predicts what there is no objective for, or lacks the modules that an
            adapter is asked for, or its files or the latents are damaged or of others.
        NonFiniteLoss: naming the step and the images.
    """
    trainable = _load(base, device) if settings.steps > 0 else None
    if trainable:
        parameters = _what_is_trained(trainable, settings, seed)
        # Of all steps, even when resuming from a checkpoint: see inputs.py.
        prompts = {
            prompt
            for step in range(settings.steps)
            for prompt in batch_at(step, images, settings, seed, trainable.timesteps).prompts
        }
        with autocast(device):
            inputs = TrainingInputs(trainable, Latents(latents, len(images)), prompts)
        _train(trainable, parameters, inputs, images, settings, seed, checkpoints, checkpoint_steps)
    if process_index() == 0:
        _write(base, target, trainable, with_adapter=settings.adapter is not None)


def _load(base: Path, device: torch.device) -> Trainable:
    trainable: Trainable = GENERATORS.load(GENERATORS.name(base)).load_trainable(base, device)
    return trainable


def _what_is_trained(
    trainable: Trainable, settings: GeneratorFineTuning, seed: int
) -> list[torch.nn.Parameter]:
    """The parameters to train; those of an adapter are added to the network."""
    trainable.network.train()
    if settings.adapter is None:
        return list(trainable.network.parameters())
    return add_adapter(trainable.network, settings.adapter, seed_for(seed, "generator adapter"))


def _write(base: Path, target: Path, trainable: Trainable | None, *, with_adapter: bool) -> None:
    """A copy of the model in ``base``, with what was trained of it, if anything was."""
    copy = target.with_name(f"{target.name}.partial")
    shutil.rmtree(copy, ignore_errors=True)
    # Without their modes: files that DVC has linked from its cache are read-only.
    shutil.copytree(base, copy, copy_function=shutil.copyfile)
    if trainable and with_adapter:
        save_adapter(trainable.network, trainable.part, copy / ADAPTER)
    elif trainable:
        _replace_network(base / trainable.part, copy / trainable.part, trainable)
    digest = json.dumps({"sha256": weights_digest(copy)})
    (copy / DIGEST).write_text(digest + "\n", encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(copy, target)


def _replace_network(base: Path, copy: Path, trainable: Trainable) -> None:
    for weights in copy.glob("*.safetensors*"):  # it may have been in more files than it will be
        weights.unlink()
    trainable.network.save_pretrained(copy)
    # The saved configuration names the folder that the model was loaded from.
    shutil.copyfile(base / "config.json", copy / "config.json")


def _train(
    trainable: Trainable,
    parameters: list[torch.nn.Parameter],
    inputs: TrainingInputs,
    images: Sequence[CaptionedImage],
    settings: GeneratorFineTuning,
    seed: int,
    checkpoints: Path | None,
    checkpoint_steps: int,
) -> None:
    """Train the parameters in place; they end as the moving average of what they were."""
    from diffusers.training_utils import EMAModel

    network = trainable.network
    optimizer = torch.optim.AdamW(parameters, fused=True)
    average = EMAModel(parameters, decay=settings.ema_decay, foreach=True)
    accumulator = GradientAccumulator(
        optimizer, trainable.device, network.enable_gradient_checkpointing
    )
    is_main = process_index() == 0
    start = load_checkpoint(checkpoints, network, optimizer, average) if checkpoints else 0
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
        batch = batch_at(step, images, settings, seed, trainable.timesteps)
        loss = accumulator.backward(
            len(batch.images), partial(_slice_loss, batch, trainable, inputs)
        )
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
                save_checkpoint(checkpoints, done, network, optimizer, average)
    average.copy_to(parameters)


def _slice_loss(
    batch: Batch, trainable: Trainable, inputs: TrainingInputs, micro_batch: BatchSlice
) -> torch.Tensor:
    """What a micro-batch contributes to its batch's loss, the mean over all images."""
    device = trainable.device
    rows = slice(micro_batch.start, micro_batch.stop)
    with autocast(device):
        moments = inputs.moments(batch.images[rows])
        # Generated on the CPU and for the whole batch: the same noise on every machine, and for any
        # number of processes.
        rng = torch.Generator().manual_seed(batch.noise_seed)
        shape = (micro_batch.batch_size, moments.shape[1] // 2, *moments.shape[2:])
        latent_noise = torch.randn(shape, generator=rng)[rows].to(device)
        noise = torch.randn(shape, generator=rng)[rows].to(device)
        loss = trainable.objective(
            trainable.sample_latents(moments, latent_noise),
            inputs.conditions(batch.prompts[rows]),
            torch.tensor(batch.timesteps[rows], device=device),
            noise,
        )
        return loss * (len(micro_batch) / micro_batch.batch_size)
