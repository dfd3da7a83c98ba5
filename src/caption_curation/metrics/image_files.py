"""The image files that captions in files are about."""

import json
from collections.abc import Sequence
from pathlib import Path

from caption_curation.support.errors import InputError, list_faults


def find_images(folder: Path, image_ids: Sequence[str], references: Path) -> list[Path]:
    """The image of each id: as COCO captions name it, otherwise the file called like the id.

    Args:
        folder: of the images.
        image_ids: whose files to find; of captions in text files, the number of the line.
        references: the file of the references; its images may have a ``file_name`` if it is JSON.

    Raises:
        InputError: images are missing, or several files are called like an id; all are listed.
    """
    named: dict[str, str] = {}
    if references.suffix.lower() == ".json":
        images = json.loads(references.read_text(encoding="utf-8-sig"))["images"]
        named = {str(one["id"]): str(one["file_name"]) for one in images if "file_name" in one}
    called: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        called.setdefault(path.stem, []).append(path)
    files, faults = [], []
    for image_id in image_ids:
        found = [folder / named[image_id]] if image_id in named else called.get(image_id, [])
        if len(found) == 1 and found[0].is_file():
            files.append(found[0])
        elif len(found) > 1:
            faults.append(f"{image_id}: {' and '.join(path.name for path in found)}")
        else:
            faults.append(f"{image_id}: no file {named.get(image_id, image_id + '.*')}")
    if faults:
        raise InputError(list_faults(f"{folder}: images that cannot be told", faults))
    return files
