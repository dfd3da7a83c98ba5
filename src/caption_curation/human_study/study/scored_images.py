"""Files of scores: the captioner's loss on each generated image and, where known, its CLIPScore."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import Field

from caption_curation.human_study.study.image_ids import find_by_image_id
from caption_curation.support.errors import InputError, list_faults
from caption_curation.support.reading import read_json, read_list
from caption_curation.support.rows import (
    Faults,
    Identifier,
    Row,
    Text,
    check,
    check_row,
    repetitions,
    shown,
)

LOSS_KEYS = ("loss", "loss_val")  # ours, and that of the paper's authors


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """A generated image with the captioner's loss on it and, where it is known, its CLIPScore.

    ``image_id`` is a number or a string, as in the file that it was read from.
    """

    image_id: int | str
    loss: float
    clipscore: float | None = None


class _Scored(Row):
    """An entry of losses; which of the keys it has is checked apart."""

    image_id: Identifier
    loss: float = 0.0
    loss_val: float = 0.0
    clipscore: float | None = None


class _ClipScore(Row):
    score: float = Field(alias="CLIPScore")


def read_scored_images(path: Path, clipscores: Path | None = None) -> list[ScoredImage]:
    """Read ``[{"image_id": …, "loss": …}, …]``; the loss may be called ``loss_val``.

    Args:
        path: an entry may have a ``clipscore`` too.
        clipscores: instead of these, ``{"ID": {"CLIPScore": …}, …}``, as jmhessel/clipscore saves
            scores per instance; it may name other images too.

    Raises:
        InputError: a file is not there or malformed; all faults of it are listed.
    """
    entries = read_list(path, 'a list, [{"image_id": …, "loss": …}, …]')
    faults = Faults("entry")
    images: dict[int, ScoredImage] = {}
    for position, entry in enumerate(entries):
        scored = check_row(_Scored, entry, position, faults)
        key = _loss_key(entry, position, faults)
        if scored and key:
            images[position] = ScoredImage(scored.image_id, getattr(scored, key), scored.clipscore)
    faults.refuse(path)
    # 17 and "17" would have the same file name and the same annotations.
    ids = {position: str(image.image_id) for position, image in images.items()}
    if repeated := repetitions("entry", ids):
        raise InputError(list_faults(f"{path}: image ids that occur several times", repeated))
    return (
        _with_clip_scores(list(images.values()), clipscores) if clipscores else [*images.values()]
    )


def _loss_key(entry: Any, position: int, faults: Faults) -> str | None:
    """The one key of the loss that an entry has."""
    if not isinstance(entry, dict):
        return None  # told already
    keys = [key for key in LOSS_KEYS if key in entry]
    if len(keys) == 1:
        return keys[0]
    has = ", ".join(map(str, entry)) or "nothing"
    faults.add(
        position,
        f"both {' and '.join(keys)}" if keys else f"neither {' nor '.join(LOSS_KEYS)}, but {has}",
    )
    return None


def _with_clip_scores(images: Sequence[ScoredImage], path: Path) -> list[ScoredImage]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(
            f'{path}: expected an object, {{"ID": {{"CLIPScore": …}}, …}}; found {shown(content)}'
        )
    faults: list[str] = []
    scores = check(dict[Text, _ClipScore], content, faults)
    if scores is None:
        raise InputError(list_faults(f"{path}: faults", faults))
    by_id = find_by_image_id([str(image.image_id) for image in images], scores, path)
    if missing := [str(image.image_id) for image in images if str(image.image_id) not in by_id]:
        raise InputError(list_faults(f"{path}: images without a CLIPScore", missing))
    return [replace(image, clipscore=by_id[str(image.image_id)].score) for image in images]
