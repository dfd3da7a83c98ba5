"""Curation = score × rule × action × schedule: one epoch's edits, without a GPU."""

from collections.abc import Mapping, Sequence

from caption_curation.curation.actions import ACTIONS, NO_CURATION, ChosenSample, Circumstances
from caption_curation.curation.scores import SCORES
from caption_curation.curation.selection import select, select_static
from caption_curation.curation.settings import Curation, CurationDetails
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
    if curation.method == NO_CURATION or curation.schedule != "static":
        return []
    chosen = [
        ChosenSample(sample, None)
        for sample in select_static(samples, curation.ratio, rng_for(seed, 0, "selection"))
    ]
    now = Circumstances(
        epoch=0,
        samples=samples,
        losses={},
        captions=captions,
        log=(),
        prompt_mode=prompt_mode,
        pair_with=curation.pair_with,
        easier_captions=None,
        rng=rng_for(seed, 0, "action"),
    )
    return ACTIONS[curation.method].function(chosen, now)


def curate(
    samples: Sequence[Sample],
    losses: Sequence[SampleLoss],
    *,
    epoch: int,
    curation: Curation,
    details: CurationDetails,
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
        details: how a ratio is rounded, and what an easier caption is.
        prompt_mode: how prompts are made; it decides how synthetic images are numbered.
        captions: every image's original captions, by image id.
        log: all earlier edits.
        seed: the experiment's seed.

    Raises:
        ValueError: samples and losses are not of the same samples.
    """
    if [sample.sample_id for sample in samples] != [loss.sample_id for loss in losses]:
        raise ValueError(f"the losses of epoch {epoch} are not those of its training samples")
    if curation.method == NO_CURATION or curation.schedule != "dynamic":
        return []
    scores, indices = select(losses, curation, details, rng_for(seed, epoch, "score"))
    chosen = [ChosenSample(samples[index], float(scores[index])) for index in indices]
    measure = SCORES[curation.score].loss
    now = Circumstances(
        epoch=epoch,
        samples=samples,
        losses={loss.sample_id: float(getattr(loss, measure)) for loss in losses},
        captions=captions,
        log=log,
        prompt_mode=prompt_mode,
        pair_with=curation.pair_with,
        easier_captions=details.easier_captions,
        rng=rng_for(seed, epoch, "action"),
    )
    return ACTIONS[curation.method].function(chosen, now)
