"""Building a study: the images of the sets, their references, and the manifest."""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from caption_curation.human_study.study.choosing import (
    ChosenImage,
    ReferencesShown,
    choose_sets,
    shown_references,
)
from caption_curation.human_study.study.image_ids import find_by_image_id
from caption_curation.human_study.study.references import read_references_by_id
from caption_curation.human_study.study.scored_images import read_scored_images
from caption_curation.human_study.study.sets import MANIFEST, PAGE, SETS, SETS_FILE
from caption_curation.metrics.image_files import find_images
from caption_curation.pictures.reading import picture_fault, read_header
from caption_curation.round_trip.items import one_file_each
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.outputs import atomic_folder, write_atomically
from caption_curation.support.reading import read_both
from caption_curation.synthetic_index import INDEX

SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp"}  # what every browser can show


def build_study(
    study: Path,
    losses: Path,
    *,
    clipscores: Path | None,
    images: Path | None,
    references: Path | None,
    images_per_group: int,
    sets: int,
    references_shown: ReferencesShown,
    loss_unit: str,
) -> list[list[ChosenImage]]:
    """Write ``sets.json`` and, of images and references, the sets' folders and the manifest.

    Args:
        study: the folder to write to.
        losses, clipscores: files as :func:`.scored_images.read_scored_images` reads them.
        images: a folder as :func:`image_files` reads it, or ``None`` for ``sets.json`` alone.
        references: a file as :func:`.references.read_references_by_id` reads it, for the images.
        images_per_group: of the lowest losses, and of the highest.
        sets: how many to split them into.
        references_shown: for each image, at least 1, or all.
        loss_unit: for the axes of figures.

    Returns:
        The sets.

    Raises:
        InputError: a file cannot be read, or there are too few images; nothing is written.
    """
    if (images is None) != (references is None):
        raise InputError("images and references: give both, or neither for sets.json alone")
    scored, texts_by_id = read_both(
        lambda: read_scored_images(losses, clipscores),
        lambda: read_references_by_id(references) if references else {},
    )
    chosen = choose_sets(scored, images_per_group=images_per_group, sets=sets)
    if images and references:
        image_ids = [str(shown.image.image_id) for of_set in chosen for shown in of_set]
        texts = find_by_image_id(image_ids, texts_by_id, references)
        check_references(image_ids, texts, references)
        write_sets(
            study,
            chosen,
            image_files(images, image_ids, references),
            texts,
            references_shown=references_shown,
            loss_unit=loss_unit,
        )
    write_set_lists(study, chosen)
    return chosen


def image_files(
    folder: Path, image_ids: Sequence[str], references: Path
) -> dict[str, tuple[Path, str]]:
    """The file of each image by id, and the suffix for a copy of it.

    Args:
        folder: with an index as the round trip writes it, of whose images of one original always
            the same is taken; or with files that the references name, if they are COCO's, or that
            are named after the ids.
        image_ids: of the images that are needed.
        references: the file of the references.

    Raises:
        InputError: images are missing, outside of the folder, or not JPEG, PNG or WebP files.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    if (folder / INDEX).is_file():
        by_id = find_by_image_id(image_ids, one_file_each(folder), folder / INDEX)
        if missing := [image_id for image_id in image_ids if image_id not in by_id]:
            raise InputError(list_faults(f"{folder / INDEX}: missing images", missing))
        files = {image_id: by_id[image_id] for image_id in image_ids}
    else:
        files = dict(zip(image_ids, find_images(folder, image_ids, references), strict=True))
    faults, found = [], {}
    for image_id, file in files.items():
        if not file.is_relative_to(folder) or ".." in file.relative_to(folder).parts:
            faults.append(f"{image_id}: {file} (outside of the folder)")
        elif fault := picture_fault(file, decode=True):
            faults.append(f"{image_id}: {file} ({fault})")
        elif (image_format := read_header(file).format) not in SUFFIXES:
            faults.append(f"{image_id}: {file} ({image_format})")
        else:
            found[image_id] = file, SUFFIXES[image_format]
    if faults:
        raise InputError(list_faults("images that are not JPEG, PNG or WebP files", faults))
    return found


def check_references(
    image_ids: Sequence[str], references: Mapping[str, Sequence[str]], path: Path
) -> None:
    """Raise an InputError that lists the images without references."""
    without = [image_id for image_id in image_ids if not references.get(image_id)]
    if without:
        raise InputError(list_faults(f"{path}: images without references", without))


def write_set_lists(study: Path, sets: Sequence[Sequence[ChosenImage]]) -> None:
    """Write ``sets.json``: a list of image ids for each set, as in the file of the losses."""
    _write_json(
        study / SETS_FILE, [[chosen.image.image_id for chosen in of_set] for of_set in sets]
    )


def write_sets(
    study: Path,
    sets: Sequence[Sequence[ChosenImage]],
    files: Mapping[str, tuple[Path, str]],
    references: Mapping[str, Sequence[str]],
    *,
    references_shown: ReferencesShown,
    loss_unit: str,
) -> None:
    """Write the folders of the sets and, outside of them, the manifest.

    ``page.json`` lists the images by id: an order by loss would reveal to annotators what the
    page is meant to hide from them.

    Raises:
        InputError: the study has a folder of sets that this function did not write.
    """
    folder = study / SETS
    if folder.exists():
        _check_replaceable(folder)
    with atomic_folder(folder) as built:
        for number, of_set in enumerate(sets, start=1):
            target = built / f"set_{number}"
            (target / "images").mkdir(parents=True)
            records = []
            for image_id in sorted(str(chosen.image.image_id) for chosen in of_set):
                source, suffix = files[image_id]
                name = f"images/{_file_name(image_id)}{suffix}"
                shutil.copyfile(source, target / name)
                shown = shown_references(references[image_id], references_shown)
                records.append({"image_id": image_id, "file": name, "references": shown})
            _write_json(target / PAGE, {"set": number, "images": records})
    images = [
        {
            "image_id": str(chosen.image.image_id),
            "set": number,
            "group": chosen.group,
            "rank": chosen.rank,
            "loss": chosen.image.loss,
            "clipscore": chosen.image.clipscore,
        }
        for number, of_set in enumerate(sets, start=1)
        for chosen in of_set
    ]
    _write_json(study / MANIFEST, {"loss_unit": loss_unit, "images": images})


def _file_name(image_id: str) -> str:
    """The id if it is a harmless file name, otherwise a hash of it."""
    if re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,99}", image_id):
        return image_id
    return hashlib.sha256(image_id.encode()).hexdigest()[:32]


def _check_replaceable(folder: Path) -> None:
    strange = [path.name for path in folder.iterdir() if not re.fullmatch(r"set_\d+", path.name)]
    if strange:
        raise InputError(
            list_faults(
                f"{folder} would be replaced, but contains something other than sets", strange
            )
        )


def _write_json(path: Path, content: object) -> None:
    write_atomically(
        path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
