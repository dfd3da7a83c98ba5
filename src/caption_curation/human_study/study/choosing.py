"""Which images people look at: those with the lowest and the highest loss (paper, section 5.2)."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.human_study.study.sets import Group
from caption_curation.support.errors import InputError, list_faults

SHORT_REFERENCE_WORDS = 20  # references with fewer words are shown first, as in the paper


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """A generated image with the captioner's loss on it and, where it is known, its CLIPScore.

    ``image_id`` is a number or a string, as in the file that it was read from.
    """

    image_id: int | str
    loss: float
    clipscore: float | None = None


@dataclass(frozen=True, slots=True)
class ChosenImage:
    """An image of a set; ``rank`` counts from 0 in its group, by ascending loss."""

    image: ScoredImage
    group: Group
    rank: int


def read_scored_images(path: Path) -> list[ScoredImage]:
    """Read ``[{"image_id": …, "loss": …}, …]``; an entry may have a ``clipscore`` too.

    Raises:
        InputError: there is no such file, or it is malformed; all faults are listed.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or not UTF-8
        raise InputError(f"{path}: malformed JSON ({error})") from error
    if not isinstance(entries, list):
        raise InputError(f'{path}: expected a list, [{{"image_id": …, "loss": …}}, …]')
    faults = [
        f"entry {position}: {fault}"
        for position, entry in enumerate(entries)
        for fault in _faults_of_entry(entry)
    ]
    if faults:
        raise InputError(list_faults(f"{path}: malformed losses", faults))
    images = [
        ScoredImage(entry["image_id"], float(entry["loss"]), entry.get("clipscore"))
        for entry in entries
    ]
    # 17 and "17" would have the same file name and the same annotations.
    counts = Counter(str(image.image_id) for image in images)
    if repeated := [image_id for image_id, count in counts.items() if count > 1]:
        raise InputError(list_faults(f"{path}: image ids that occur several times", repeated))
    return images


def choose_sets(
    images: Sequence[ScoredImage], *, images_per_group: int, sets: int
) -> list[list[ChosenImage]]:
    """Split the images of lowest and of highest loss into sets of equal size.

    With 50 images per group and 5 sets, set i (from 0) holds the ranks 10i to 10i + 9 of the fifty
    lowest losses, then the same ranks of the fifty highest, all in ascending order. Images of equal
    loss are in the order of their ids, numbers before strings.

    Raises:
        InputError: there are too few images, or the groups cannot be split evenly.
    """
    if images_per_group < 1 or sets < 1 or images_per_group % sets:
        raise InputError(
            f"{images_per_group} images per group cannot be split into {sets} sets: both must be "
            "positive, and the first a multiple of the second"
        )
    if len(images) < 2 * images_per_group:
        largest = len(images) // 2 // sets * sets
        hint = f"at most {largest} per group are possible with {sets} sets" if largest else ""
        raise InputError(
            f"{len(images)} images are too few: {images_per_group} of the lowest and "
            f"{images_per_group} of the highest loss were asked for"
            f"{'; ' if hint else ''}{hint}"
        )
    ordered = sorted(
        images, key=lambda image: (image.loss, isinstance(image.image_id, str), image.image_id)
    )
    groups: dict[Group, list[ScoredImage]] = {
        "low": ordered[:images_per_group],
        "high": ordered[-images_per_group:],
    }
    size = images_per_group // sets
    return [
        [
            ChosenImage(group[rank], name, rank)
            for name, group in groups.items()
            for rank in range(start, start + size)
        ]
        for start in range(0, images_per_group, size)
    ]


def shown_references(references: Sequence[str], count: int) -> list[str]:
    """The references that annotators see: short ones first, otherwise in order."""
    by_length = sorted(references, key=lambda text: len(text.split()) >= SHORT_REFERENCE_WORDS)
    return by_length[:count]


def _faults_of_entry(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [f"must be an object, not {entry!r}"]
    faults = []
    image_id = entry.get("image_id")
    if isinstance(image_id, bool) or not isinstance(image_id, int | str) or image_id == "":
        faults.append(f"image_id must be an integer or a string, not {image_id!r}")
    if not _is_finite(entry.get("loss")):
        faults.append(f"loss must be a finite number, not {entry.get('loss')!r}")
    if entry.get("clipscore") is not None and not _is_finite(entry["clipscore"]):
        faults.append(f"clipscore must be a finite number, not {entry['clipscore']!r}")
    return faults


def _is_finite(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
