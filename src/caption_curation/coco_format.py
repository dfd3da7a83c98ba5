"""Captions in files: COCO's results and captions JSON, and plain text with one caption per line.

Image ids are strings here, whatever they are in a file: 17 and "17" are the same id.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_both, read_entries, read_json, read_text
from caption_curation.support.rows import (
    Faults,
    Identifier,
    Row,
    Text,
    check,
    repetitions,
    shown,
)


class _Caption(Row):
    """An entry of results, and of annotations."""

    image_id: Identifier
    caption: Text


class _Image(Row):
    id: Identifier


class _Captions(Row):
    images: list[_Image]
    annotations: list[_Caption]


class _NamedImage(_Image):
    file_name: Text | None = None


class _NamedImages(Row):
    images: list[_NamedImage]


Images = TypeVar("Images", _Captions, _NamedImages)


def read_candidates_and_references(
    candidates_path: Path, reference_paths: Sequence[Path]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Read what `score_captions` takes, from JSON if the names end in .json, else from text.

    Line i of each text file belongs to one image, whose id is then the number of the line.

    Returns:
        image id → candidate, and image id → references.

    Raises:
        InputError: JSON and text are mixed, there are several JSON reference files, the text
            files differ in length, or a file is malformed or cannot be read.
    """
    paths = [candidates_path, *reference_paths]
    are_json = {path.suffix.lower() == ".json" for path in paths}
    if are_json == {True, False}:
        raise InputError(
            list_faults("the files must be all JSON (.json) or all text", [str(p) for p in paths])
        )
    if are_json == {True}:
        if len(reference_paths) > 1:
            raise InputError(
                list_faults("one JSON file holds all references", [str(p) for p in reference_paths])
            )
        return read_both(
            lambda: read_results(candidates_path), lambda: read_references(reference_paths[0])
        )

    columns = _read_columns(paths)
    if len({len(lines) for lines in columns}) > 1:
        counts = [f"{path}: {len(lines)}" for path, lines in zip(paths, columns, strict=True)]
        raise InputError(
            list_faults("line i of each file belongs to image i, but line counts differ", counts)
        )
    rows = {str(number): row for number, row in enumerate(zip(*columns, strict=True), start=1)}
    return (
        {image_id: row[0] for image_id, row in rows.items()},
        {image_id: list(row[1:]) for image_id, row in rows.items()},
    )


def _read_columns(paths: Sequence[Path]) -> list[list[str]]:
    """The lines of each file; the faults of all files are told."""
    columns: list[list[str]] = []
    faults: list[str] = []
    for path in paths:
        try:
            columns.append(read_lines(path))
        except InputError as error:
            faults.append(str(error))
    if faults:
        raise InputError("\n".join(faults))
    return columns


def read_results(path: Path) -> dict[str, str]:
    """Read COCO results, `[{"image_id": …, "caption": …}, …]`: image id → caption.

    Raises:
        InputError: not such JSON, or several captions for one image.
    """
    entries = read_entries(
        path, _Caption, 'a list of COCO results, [{"image_id": …, "caption": …}, …]'
    )
    image_ids = {position: str(entry.image_id) for position, entry in enumerate(entries)}
    if repeated := repetitions("entry", image_ids):
        raise InputError(list_faults(f"{path}: image ids of several captions", repeated))
    return {str(entry.image_id): entry.caption for entry in entries}


def read_references(path: Path) -> dict[str, list[str]]:
    """Read COCO captions, `{"images": [{"id": …}, …], "annotations": [{"image_id": …, …}, …]}`.

    Returns:
        image id → its captions in file order; an empty list if it has none.

    Raises:
        InputError: not such JSON, an image listed twice, or captions of images not listed.
    """
    return references_in(read_json(path), path)


def references_in(content: Any, path: Path) -> dict[str, list[str]]:
    """The references in the JSON value of a file, as :func:`read_references` reads them."""
    captions = _captions_in(content, path, _Captions)
    references: dict[str, list[str]] = {str(image.id): [] for image in captions.images}
    unlisted = Faults("annotation")
    for position, entry in enumerate(captions.annotations):
        if str(entry.image_id) in references:
            references[str(entry.image_id)].append(entry.caption)
        else:
            unlisted.add(position, f'image_id {shown(entry.image_id)} is not in "images"')
    unlisted.refuse(path)
    return references


def read_file_names(path: Path) -> dict[str, str]:
    """Read COCO captions: image id → ``file_name``, for the images that have one.

    A list is captions of another form, which name no files.

    Raises:
        InputError: not such JSON, or an image listed twice.
    """
    content = read_json(path)
    if isinstance(content, list):
        return {}
    captions = _captions_in(content, path, _NamedImages)
    return {str(image.id): image.file_name for image in captions.images if image.file_name}


def read_lines(path: Path) -> list[str]:
    """Read one caption per line, UTF-8; only \\n ends a line, so that nothing else can shift them.

    Raises:
        InputError: the file cannot be read, or is not UTF-8.
    """
    text = read_text(path)
    return text.removesuffix("\n").split("\n") if text else []


def write_results(path: Path, captions: Mapping[str, str]) -> None:
    """Write COCO results, one entry per line, in the order of `captions` (image id → caption).

    An id that is a decimal integer without leading zeros is written as a number, any other as a
    string. The file appears complete or not at all; its folder is created if necessary.
    """
    entries = (
        json.dumps({"image_id": _json_id(image_id), "caption": caption})
        for image_id, caption in captions.items()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")
    partial.replace(path)


def _json_id(image_id: str) -> int | str:
    return int(image_id) if re.fullmatch(r"0|[1-9][0-9]*", image_id) else image_id


def _captions_in(content: Any, path: Path, shape: type[Images]) -> Images:
    faults: list[str] = []
    captions = check(shape, content, faults)
    if captions is None:
        raise InputError(
            list_faults(
                f'{path}: expected COCO captions, an object with two lists, {{"images": [{{"id": '
                '…}, …], "annotations": [{"image_id": …, "caption": …}, …]}',
                faults,
            )
        )
    image_ids = {position: str(image.id) for position, image in enumerate(captions.images)}
    if repeated := repetitions("image", image_ids):
        raise InputError(list_faults(f"{path}: ids of images listed several times", repeated))
    return captions
