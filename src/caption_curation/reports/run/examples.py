"""Which edits and which captions the report shows: pure functions, all chance passed in."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from caption_curation.edits import KEEP, Edit
from caption_curation.samples import CaptionedImage


@dataclass(frozen=True)
class SyntheticImage:
    """A synthetic image of the gallery: the name of its file and what it was made from."""

    file_name: str
    prompt: str


@dataclass(frozen=True)
class EditExample:
    """An edit with the loss of its sample before it and after the next epoch, if there is one.

    ``synthetic`` is the image that it gave the sample; ``None`` if it gave none.
    """

    edit: Edit
    loss_before: float | None
    loss_after: float | None
    synthetic: SyntheticImage | None


@dataclass(frozen=True)
class CaptionExample:
    """A generated caption of the test split; ``overlap`` is that with its closest reference."""

    image: CaptionedImage
    caption: str
    overlap: float


@dataclass(frozen=True)
class LossChange:
    """Mean loss of two groups of samples after one epoch, and after the next.

    Samples that were removed in between are in neither group. ``None`` where a group is empty.
    """

    epoch: int
    chosen: tuple[float, float] | None
    others: tuple[float, float] | None


def edit_examples(
    edits: Iterable[Edit],
    images: Mapping[tuple[str, int], SyntheticImage],
    losses: Mapping[str, float],
    *,
    per_epoch: int,
    rng: np.random.Generator,
) -> list[EditExample]:
    """Of one epoch the hardest samples that were edited, then as many at random.

    A static choice at random knows no hardest, so its examples are all random.

    Args:
        edits: the accepted ones after the epoch, the hardest sample first. Samples that were chosen
            but kept are not shown.
        images: the synthetic images at hand, by sample id and epoch; only edits whose image is
            there are shown.
        losses: after the epoch, by sample id; empty before training.
        per_epoch: examples of one epoch, an even number; fewer where there are fewer.
        rng: draws the random half.

    Returns:
        The examples, still without the loss after the next epoch.
    """
    candidates = [
        edit
        for edit in edits
        if edit.action != KEEP
        and (edit.action != "replace_image" or (edit.sample_id, edit.epoch) in images)
    ]
    if not candidates:
        return []
    hard = 0 if candidates[0].score is None else per_epoch // 2
    hardest, others = candidates[:hard], candidates[hard:]
    count = min(per_epoch - hard, len(others))
    picked = rng.choice(len(others), size=count, replace=False)
    return [
        EditExample(
            edit,
            losses.get(edit.sample_id),
            None,
            images[edit.sample_id, edit.epoch] if edit.action == "replace_image" else None,
        )
        for edit in [*hardest, *(others[index] for index in sorted(picked))]
    ]


def loss_change(
    epoch: int, chosen: Collection[str], before: Mapping[str, float], after: Mapping[str, float]
) -> LossChange:
    """What the next epoch did to the loss of the samples chosen after this one, and of the others.

    Args:
        epoch: after which they were chosen, from 1.
        chosen: their ids.
        before: the losses after the epoch, by sample id.
        after: those after the next one.
    """
    groups: dict[bool, list[str]] = {True: [], False: []}
    for sample_id in after:
        groups[sample_id in chosen].append(sample_id)
    means = {
        is_chosen: (
            float(np.mean([before[sample_id] for sample_id in group])),
            float(np.mean([after[sample_id] for sample_id in group])),
        )
        for is_chosen, group in groups.items()
        if group
    }
    return LossChange(epoch, means.get(True), means.get(False))


def word_overlap(caption: str, references: Iterable[str]) -> float:
    """F1 of the caption's words with those of its closest reference, 0 to 1.

    Crude, but unlike CIDEr it is a measure of one image.
    """

    def f1(words: Counter[str], reference: Counter[str]) -> float:
        total = words.total() + reference.total()
        return 2 * (words & reference).total() / total if total else 0.0

    words = _words(caption)
    return max(f1(words, _words(reference)) for reference in references)


def caption_examples(
    images: Sequence[CaptionedImage],
    captions: Mapping[str, str],
    *,
    any_of: int,
    extremes: int,
    rng: np.random.Generator,
) -> dict[str, list[CaptionExample]]:
    """Captions of the test split to show, each image at most once.

    Returns:
        ``random``: ``any_of`` images in the order of the split; then of the others the
        ``extremes`` whose captions are ``closest`` to a reference, and ``furthest`` from all.
        Fewer where there are fewer.
    """
    examples = [
        CaptionExample(
            image,
            captions[image.image_id],
            word_overlap(captions[image.image_id], image.captions),
        )
        for image in images
    ]
    picked = set(rng.choice(len(examples), size=min(any_of, len(examples)), replace=False).tolist())
    others = [example for index, example in enumerate(examples) if index not in picked]
    others.sort(key=lambda example: example.overlap, reverse=True)
    extremes = min(extremes, len(others) // 2)
    return {
        "random": [example for index, example in enumerate(examples) if index in picked],
        "closest": others[:extremes],
        "furthest": others[::-1][:extremes],
    }


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", text.lower()))
