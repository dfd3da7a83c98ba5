"""Curation = score × rule × action × schedule: one epoch's edits, without a GPU."""

from collections.abc import Mapping, Sequence

import numpy as np

from caption_curation.curation.actions import ChosenSample, remove, replace_caption, replace_image
from caption_curation.curation.selection import select, select_static
from caption_curation.curation.settings import Curation
from caption_curation.rng import rng_for
from caption_curation.samples import Edit, Sample, SampleLoss


def curate_before_training(
    samples: Sequence[Sample],
    *,
    curation: Curation,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
    seed: int,
) -> list[Edit]:
    """The edits of the static schedule (none with the dynamic one); see :func:`curate`."""
    if curation.method == "none" or curation.schedule != "static":
        return []
    chosen = [
        ChosenSample(sample, None)
        for sample in select_static(samples, curation.ratio, rng_for(seed, 0, "selection"))
    ]
    return _act(
        chosen,
        epoch=0,
        samples=samples,
        losses={},
        curation=curation,
        prompt_mode=prompt_mode,
        captions=captions,
        log=(),
        rng=rng_for(seed, 0, "action"),
    )


def curate(
    samples: Sequence[Sample],
    losses: Sequence[SampleLoss],
    *,
    epoch: int,
    curation: Curation,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
    log: Sequence[Edit],
    seed: int,
) -> list[Edit]:
    """The edits of the dynamic schedule after one epoch (paper, section 3; none with static).

    Args:
        samples: the training set of this epoch.
        losses: the captioner's loss on each of ``samples``, in the same order.
        epoch: the epoch that has just ended, from 1.
        curation: method, schedule, score, rule and their values.
        prompt_mode: how prompts are made; it decides how synthetic images are numbered.
        captions: every image's original captions, by image id.
        log: all earlier edits.
        seed: the experiment's seed.

    Raises:
        ValueError: samples and losses are not of the same samples.
    """
    if [sample.sample_id for sample in samples] != [loss.sample_id for loss in losses]:
        raise ValueError(f"the losses of epoch {epoch} are not those of its training samples")
    if curation.method == "none" or curation.schedule != "dynamic":
        return []
    scores, indices = select(losses, curation, rng_for(seed, epoch, "score"))
    chosen = [ChosenSample(samples[index], float(scores[index])) for index in indices]
    # A random score makes no caption easier: what pairs an image is then the mean loss.
    measure = "loss_sum" if curation.score == "loss_sum" else "loss_mean"
    by_sample = {loss.sample_id: float(getattr(loss, measure)) for loss in losses}
    return _act(
        chosen,
        epoch=epoch,
        samples=samples,
        losses=by_sample,
        curation=curation,
        prompt_mode=prompt_mode,
        captions=captions,
        log=log,
        rng=rng_for(seed, epoch, "action"),
    )


def _act(
    chosen: Sequence[ChosenSample],
    *,
    epoch: int,
    samples: Sequence[Sample],
    losses: Mapping[str, float],
    curation: Curation,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
    log: Sequence[Edit],
    rng: np.random.Generator,
) -> list[Edit]:
    """The edits of the configured method; each action takes what it needs."""
    if curation.method == "remove":
        return remove(chosen, epoch=epoch)
    if curation.method == "replace_caption":
        return replace_caption(chosen, epoch=epoch, captions=captions, log=log, rng=rng)
    return replace_image(
        chosen,
        epoch=epoch,
        pair_with=curation.pair_with,
        prompt_mode=prompt_mode,
        samples=samples,
        losses=losses,
        log=log,
        rng=rng,
    )
