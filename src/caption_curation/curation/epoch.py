"""Curation = score × rule × action × schedule: what is proposed after one epoch, without a GPU."""

from collections.abc import Mapping, Sequence

from caption_curation.curation.actions import (
    ACTIONS,
    NO_CURATION,
    ChosenSample,
    Circumstances,
    may_be_removed,
)
from caption_curation.curation.scores import SCORES
from caption_curation.curation.selection import select, select_static
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.curation.uses import ImageUses
from caption_curation.edits import Proposal
from caption_curation.rng import rng_for
from caption_curation.samples import Sample, SampleLoss


def propose_before_training(
    samples: Sequence[Sample],
    *,
    curation: Curation,
    details: CurationDetails,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
    seed: int,
    given: Mapping[str, float],
) -> list[Proposal]:
    """The proposals of the static schedule (none with the dynamic one); see :func:`propose`.

    Where the score is given, the rule chooses by it; otherwise a part of each image's samples is
    drawn, as there is no loss yet.
    """
    if curation.method == NO_CURATION or curation.schedule != "static":
        return []
    rng = rng_for(seed, 0, "selection")
    if SCORES[curation.score].is_given:
        of_samples = [given[sample.sample_id] for sample in samples]
        scores, indices = select((), curation, details, rng, of_samples)
        chosen = [ChosenSample(samples[index], float(scores[index])) for index in indices]
    else:
        drawn = select_static(samples, curation.ratio, rng)
        chosen = [ChosenSample(sample, None) for sample in drawn]
    now = Circumstances(
        samples=samples,
        losses={},
        captions=captions,
        uses={},
        prompt_mode=prompt_mode,
        pair_with=curation.pair_with,
        easier_captions=None,
        rng=rng_for(seed, 0, "action"),
    )
    return ACTIONS[curation.method].function(chosen, now)


def propose(
    samples: Sequence[Sample],
    losses: Sequence[SampleLoss],
    *,
    epoch: int,
    curation: Curation,
    details: CurationDetails,
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
    uses: Mapping[str, ImageUses],
    seed: int,
    given: Mapping[str, float],
) -> list[Proposal]:
    """The proposals of the dynamic schedule after one epoch (paper, section 3; none with static).

    Args:
        samples: the training set of this epoch.
        losses: the captioner's loss on each of ``samples``, in the same order.
        epoch: the epoch that has just ended, from 1.
        curation: method, schedule, score, rule and their values.
        details: how a ratio is rounded, and what an easier caption is.
        prompt_mode: how prompts are made; it decides how synthetic images are numbered.
        captions: every image's original captions, by image id.
        uses: what earlier epochs used up, by image id.
        seed: the experiment's seed.
        given: the score of every sample, by its id, where ``curation`` says that it comes from a
            file; otherwise not read.

    Returns:
        One for each chosen sample, hardest first. Whoever was to be removed and may not be was
        passed over before the rule counts.

    Raises:
        ValueError: samples and losses are not of the same samples.
    """
    if [sample.sample_id for sample in samples] != [loss.sample_id for loss in losses]:
        raise ValueError(f"the losses of epoch {epoch} are not those of its training samples")
    if curation.method == NO_CURATION or curation.schedule != "dynamic":
        return []
    action, score = ACTIONS[curation.method], SCORES[curation.score]
    eligible: Sequence[int] = range(len(samples))
    if action.removes:
        eligible = [index for index in eligible if may_be_removed(samples[index], uses)]
    scores, chosen = select(
        [losses[index] for index in eligible],
        curation,
        details,
        rng_for(seed, epoch, "score"),
        [given[samples[index].sample_id] for index in eligible] if score.is_given else (),
    )
    now = Circumstances(
        samples=samples,
        losses={loss.sample_id: float(getattr(loss, score.loss)) for loss in losses},
        captions=captions,
        uses=uses,
        prompt_mode=prompt_mode,
        pair_with=curation.pair_with,
        easier_captions=details.easier_captions,
        rng=rng_for(seed, epoch, "action"),
    )
    return action.function(
        [ChosenSample(samples[eligible[index]], float(scores[index])) for index in chosen], now
    )
