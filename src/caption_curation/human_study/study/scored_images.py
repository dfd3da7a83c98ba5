"""Files of scores: the captioner's loss on each generated image and, where known, its CLIPScore."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from caption_curation.human_study.study.image_ids import find_by_image_id
from caption_curation.support.errors import InputError, list_faults

LOSS_KEYS = ("loss", "loss_val")  # ours, and that of the paper's authors
POSITIONS = 3  # entries that a fault of many is told to be in


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """A generated image with the captioner's loss on it and, where it is known, its CLIPScore.

    ``image_id`` is a number or a string, as in the file that it was read from.
    """

    image_id: int | str
    loss: float
    clipscore: float | None = None


def read_scored_images(path: Path, clipscores: Path | None = None) -> list[ScoredImage]:
    """Read ``[{"image_id": …, "loss": …}, …]``; the loss may be called ``loss_val``.

    Args:
        path: an entry may have a ``clipscore`` too.
        clipscores: instead of these, ``{"ID": {"CLIPScore": …}, …}``, as jmhessel/clipscore saves
            scores per instance; it may name other images too.

    Raises:
        InputError: a file is not there or malformed; all faults of it are listed.
    """
    entries = _read_json(path)
    if not isinstance(entries, list):
        raise InputError(f'{path}: expected a list, [{{"image_id": …, "loss": …}}, …]')
    if faults := _grouped([_faults_of_entry(entry) for entry in entries]):
        raise InputError(list_faults(f"{path}: malformed losses", faults))
    images = [
        ScoredImage(entry["image_id"], float(entry[_loss_key(entry)]), entry.get("clipscore"))
        for entry in entries
    ]
    # 17 and "17" would have the same file name and the same annotations.
    counts = Counter(str(image.image_id) for image in images)
    if repeated := [image_id for image_id, count in counts.items() if count > 1]:
        raise InputError(list_faults(f"{path}: image ids that occur several times", repeated))
    return _with_clip_scores(images, clipscores) if clipscores else images


def _with_clip_scores(images: Sequence[ScoredImage], path: Path) -> list[ScoredImage]:
    content = _read_json(path)
    if not isinstance(content, dict):
        raise InputError(f'{path}: expected an object, {{"ID": {{"CLIPScore": …}}, …}}')
    malformed = [
        f"{image_id}: {score!r}"
        for image_id, score in content.items()
        if not (isinstance(score, dict) and _is_finite(score.get("CLIPScore")))
    ]
    if malformed:
        raise InputError(list_faults(f"{path}: entries without a CLIPScore", malformed))
    by_id = find_by_image_id([str(image.image_id) for image in images], content, path)
    if missing := [str(image.image_id) for image in images if str(image.image_id) not in by_id]:
        raise InputError(list_faults(f"{path}: images without a CLIPScore", missing))
    return [
        replace(image, clipscore=float(by_id[str(image.image_id)]["CLIPScore"])) for image in images
    ]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (ValueError, RecursionError) as error:  # ValueError: not JSON, or not UTF-8
        raise InputError(f"{path}: malformed JSON ({error})") from error


def _grouped(by_entry: Iterable[Sequence[str]]) -> list[str]:
    """A line for every fault: a key that all entries of a file lack is one fault."""
    positions: dict[str, list[int]] = {}
    for position, faults in enumerate(by_entry):
        for fault in faults:
            positions.setdefault(fault, []).append(position)
    return [f"{_entries(where)}: {fault}" for fault, where in positions.items()]


def _entries(positions: Sequence[int]) -> str:
    if len(positions) == 1:
        return f"entry {positions[0]}"
    more = len(positions) - POSITIONS
    told = ", ".join(map(str, positions[:POSITIONS]))
    return f"entries {told}" + (f" and {more} more" if more > 0 else "")


def _faults_of_entry(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [f"must be an object, not {entry!r}"]
    faults = []
    image_id = entry.get("image_id")
    if isinstance(image_id, bool) or not isinstance(image_id, int | str) or image_id == "":
        faults.append(f"image_id must be an integer or a string, not {image_id!r}")
    keys = [key for key in LOSS_KEYS if key in entry]
    if len(keys) != 1:
        faults.append(
            f"both {' and '.join(keys)}"
            if keys
            else f"neither {' nor '.join(LOSS_KEYS)}, but {', '.join(map(str, entry)) or 'nothing'}"
        )
    elif not _is_finite(entry[keys[0]]):
        faults.append(f"{keys[0]} must be a finite number, not {entry[keys[0]]!r}")
    if entry.get("clipscore") is not None and not _is_finite(entry["clipscore"]):
        faults.append(f"clipscore must be a finite number, not {entry['clipscore']!r}")
    return faults


def _loss_key(entry: dict[str, Any]) -> str:
    return next(key for key in LOSS_KEYS if key in entry)


def _is_finite(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)
