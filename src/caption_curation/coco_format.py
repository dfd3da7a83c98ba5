"""Captions in files: COCO's results and captions JSON, and plain text with one caption per line.

Image ids are strings here, whatever they are in a file: 17 and "17" are the same id.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from caption_curation.support.errors import InputError, list_faults


def read_candidates_and_references(
    candidates_path: Path, reference_paths: Sequence[Path]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Read what `score_captions` takes, from JSON if the names end in .json, else from text.

    Line i of each text file belongs to one image, whose id is then the number of the line.

    Returns:
        image id → candidate, and image id → references.

    Raises:
        InputError: JSON and text are mixed, there are several JSON reference files, the text
            files differ in length, or a file is malformed.
        OSError: a file cannot be read.
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
        return read_results(candidates_path), read_references(reference_paths[0])

    columns = [read_lines(path) for path in paths]
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


def read_results(path: Path) -> dict[str, str]:
    """Read COCO results, `[{"image_id": …, "caption": …}, …]`: image id → caption.

    Raises:
        InputError: not such JSON, or several captions for one image.
        OSError: the file cannot be read.
    """
    entries = _read_json(path)
    if not isinstance(entries, list):
        raise InputError(
            f'{path}: COCO results are a list, [{{"image_id": …, "caption": …}}, …]; '
            f"found {_shorten(entries)}"
        )
    _check_entries(f"{path}: entry", entries, id_key="image_id", has_caption=True)
    _check_unique(f"{path}: image ids of several captions", entries, id_key="image_id")
    return {str(entry["image_id"]): entry["caption"] for entry in entries}


def read_references(path: Path) -> dict[str, list[str]]:
    """Read COCO captions, `{"images": [{"id": …}, …], "annotations": [{"image_id": …, …}, …]}`.

    Returns:
        image id → its captions in file order; an empty list if it has none.

    Raises:
        InputError: not such JSON, an image listed twice, or captions of images not listed.
        OSError: the file cannot be read.
    """
    content = _read_json(path)
    images = content.get("images") if isinstance(content, dict) else None
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise InputError(
            f'{path}: COCO captions are an object with two lists, {{"images": [{{"id": …}}, …], '
            f'"annotations": [{{"image_id": …, "caption": …}}, …]}}; found {_shorten(content)}'
        )
    _check_entries(f"{path}: image", images, id_key="id")
    _check_unique(f"{path}: ids of images listed several times", images, id_key="id")
    _check_entries(f"{path}: annotation", annotations, id_key="image_id", has_caption=True)
    references: dict[str, list[str]] = {str(image["id"]): [] for image in images}
    unlisted = {str(entry["image_id"]) for entry in annotations} - references.keys()
    if unlisted:
        raise InputError(
            list_faults(f'{path}: image ids of annotations, not in "images"', sorted(unlisted))
        )
    for entry in annotations:
        references[str(entry["image_id"])].append(entry["caption"])
    return references


def read_lines(path: Path) -> list[str]:
    """Read one caption per line, UTF-8; only \\n ends a line, so that nothing else can shift them.

    Raises:
        InputError: the file is not UTF-8.
        OSError: the file cannot be read.
    """
    text = _read_text(path)
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


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error})") from error


def _read_json(path: Path) -> Any:
    text = _read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: malformed JSON ({error})") from error


def _check_entries(
    where: str, entries: Sequence[Any], *, id_key: str, has_caption: bool = False
) -> None:
    """Raise an InputError unless each entry is an object with an id and, if asked, a caption."""
    faults = []
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            faults.append(f"{where} {position} must be an object, not {_shorten(entry)}")
            continue
        image_id = entry.get(id_key)
        if isinstance(image_id, bool) or not isinstance(image_id, int | str):
            faults.append(
                f"{where} {position}: {id_key} must be an integer or a string, "
                f"not {_shorten(image_id)}"
            )
        if has_caption and not isinstance(entry.get("caption"), str):
            faults.append(
                f"{where} {position}: caption must be a string, "
                f"not {_shorten(entry.get('caption'))}"
            )
    if faults:
        raise InputError(list_faults("malformed captions", faults))


def _check_unique(fault: str, entries: Iterable[Mapping[str, Any]], *, id_key: str) -> None:
    counts = Counter(str(entry[id_key]) for entry in entries)
    if repeated := [image_id for image_id, count in counts.items() if count > 1]:
        raise InputError(list_faults(fault, repeated))


def _shorten(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"
