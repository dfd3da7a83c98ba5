"""Files of references: COCO's captions, BLIP's annotations (the authors' too), a corpus split."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from caption_curation.coco_format import references_in
from caption_curation.samples import has_word
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json, read_json_rows
from caption_curation.support.rows import Identifier, Row, Text, check, name_rows, repetitions


def read_references_by_id(path: Path) -> dict[str, list[str]]:
    """The references of images by id; those without any word are left out.

    Args:
        path: COCO's captions (``.json``, an object); BLIP's annotations (``.json``, a list,
            ``[{"image": "FOLDER/123.jpg", "caption": ["…", …]}, …]``), in which the id is the
            file's name; or a corpus split (``.jsonl``).

    Raises:
        InputError: there is no such file, or it is something else.
    """
    references: Mapping[str, Sequence[str]]
    if path.suffix.lower() != ".json":
        references = _of_corpus(path)
    elif isinstance(content := read_json(path), list):
        references = _of_blip(content, path)
    else:
        references = references_in(content, path)
    return {
        image_id: [text for text in texts if has_word(text)]
        for image_id, texts in references.items()
    }


class _OfCorpus(Row):
    image_id: Identifier
    captions: list[Text]


class _OfBlip(Row):
    image: Text
    caption: list[Text]


def _of_corpus(path: Path) -> Mapping[str, Sequence[str]]:
    expected = "a line for each image with image_id and captions (or COCO's captions, .json)"
    rows = read_json_rows(path, _OfCorpus, expected)
    _check_unique("line", {number: str(row.image_id) for number, row in rows.items()}, path)
    return {str(row.image_id): row.captions for row in rows.values()}


def _of_blip(content: list[Any], path: Path) -> Mapping[str, Sequence[str]]:
    faults: list[str] = []
    entries = check(list[_OfBlip], content, faults)
    if entries is None:
        raise InputError(
            list_faults(
                f'{path}: a list of references is [{{"image": "123.jpg", "caption": ["…"]}}, …]; '
                "faults",
                faults,
            )
        )
    names = {position: PurePosixPath(entry.image).name for position, entry in enumerate(entries)}
    if nameless := [position for position, name in names.items() if not name]:
        raise InputError(f"{path}: {name_rows('entry', nameless)}: image must be a file's name")
    _check_unique("entry", names, path)
    return {names[position]: entry.caption for position, entry in enumerate(entries)}


def _check_unique(row: str, image_ids: Mapping[int, str], path: Path) -> None:
    if repeated := repetitions(row, image_ids):
        raise InputError(list_faults(f"{path}: images that occur several times", repeated))
