"""Karpathy's JSON form, which this pipeline and many others read, beside a folder of pictures."""

import json
import re
from itertools import count
from pathlib import Path
from typing import Any

from caption_curation.exports.pictures import copy_pictures
from caption_curation.exports.rows import Contents
from caption_curation.support.outputs import write_atomically

IMAGES = "images"
ANNOTATIONS = "dataset.json"


def write_karpathy(contents: Contents, folder: Path) -> None:
    """Write the pictures, and one file with an entry for each of them and its sentences.

    ``imgid`` counts pictures and ``sentid`` samples, from 0; a sentence holds its row too.
    ``tokens`` are lower-case words: who compares with the literature tokenizes ``raw``.
    """
    copy_pictures(contents, folder / IMAGES)
    images: list[dict[str, Any]] = []
    sentence_ids = count()
    for split, rows in contents.splits.items():
        of_picture: dict[str, dict[str, Any]] = {}
        for row in rows:
            image = of_picture.setdefault(
                row.file_name,
                {
                    "filename": row.file_name,
                    "imgid": len(images) + len(of_picture),
                    "split": split,
                    "sentids": [],
                    "sentences": [],
                },
            )
            number = next(sentence_ids)
            image["sentids"].append(number)
            image["sentences"].append(
                {
                    "raw": row.caption,
                    "tokens": re.findall(r"\w+", row.caption.lower()),
                    "imgid": image["imgid"],
                    "sentid": number,
                    **{
                        name: value
                        for name, value in row.record().items()
                        if name not in ("file_name", "caption")
                    },
                }
            )
        images += of_picture.values()
    content = {"dataset": "caption-curation", "images": images}
    write_atomically(folder / ANNOTATIONS, json.dumps(content, ensure_ascii=False) + "\n")
