"""The sets on disk: what the page may show to annotators and, separately, what it may not.

A study is a folder with ``sets.json``, the image ids of each set; ``sets/set_1``, ``set_2`` and so
on, each with ``images/`` and ``page.json``; and ``manifest.json`` with the losses. Annotations come
into it later.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from caption_curation.support.errors import InputError

SETS_FILE = "sets.json"
SETS = "sets"
MANIFEST = "manifest.json"
PAGE = "page.json"
ANNOTATIONS = "annotations"  # CODE.jsonl of each annotator; part of the repository
AUTOMATIC = "automatic"  # the same, of the demo's simulated annotators
VERDICTS = "verdicts.jsonl"  # what the demo's checker finds wrong in each image

Group = Literal["low", "high"]  # of an image's loss


@dataclass(frozen=True, slots=True)
class StudyImage:
    """An image of a study, with everything that is known about it.

    Attributes:
        image_id: as annotations name it.
        set: number of its set, from 1.
        group: whether its loss is among the lowest or the highest.
        rank: in its group, from 0, by ascending loss.
        loss: the captioner's.
        clipscore: where it is known.
        file: the image.
        references: those that annotators see.
    """

    image_id: str
    set: int
    group: Group
    rank: int
    loss: float
    clipscore: float | None
    file: Path
    references: tuple[str, ...]


def set_folder(study: Path, number: int) -> Path:
    """The folder of a set, numbered from 1."""
    return study / SETS / f"set_{number}"


def read_study(study: Path) -> tuple[str, list[StudyImage]]:
    """The unit of the losses, and all images of a study in the order of the manifest.

    Raises:
        InputError: the folder is not a study.
    """
    try:
        manifest = json.loads((study / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{study}: no study ({error}); `caption-curation human-study build` makes one of "
            "losses, images and references"
        ) from error
    shown: dict[str, dict[str, Any]] = {}
    for number in sorted({record["set"] for record in manifest["images"]}):
        folder = set_folder(study, number)
        page = json.loads((folder / PAGE).read_text(encoding="utf-8"))
        shown |= {
            record["image_id"]: {
                "file": folder / record["file"],
                "references": tuple(record["references"]),
            }
            for record in page["images"]
        }
    images = [StudyImage(**record, **shown[record["image_id"]]) for record in manifest["images"]]
    return manifest["loss_unit"], images
