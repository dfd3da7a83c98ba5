"""A set of images as its annotators see it: images and references, and nothing about losses."""

import re
from functools import cached_property
from pathlib import Path

from pydantic import ConfigDict, Field

from caption_curation.pictures.reading import picture_fault
from caption_curation.rng import rng_for
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json
from caption_curation.support.rows import Row, Text, check


class PageImage(Row):
    """One image: its id, its file (``images/NAME`` in the set's folder), its references."""

    model_config = ConfigDict(extra="forbid")

    image_id: Text = Field(min_length=1)
    file: Text
    references: tuple[Text, ...] = Field(min_length=1, strict=False)


class _Page(Row):
    """page.json. Other keys are rejected, so that no loss gets onto a page by mistake."""

    model_config = ConfigDict(extra="forbid")

    set: int
    images: tuple[PageImage, ...] = Field(min_length=1, strict=False)


class StudySet:
    """The images of a set, by id, and the folder that holds them."""

    def __init__(self, number: int, folder: Path, images: tuple[PageImage, ...]) -> None:
        self.number = number
        self.folder = folder
        self.images = {image.image_id: image for image in images}

    @cached_property
    def file_paths(self) -> dict[str, Path]:
        """The image file of every image id."""
        return {key: self.folder / image.file for key, image in self.images.items()}

    def order_for(self, annotator: str) -> list[PageImage]:
        """The images in an order of the annotator's own, which reveals nothing of their losses."""
        images = list(self.images.values())
        order = rng_for("annotation order", self.number, annotator).permutation(len(images))
        return [images[position] for position in order]


def load_set(sets: Path, number: int) -> StudySet:
    """The set ``number`` of a folder of sets, checked.

    Raises:
        InputError: it is not there, or something is wrong with it; the message lists all faults.
    """
    folder = sets / f"set_{number}"
    path = folder / "page.json"
    if not path.is_file():
        there = (
            ", ".join(map(str, set_numbers(sets))) or "none (caption-curation human-study build)"
        )
        raise InputError(f"set {number}: no file {path}; sets in {sets}: {there}")
    faults: list[str] = []
    page = check(_Page, read_json(path), faults)
    if page is None:
        raise InputError(list_faults(f"faults in {path}", faults))
    study_set = StudySet(number, folder, page.images)
    if faults := _faults(page, study_set):
        raise InputError(list_faults(f"faults in {path}", faults))
    return study_set


def set_numbers(sets: Path) -> list[int]:
    """The numbers of the sets in a folder of sets."""
    names = (re.fullmatch(r"set_(\d+)", page.parent.name) for page in sets.glob("*/page.json"))
    return sorted(int(name[1]) for name in names if name)


def _faults(page: _Page, study_set: StudySet) -> list[str]:
    faults = []
    if page.set != study_set.number:
        faults.append(f"set = {page.set}, but the folder belongs to set {study_set.number}")
    if len(study_set.images) < len(page.images):
        faults.append("an image_id occurs twice")
    for key, path in study_set.file_paths.items():
        name = study_set.images[key].file
        if not re.fullmatch(r"images/[^/\\\0]+", name) or path.name == "..":
            faults.append(f"{key!r}: file = {name!r} must be images/ and a file name")
        elif fault := picture_fault(path, decode=False):
            faults.append(f"{key!r}: {path}: {fault}")
    return faults
