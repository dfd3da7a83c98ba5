"""From chosen samples to edits (paper, section 3.2): pure functions.

Replacements are used up by counting uses in the edit log, so that an edit never depends on the
order in which anything was popped from a shared list, and a log replays to the same training set.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from caption_curation.samples import Edit, Sample


@dataclass(frozen=True)
class ChosenSample:
    """A sample that is to be curated, with the score that it was chosen by, if any."""

    sample: Sample
    score: float | None


def remove(chosen: Sequence[ChosenSample], *, epoch: int) -> list[Edit]:
    """Drop every chosen sample."""
    return [
        Edit(one.sample.sample_id, epoch, "remove", one.sample, None, one.score) for one in chosen
    ]


def replace_caption(
    chosen: Sequence[ChosenSample],
    *,
    epoch: int,
    captions: Mapping[str, Sequence[str]],
    log: Sequence[Edit],
    rng: np.random.Generator,
) -> list[Edit]:
    """Give every chosen sample another caption of its image, drawn at random.

    A caption replaces at most once per image: those that ``log`` or an earlier edit of this call
    has used are not drawn again. A sample whose image has no unused other caption is kept.

    Args:
        chosen: hardest first; the hardest has the first pick.
        epoch: after which the edits are made.
        captions: every image's original captions, by image id.
        log: all earlier edits.
        rng: draws the captions.
    """
    used = Counter(
        (edit.before.image_id, edit.after.caption)
        for edit in log
        if edit.action == "replace_caption" and edit.after
    )
    edits = []
    for one in chosen:
        sample = one.sample
        unused = [
            caption
            for caption in dict.fromkeys(captions[sample.image_id])
            if caption != sample.caption and not used[sample.image_id, caption]
        ]
        if not unused:
            edits.append(
                Edit(
                    sample.sample_id,
                    epoch,
                    "keep",
                    sample,
                    sample,
                    one.score,
                    reason="the image has no unused other caption",
                )
            )
            continue
        caption = unused[rng.integers(len(unused))]
        used[sample.image_id, caption] += 1
        after = replace(sample, caption=caption)
        edits.append(Edit(sample.sample_id, epoch, "replace_caption", sample, after, one.score))
    return edits


def replace_image(
    chosen: Sequence[ChosenSample],
    *,
    epoch: int,
    pair_with: str,
    prompt_mode: str,
    samples: Sequence[Sample],
    losses: Mapping[str, float],
    log: Sequence[Edit],
    rng: np.random.Generator,
) -> list[Edit]:
    """Give every chosen sample a synthetic image that no other sample was ever given.

    The images are numbered per prompt: with ``prompt_mode`` ``concat`` all samples of an image
    or ``sbert`` all samples of an image share the prompt, so they get its replicates 0, 1, 2, …;
    with ``single`` each caption has a prompt, and replicates, of its own.

    Args:
        chosen: hardest first.
        epoch: after which the edits are made.
        pair_with: the caption that goes with the synthetic image: ``keep`` the sample's, or one of
            its image that is easier for the captioner now: ``random_easier`` or ``easiest``; the
            sample's where none is.
        prompt_mode: ``single``, ``sbert`` or ``concat``.
        samples: the current training set.
        losses: the current loss by sample id; may be empty with ``keep``.
        log: all earlier edits.
        rng: draws the captions for ``random_easier``.
    """
    used = Counter(
        _prompt_of(edit.after, prompt_mode)
        for edit in log
        if edit.action == "replace_image" and edit.after
    )
    siblings: dict[str, list[Sample]] = {}
    for sample in samples:
        siblings.setdefault(sample.image_id, []).append(sample)
    edits = []
    for one in chosen:
        sample = one.sample
        caption = sample.caption
        if pair_with != "keep":
            caption = _easier_caption(sample, pair_with, siblings[sample.image_id], losses, rng)
        prompt = _prompt_of(replace(sample, caption=caption), prompt_mode)
        after = replace(sample, caption=caption, replicate=used[prompt])
        used[prompt] += 1
        edits.append(Edit(sample.sample_id, epoch, "replace_image", sample, after, one.score))
    return edits


def _prompt_of(sample: Sample, prompt_mode: str) -> tuple[str, ...]:
    """What a sample's synthetic images are numbered by."""
    return (sample.image_id, sample.caption) if prompt_mode == "single" else (sample.image_id,)


def _easier_caption(
    sample: Sample,
    pair_with: str,
    siblings: Sequence[Sample],
    losses: Mapping[str, float],
    rng: np.random.Generator,
) -> str:
    own_loss = losses[sample.sample_id]
    easier = [other for other in siblings if losses[other.sample_id] < own_loss]
    if not easier:
        return sample.caption
    if pair_with == "easiest":
        return min(easier, key=lambda other: losses[other.sample_id]).caption
    return easier[rng.integers(len(easier))].caption
