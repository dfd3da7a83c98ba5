"""The training set as data: images with captions, samples, and the edits that curation makes.

A *sample* is one (image, caption) pair. Curation never changes a sample in place: it writes
:class:`Edit` records, and :func:`apply_edits` turns a list of samples and edits into a new list.
The edit log is therefore the whole record of what curation did, and replays without a GPU.
Everything is stored as JSON Lines, one record per line, UTF-8.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# For others too, beside what writes such files.
from caption_curation.support.reading import read_json_lines as read_json_lines  # noqa: PLC0414

KEEP = "keep"  # the action of an edit that leaves a chosen sample as it is


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """One image of a corpus split with its captions.

    ``file_name`` is relative to the corpus's ``images`` folder.
    """

    image_id: str
    file_name: str
    captions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One (image, caption) training pair.

    ``sample_id`` is ``IMAGE_ID#POSITION``, the position of the original caption among the image's
    captions; it never changes. ``replicate`` is ``None`` while the sample shows the photograph
    ``file_name``; otherwise the sample shows the ``replicate``-th synthetic image (0, 1, …).
    """

    sample_id: str
    image_id: str
    file_name: str
    caption: str
    replicate: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """What curation did to one chosen sample after one epoch (0: before training).

    ``action`` is a name of the table of actions (:mod:`caption_curation.curation.actions`), or
    ``keep`` when the sample was chosen but had no alternative left; ``reason`` then says why.
    ``after`` is ``None`` where the sample is removed. ``score`` is the score that it was chosen
    by; ``None`` where the choice was made without one (the static schedule).
    """

    sample_id: str
    epoch: int
    action: str
    before: Sample
    after: Sample | None
    score: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SampleLoss:
    """The captioner's loss on one sample, in nats, with dropout and augmentation off.

    ``loss_sum`` is the summed cross-entropy of the caption's ``tokens`` target tokens (the prompt
    and padding excluded, the end token included); ``loss_mean`` is ``loss_sum / tokens``.
    ``loss_sum_smoothed`` is the same sum with the label smoothing of training; ``None`` in files
    that were written before it was recorded.
    """

    sample_id: str
    loss_sum: float
    loss_mean: float
    tokens: int
    loss_sum_smoothed: float | None = None


def samples_of(images: Iterable[CaptionedImage]) -> list[Sample]:
    """Every (image, caption) pair of a split, images in order, captions in order."""
    return [
        Sample(f"{image.image_id}#{position}", image.image_id, image.file_name, caption)
        for image in images
        for position, caption in enumerate(image.captions)
    ]


def references_of(images: Iterable[CaptionedImage]) -> dict[str, tuple[str, ...]]:
    """Image id → the captions that people wrote."""
    return {image.image_id: image.captions for image in images}


def original_caption(sample: Sample, captions: Sequence[str]) -> str:
    """The caption that a sample began with.

    Args:
        sample: in any state.
        captions: the original captions of its image.
    """
    return captions[int(sample.sample_id.rpartition("#")[2])]


def other_captions(sample: Sample, captions: Sequence[str]) -> list[str]:
    """The original captions of a sample's image but the one that it began with, however often.

    Args:
        sample: in any state.
        captions: the original captions of its image.
    """
    own = original_caption(sample, captions)
    return [caption for caption in captions if caption != own]


def apply_edits(samples: Sequence[Sample], edits: Iterable[Edit]) -> list[Sample]:
    """The training set after ``edits``, in the order of ``samples``; the inputs stay untouched.

    Raises:
        ValueError: an edit is for a sample that is not there, or not in the state that the edit
            was made for (the log and the training set do not belong together).
    """
    current: dict[str, Sample | None] = {sample.sample_id: sample for sample in samples}
    for edit in edits:
        if current.get(edit.sample_id) != edit.before:
            raise ValueError(
                f"edit of sample {edit.sample_id!r} after epoch {edit.epoch} expects "
                f"{edit.before}, but the training set has {current.get(edit.sample_id)}"
            )
        current[edit.sample_id] = edit.after
    return [sample for sample in current.values() if sample is not None]


def edits_by_epoch(edits: Iterable[Edit]) -> dict[int, list[Edit]]:
    """Epoch → its edits, in the order of the log; only epochs that have any."""
    by_epoch: dict[int, list[Edit]] = {}
    for edit in edits:
        by_epoch.setdefault(edit.epoch, []).append(edit)
    return by_epoch


def fraction_count(fraction: float, n: int) -> int:
    """``floor(fraction · n)``: how many of ``n`` things a fraction of them is.

    A tiny term corrects products that floating point puts just below a whole number:
    0.29 · 100 is 28.999999999999996, but 29 % of 100 are 29.
    """
    return math.floor(fraction * n + 1e-9)


def write_json_lines(path: Path, records: Iterable[Any]) -> None:
    """Write dataclass instances (or plain dicts), one JSON object per line, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as lines:
        for record in records:
            plain = record if isinstance(record, dict) else asdict(record)
            lines.write(json.dumps(plain, ensure_ascii=False) + "\n")
    os.replace(partial, path)


def read_images(path: Path) -> list[CaptionedImage]:
    """The images of a corpus split, as written by the corpus stage."""
    return [
        CaptionedImage(record["image_id"], record["file_name"], tuple(record["captions"]))
        for record in read_json_lines(path)
    ]


def read_samples(path: Path) -> list[Sample]:
    """The samples of a training set, as written by the curate stage."""
    return [Sample(**record) for record in read_json_lines(path)]


def read_edits(path: Path) -> list[Edit]:
    """An edit log, oldest edit first."""
    return [
        Edit(
            **{
                **record,
                "before": Sample(**record["before"]),
                "after": Sample(**record["after"]) if record["after"] else None,
            }
        )
        for record in read_json_lines(path)
    ]


def read_losses(path: Path) -> list[SampleLoss]:
    """The per-sample losses of one epoch, as written by the score stage."""
    return [SampleLoss(**record) for record in read_json_lines(path)]
