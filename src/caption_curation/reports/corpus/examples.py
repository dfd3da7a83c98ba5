"""Which duplicates the page shows: those that matter most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

GROUPS_SHOWN = 12
IMAGES_SHOWN = 4  # of a group
TEXTS_SHOWN = 10


@dataclass(frozen=True)
class Duplicates:
    """The lines of duplicates.jsonl that are shown.

    ``pictures``: leaks first, of these near copies first, which need eyes, then the largest.
    ``captions``: those of the most images and splits.
    """

    pictures: Sequence[Mapping[str, Any]]
    captions: Sequence[Mapping[str, Any]]


def choose_duplicates(records: Iterable[Mapping[str, Any]]) -> Duplicates:
    """The worst groups of pictures, and the captions that are there most often."""
    pictures: list[Mapping[str, Any]] = []
    captions: list[Mapping[str, Any]] = []
    for record in records:
        (pictures if record["of"] == "images" else captions).append(record)
    pictures.sort(
        key=lambda group: (not group["leak"], group["kind"] != "near", -len(group["images"]))
    )
    captions.sort(key=lambda group: (-len(group["splits"]), -len(group["samples"])))
    return Duplicates(list(islice(pictures, GROUPS_SHOWN)), list(islice(captions, TEXTS_SHOWN)))
