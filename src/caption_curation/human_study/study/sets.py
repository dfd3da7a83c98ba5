"""The sets on disk: what the page may show to annotators and, separately, what it may not.

A study is a folder with ``sets.json``, the image ids of each set; ``sets/set_1``, ``set_2`` and so
on, each with ``images/`` and ``page.json``; and ``manifest.json`` with the losses. Annotations come
into it later.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Row, Text, check

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


class _Record(Row):
    image_id: Text
    set: Annotated[int, Field(ge=1)]
    group: Group
    rank: Annotated[int, Field(ge=0)]
    loss: float
    clipscore: float | None


class _Manifest(Row):
    loss_unit: Text
    images: list[_Record]


class _Shown(Row):
    image_id: Text
    file: Text
    references: tuple[Text, ...] = Field(strict=False)


class _Page(Row):
    images: list[_Shown]


def set_folder(study: Path, number: int) -> Path:
    """The folder of a set, numbered from 1."""
    return study / SETS / f"set_{number}"


def read_study(study: Path) -> tuple[str, list[StudyImage]]:
    """The unit of the losses, and all images of a study in the order of the manifest.

    Raises:
        InputError: the folder is not a study.
    """
    faults: list[str] = []
    try:
        manifest = check(_Manifest, read_json(study / MANIFEST), faults)
    except InputError as error:
        raise InputError(
            f"{study}: no study ({error}); `caption-curation human-study build` makes one of "
            "losses, images and references"
        ) from error
    if manifest is None:
        raise InputError(list_faults(f"faults in {study / MANIFEST}", faults))
    shown: dict[tuple[int, str], tuple[Path, _Shown]] = {}
    for number in sorted({record.set for record in manifest.images}):
        folder = set_folder(study, number)
        page = check(_Page, read_json(folder / PAGE), faults)
        if page is None:
            raise InputError(list_faults(f"faults in {folder / PAGE}", faults))
        shown |= {(number, image.image_id): (folder / image.file, image) for image in page.images}
    images = []
    for record in manifest.images:
        if (record.set, record.image_id) not in shown:
            faults.append(f"{record.image_id!r} of set {record.set}: not in its {PAGE}")
            continue
        file, image = shown[record.set, record.image_id]
        images.append(StudyImage(**record.model_dump(), file=file, references=image.references))
    if faults:
        raise InputError(list_faults(f"faults in {study / MANIFEST}", faults))
    return manifest.loss_unit, images
