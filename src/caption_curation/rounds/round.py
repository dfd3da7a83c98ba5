"""One round of curation for whoever has losses: from samples and numbers to edits.

The choices are the pipeline's (:mod:`caption_curation.curation`): what it proposes for the same
losses, seed and epoch, so does this.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from caption_curation.curation.actions import ACTIONS
from caption_curation.curation.epoch import propose, propose_before_training
from caption_curation.curation.settling import Candidate, settle
from caption_curation.curation.uses import Uses, add_uses
from caption_curation.edits import Edit, Proposal, apply_edits, edits_by_epoch
from caption_curation.rounds.settings import round_settings
from caption_curation.samples import Sample, SampleLoss
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.rows import shown

NOT_DRAWN = "its image is still to be drawn"  # why an edit is not accepted

Losses = Mapping[str, float] | Sequence[float] | Sequence[SampleLoss]


def curate(
    samples: Sequence[Sample],
    losses: Losses | None,
    *,
    method: str,
    rule: str,
    ratio: float | None = None,
    std: float | None = None,
    score: str = "file",
    pair_with: str = "keep",
    prompt_mode: str = "concat",
    rounding: str = "floor",
    easier_captions: int | None = None,
    seed: int = 0,
    epoch: int = 1,
    earlier: Sequence[Edit] = (),
    drawn: Mapping[str, str] | None = None,
) -> list[Edit]:
    """Choose the hardest samples and say what becomes of each: the edits of one round.

    ``apply_edits(samples, edits)`` makes the curated training set of them; after further rounds,
    ``apply_edits(samples, [*edits_1, *edits_2])``.

    Args:
        samples: the training set before any curation, with a ``file`` each, perhaps ``""``.
        losses: how hard each sample of the training set is now, the higher the harder: numbers by
            sample id (those of samples that are not there any more are passed over), or in the
            order of the samples, or as :func:`read_losses` gives them. ``None`` in round 0: a part
            of each image's samples is drawn.
        method: ``remove``, ``replace_caption`` or ``replace_image``.
        rule: ``top_fraction`` (chooses the hardest ``ratio``) or ``mean_std`` (all above the mean
            and ``std`` standard deviations).
        ratio: in (0, 1]; ``top_fraction`` needs it, and round 0 without losses.
        std: at least 0; ``mean_std`` needs it.
        score: ``file``: the numbers as they are; ``loss_mean``, ``loss_sum`` or
            ``loss_sum_smoothed``, of which one differs from another where losses are
            :class:`SampleLoss`; ``random``, the control: as many samples at random.
        pair_with: the caption of a synthetic image: ``keep``, ``random_easier`` or ``easiest``.
        prompt_mode: as ``prompt.mode``; it numbers the images of an image's prompts.
        rounding: of ratio times samples: ``floor`` or ``round``.
        easier_captions: as ``curation.easier_captions`` of a profile; ``None``: all.
        seed: of all that is drawn at random.
        epoch: the number of the round, from 1; 0: before any training (the static schedule).
        earlier: the edits of earlier rounds. What they used up stays used up.
        drawn: the image file that was made for each sample with ``replace_image``, by sample id.
            A chosen sample without one stays as it is: its edit is not accepted.

    Returns:
        One edit for each chosen sample, hardest first.

    Raises:
        ValueError: something of this is not allowed, or the losses are not those of the samples;
            the message lists every fault.
    """
    curation, details = round_settings(
        method=method,
        rule=rule,
        ratio=ratio,
        std=std,
        score=score,
        pair_with=pair_with,
        rounding=rounding,
        easier_captions=easier_captions,
        epoch=epoch,
        with_losses=losses is not None,
    )
    _check_samples(samples, drawn or {})
    if late := sorted({edit.epoch for edit in earlier if edit.epoch >= epoch}):
        raise InputError(f"round {epoch} cannot follow on edits of round {late[-1]}")
    names = _pipeline_ids(samples)
    now = apply_edits(samples, earlier)
    numbers = None if losses is None else _of_samples(losses, now, names)
    known = [_renamed(sample, names) for sample in now]
    captions: dict[str, list[str]] = {}
    for sample in samples:
        captions.setdefault(sample.image_id, []).append(sample.caption)
    given = {loss.sample_id: loss.loss_mean for loss in numbers or ()}
    if epoch == 0:
        proposals = propose_before_training(
            known,
            curation=curation,
            details=details,
            prompt_mode=prompt_mode,
            captions=captions,
            seed=seed,
            given=given,
        )
    else:
        proposals = propose(
            known,
            numbers or (),
            epoch=epoch,
            curation=curation,
            details=details,
            prompt_mode=prompt_mode,
            captions=captions,
            uses=_uses(earlier, names, prompt_mode, captions),
            seed=seed,
            given=given,
        )
    candidates = [Candidate(names[name], 1, file=file) for name, file in (drawn or {}).items()]
    edits = settle(proposals, epoch=epoch, candidates=candidates)
    own = {name: sample_id for sample_id, name in names.items()}
    return [_in_own_words(edit, own) for edit in edits]


def asks_for_image(edit: Edit) -> bool:
    """Whether an edit is one that an image is drawn for."""
    return edit.action in ACTIONS and ACTIONS[edit.action].generates_images


def is_drawn(edit: Edit) -> bool:
    """Whether an edit is not one that waits for its image."""
    return edit.after is None or edit.after.file is not None


def _check_samples(samples: Sequence[Sample], drawn: Iterable[str]) -> None:
    faults = [
        f'sample {shown(sample.sample_id)} has no file ("" where it is of no matter)'
        for sample in samples
        if sample.file is None
    ]
    seen: set[str] = set()
    for sample in samples:
        if sample.sample_id in seen:
            faults.append(f"sample {shown(sample.sample_id)} is there twice")
        seen.add(sample.sample_id)
    faults += [
        f"an image was drawn for {shown(name)}: unknown" for name in drawn if name not in seen
    ]
    if not samples:
        faults.append("there is none")
    if faults:
        raise InputError(list_faults("samples", faults))


def _of_samples(
    losses: Losses, samples: Sequence[Sample], names: Mapping[str, str]
) -> list[SampleLoss]:
    """The losses in the order of the samples, by the pipeline's ids."""
    by_id: dict[str, Any] = {}
    faults = []
    if isinstance(losses, Mapping):
        by_id = dict(losses)
    elif losses and isinstance(losses[0], SampleLoss):
        by_id = {each.sample_id: each for each in losses if isinstance(each, SampleLoss)}
    elif len(losses) == len(samples):
        by_id = {sample.sample_id: loss for sample, loss in zip(samples, losses, strict=True)}
    else:
        raise InputError(f"{len(losses)} losses, but {len(samples)} samples")
    faults += [f"there is no sample {shown(name)}" for name in by_id if name not in names]
    found = []
    for sample in samples:
        name = sample.sample_id
        loss: Any = by_id.get(name)
        if isinstance(loss, SampleLoss):
            found.append(replace(loss, sample_id=names[name]))
        elif loss is None:
            faults.append(f"no loss of sample {shown(name)}")
        elif not math.isfinite(loss):
            faults.append(f"the loss of sample {shown(name)} must be a finite number, not {loss}")
        else:
            number = float(loss)
            found.append(SampleLoss(names[name], number, number, 1, number))
    if faults:
        raise InputError(list_faults("losses", faults))
    return found


# The pipeline's sample ids say which of its image's captions a sample began with.


def _pipeline_ids(samples: Iterable[Sample]) -> dict[str, str]:
    """The id that the pipeline would give each sample, by its own."""
    count: dict[str, int] = {}
    names = {}
    for sample in samples:
        position = count.get(sample.image_id, 0)
        count[sample.image_id] = position + 1
        names[sample.sample_id] = f"{sample.image_id}#{position}"
    return names


def _renamed(sample: Sample, names: Mapping[str, str]) -> Sample:
    return replace(sample, sample_id=names[sample.sample_id])


def _in_own_words(edit: Edit, own: Mapping[str, str]) -> Edit:
    """The edit with the sample's own id; not accepted while its image is not drawn."""
    waits = not is_drawn(edit)
    return replace(
        edit,
        before=_renamed(edit.before, own),
        after=edit.after and _renamed(edit.after, own),
        accepted=edit.accepted and not waits,
        reason=NOT_DRAWN if waits else edit.reason,
    )


def _uses(
    earlier: Sequence[Edit],
    names: Mapping[str, str],
    prompt_mode: str,
    captions: Mapping[str, Sequence[str]],
) -> Uses:
    """What earlier rounds used up, as far as their edits say what was proposed."""
    uses: Uses = {}
    for edits in edits_by_epoch(earlier).values():
        renamed = [
            replace(
                edit,
                before=_renamed(edit.before, names),
                after=edit.after and _renamed(edit.after, names),
            )
            for edit in edits
        ]
        add_uses(
            uses,
            map(_proposal_of, renamed),
            renamed,
            prompt_mode=prompt_mode,
            captions=captions,
        )
    return uses


def _proposal_of(edit: Edit) -> Proposal:
    """What an edit was made of: an image was still to be drawn."""
    after = edit.after
    if after is not None and asks_for_image(edit):
        after = replace(after, file=None)
    return Proposal(edit.action, edit.before, after, edit.evidence, edit.reason)
