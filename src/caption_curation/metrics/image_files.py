"""The image files that belong to captions read from files."""

from collections.abc import Sequence
from pathlib import Path

from caption_curation.coco_format import read_file_names
from caption_curation.support.errors import InputError, list_faults


def find_images(folder: Path, image_ids: Sequence[str], references: Path) -> list[Path]:
    """The image file of each id: the one that COCO captions name, else the one named after the id.

    An id may be a file's name with or without its suffix.

    Args:
        folder: of the images.
        image_ids: whose files to find; for captions in text files these are line numbers.
        references: the file of the references; if it is JSON, its images may have a ``file_name``.

    Raises:
        InputError: images are missing, or several files are named after an id; all are listed.
    """
    named: dict[str, str] = {}
    if references.suffix.lower() == ".json":
        named = read_file_names(references)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    by_name: dict[str, list[Path]] = {}
    paths = sorted(folder.iterdir())
    for path in paths:
        by_name.setdefault(path.stem, []).append(path)
    by_name |= {path.name: [path] for path in paths}
    files, faults = [], []
    for image_id in image_ids:
        found = [folder / named[image_id]] if image_id in named else by_name.get(image_id, [])
        if len(found) == 1 and _is_file(found[0]):
            files.append(found[0])
        elif len(found) > 1:
            faults.append(f"{image_id}: {' and '.join(path.name for path in found)}")
        else:
            faults.append(f"{image_id}: no file {named.get(image_id, image_id + '.*')}")
    if faults:
        raise InputError(list_faults(f"{folder}: images that are missing or ambiguous", faults))
    return files


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False
