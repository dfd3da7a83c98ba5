"""COCO's captions JSON, as ``pycocotools`` reads it, beside a folder of pictures.

``annotations/captions_SPLIT.json`` has an image for each picture and an annotation for each sample.
Ids are numbers from 1, over all splits: COCO's own, and those of other corpora that are no numbers,
cannot be told apart from each other once synthetic images are among them. An annotation holds its
row too, in which the corpus's id of the image is called ``source_image_id``.
"""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

from caption_curation.exports.pictures import copy_pictures
from caption_curation.exports.rows import Contents, Row
from caption_curation.pictures.reading import read_header
from caption_curation.support.outputs import write_atomically

IMAGES = "images"
ANNOTATIONS = "annotations"
UNKNOWN = 0  # the id of no licence


def write_coco(contents: Contents, folder: Path) -> None:
    """Write the pictures, and the annotations of each split."""
    copy_pictures(contents, folder / IMAGES)
    image_ids = {name: number for number, name in enumerate(contents.pictures, start=1)}
    numbers = count(1)
    for split, rows in contents.splits.items():
        licences = _licences(rows)
        content = {
            "info": {"description": f"The split {split}, exported by caption-curation."},
            "licenses": [{"id": number, "name": name} for name, number in licences.items()],
            "images": [
                _image(name, image_ids[name], contents, rows_of_it, licences)
                for name, rows_of_it in _by_picture(rows).items()
            ],
            "annotations": [
                _annotation(row, next(numbers), image_ids[row.file_name]) for row in rows
            ],
        }
        text = json.dumps(content, ensure_ascii=False) + "\n"
        write_atomically(folder / ANNOTATIONS / f"captions_{split}.json", text)


def _image(
    name: str, number: int, contents: Contents, rows: Sequence[Row], licences: dict[str, int]
) -> dict[str, Any]:
    width, height = read_header(contents.pictures[name].path).size
    licence = rows[0].licence
    return {
        "id": number,
        "file_name": name,
        "width": width,
        "height": height,
        "license": UNKNOWN if licence is None else licences[licence],
        "source_url": rows[0].source_url,
    }


def _annotation(row: Row, number: int, image_id: int) -> dict[str, Any]:
    record = row.record()
    record["source_image_id"] = record.pop("image_id")
    del record["file_name"]
    return {"id": number, "image_id": image_id, **record}


def _licences(rows: Sequence[Row]) -> dict[str, int]:
    names = sorted({row.licence for row in rows if row.licence is not None})
    return {name: number for number, name in enumerate(names, start=1)}


def _by_picture(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.file_name, []).append(row)
    return found
