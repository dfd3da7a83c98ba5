"""Files of references: COCO's captions, BLIP's annotations (the authors' too), a corpus split."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from caption_curation.coco_format import read_references
from caption_curation.samples import read_images
from caption_curation.support.errors import InputError, list_faults


def read_references_by_id(path: Path) -> dict[str, list[str]]:
    """The references of images by id; those without any word are left out.

    Args:
        path: COCO's captions (``.json``, an object); BLIP's annotations (``.json``, a list,
            ``[{"image": "FOLDER/123.jpg", "caption": ["…", …]}, …]``), in which the id is the
            file's name; or a corpus split (``.jsonl``).

    Raises:
        InputError: there is no such file, or it is something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    references: Mapping[str, Sequence[str]]
    if path.suffix.lower() != ".json":
        references = _of_corpus(path)
    elif _begins_with_list(path):
        references = _of_blip(path)
    else:
        references = read_references(path)
    return {
        image_id: [text for text in texts if text.strip()] for image_id, texts in references.items()
    }


def _of_corpus(path: Path) -> Mapping[str, Sequence[str]]:
    try:
        return {str(image.image_id): image.captions for image in read_images(path)}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: neither COCO's captions (.json) nor a corpus split with image_id, "
            f"file_name and captions in every line ({error!r})"
        ) from error


def _begins_with_list(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.read(100).lstrip().startswith("[")


def _of_blip(path: Path) -> Mapping[str, Sequence[str]]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: malformed JSON ({error})") from error
    faults = [f"entry {position}" for position, entry in enumerate(entries) if not _is_blip(entry)]
    if faults:
        raise InputError(
            list_faults(
                f'{path}: a list of references is [{{"image": "123.jpg", "caption": ["…"]}}, …], '
                "unlike these",
                faults,
            )
        )
    counts = Counter(Path(entry["image"]).name for entry in entries)
    if repeated := [name for name, count in counts.items() if count > 1]:
        raise InputError(list_faults(f"{path}: images that occur several times", repeated))
    return {Path(entry["image"]).name: entry["caption"] for entry in entries}


def _is_blip(entry: Any) -> bool:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        return False
    captions = entry.get("caption")
    return (
        bool(Path(entry["image"]).name)
        and isinstance(captions, list)
        and all(isinstance(caption, str) for caption in captions)
    )
