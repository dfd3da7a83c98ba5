"""The recipe of the generator's fine-tuning: a step's batch and learning rate.

Everything random in a step comes from (seed, step).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from caption_curation.config.profile import GeneratorFineTuning
from caption_curation.rng import rng_for, seed_for
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.prompts import image_prompt

CONCAT_SHARE = 0.7  # of the prompts in mode ``mixed``: all captions of the image, concatenated


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step trains on; all tuples have the same length."""

    images: tuple[int, ...]  # indices into the corpus
    prompts: tuple[str, ...]
    timesteps: tuple[int, ...]
    noise_seed: int


def batch_at(
    step: int,
    images: Sequence[CaptionedImage],
    settings: GeneratorFineTuning,
    seed: int,
    timesteps: int,
) -> Batch:
    """The batch of a step: a function of its arguments alone.

    Images come in a new random order every epoch; batches may span two epochs.

    Args:
        step: from 0.
        images: the corpus.
        settings: batch size, prompt mode and caption dropout.
        seed: of everything random.
        timesteps: number of timesteps of the noise schedule, to sample from.
    """
    rng = rng_for(seed, "generator batch", step)
    first = step * settings.batch_size
    rows = [divmod(index, len(images)) for index in range(first, first + settings.batch_size)]
    chosen = tuple(int(_order(seed, epoch, len(images))[row]) for epoch, row in rows)
    return Batch(
        images=chosen,
        prompts=tuple(_sample_prompt(images[image].captions, settings, rng) for image in chosen),
        timesteps=tuple(rng.integers(timesteps, size=settings.batch_size).tolist()),
        noise_seed=seed_for(seed, "generator noise", step),
    )


@lru_cache(maxsize=2)  # a batch may span two epochs
def _order(seed: int, epoch: int, images: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return rng_for(seed, "generator order", epoch).permutation(images)


def _sample_prompt(
    captions: Sequence[str], settings: GeneratorFineTuning, rng: np.random.Generator
) -> str:
    # Always three random numbers, so that no setting changes the random choices of another.
    dropped = rng.random() < settings.caption_dropout
    concat = rng.random() < CONCAT_SHARE
    caption = captions[int(rng.integers(len(captions)))]
    if dropped:
        return ""
    mode = settings.prompt_mode
    if mode == "mixed":
        mode = "concat" if concat else "single"
    return image_prompt(captions, caption, mode=mode, styler="", joining=settings.prompt_joining)


def learning_rate(step: int, settings: GeneratorFineTuning) -> float:
    """Linear warm-up, then constant, or cosine to zero at ``settings.steps``."""
    if step < settings.warmup_steps:
        return settings.learning_rate * (step + 1) / settings.warmup_steps
    if settings.schedule == "constant":
        return settings.learning_rate
    progress = (step - settings.warmup_steps) / (settings.steps - settings.warmup_steps)
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
