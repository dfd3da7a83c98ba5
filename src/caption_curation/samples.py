"""The training set as data: images with captions, samples, and what a captioner loses on them.

A *sample* is one (image, caption) pair. Curation never changes one in place; what it does is
written down as edits (:mod:`caption_curation.edits`). Everything is stored as JSON Lines, one
record per line, UTF-8.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any

from caption_curation import paths

# For others too, beside what writes such files.
from caption_curation.support.reading import iterate_json_lines as iterate_json_lines  # noqa: PLC0414
from caption_curation.support.reading import read_json_lines as read_json_lines  # noqa: PLC0414


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
    captions; it never changes. ``file`` is the image that the sample shows, relative to the
    project; ``None`` is a synthetic one that has not been drawn yet. ``replicate`` is ``None``
    while that is the photograph, otherwise the number of the synthetic image (0, 1, …).
    """

    sample_id: str
    image_id: str
    file: str | None
    caption: str
    replicate: int | None = None


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


def has_word(text: str) -> bool:
    """Whether a caption has a letter or a digit of any script.

    Three dots or a blank of no width (U+200B) describe nothing.
    """
    return any(map(str.isalnum, text))


def samples_of(
    images: Iterable[CaptionedImage], photographs: Path = paths.PHOTOGRAPHS
) -> list[Sample]:
    """Every (image, caption) pair of a split, images in order, captions in order.

    Args:
        images: of the split.
        photographs: the folder that their files are in.
    """
    folder = photographs.as_posix()
    return [
        Sample(f"{image.image_id}#{position}", image.image_id, file, caption)
        for image in images
        for file in [f"{folder}/{image.file_name}"]
        for position, caption in enumerate(image.captions)
    ]


def in_corpus_order(samples: Iterable[Sample], images: Iterable[CaptionedImage]) -> list[Sample]:
    """Samples in the order of the split's images, and of each image's captions."""
    order = {image.image_id: number for number, image in enumerate(images)}
    return sorted(samples, key=lambda each: (order[each.image_id], _position(each)))


def references_of(images: Iterable[CaptionedImage]) -> dict[str, tuple[str, ...]]:
    """Image id → the captions that people wrote."""
    return {image.image_id: image.captions for image in images}


def original_caption(sample: Sample, captions: Sequence[str]) -> str:
    """The caption that a sample began with.

    Args:
        sample: in any state.
        captions: the original captions of its image.
    """
    return captions[_position(sample)]


def _position(sample: Sample) -> int:
    return int(sample.sample_id.rpartition("#")[2])


def other_captions(sample: Sample, captions: Sequence[str]) -> list[str]:
    """The original captions of a sample's image but the one that it began with, however often.

    Args:
        sample: in any state.
        captions: the original captions of its image.
    """
    own = original_caption(sample, captions)
    return [caption for caption in captions if caption != own]


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
            lines.write(json.dumps(record, ensure_ascii=False, default=_plain) + "\n")
    os.replace(partial, path)


def _plain(record: Any) -> dict[str, Any]:
    """The fields of a dataclass instance; ``asdict`` copies deeply, and takes ten times as long."""
    return {name: getattr(record, name) for name in _field_names(record.__class__)}


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


# Below, what many records have in common is held in memory once: of half a million samples, the
# captions, ids and files that several lists name are what a list takes most room for.


def read_images(path: Path) -> list[CaptionedImage]:
    """The images of a corpus split, as written by the corpus stage."""
    return [
        CaptionedImage(
            intern(record["image_id"]), record["file_name"], tuple(map(intern, record["captions"]))
        )
        for record in iterate_json_lines(path)
    ]


def read_samples(path: Path) -> list[Sample]:
    """The samples of a training set, as written by the settle stage."""
    return [
        Sample(
            intern(record["sample_id"]),
            intern(record["image_id"]),
            # A photograph is shown by several samples, a synthetic image by one.
            intern(record["file"]) if record["replicate"] is None else record["file"],
            intern(record["caption"]),
            record["replicate"],
        )
        for record in iterate_json_lines(path)
    ]


def read_losses(path: Path) -> list[SampleLoss]:
    """The per-sample losses of one epoch, as written by the score stage."""
    return [
        SampleLoss(**record | {"sample_id": intern(record["sample_id"])})
        for record in iterate_json_lines(path)
    ]
