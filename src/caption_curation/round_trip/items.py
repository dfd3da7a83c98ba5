"""The images that a variant draws of one original: one, or one for each of its captions.

An *item* is a generated image that is captioned and scored. Its id is that of the original image,
or ``IMAGE_ID#POSITION`` where every caption gives an image of its own, as for samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from caption_curation.rng import rng_for
from caption_curation.support.reading import read_json_rows
from caption_curation.support.rows import Row, Text
from caption_curation.synthetic_index import INDEX


@dataclass(frozen=True)
class Item:
    """What one image is drawn from."""

    item_id: str
    image_id: str
    prompt: str


class _Drawn(Row):
    """A line of the index of a variant's images."""

    image_id: Text
    key: Text


def drawn_position(image_id: str, count: int) -> int:
    """The position of one of ``count`` captions, drawn at random with the image id as the seed."""
    return int(rng_for("round trip", "single caption", image_id).integers(count))


def one_of_each(records: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """One record for each original image, by image id, in their order.

    Of several, one is drawn by :func:`drawn_position`: whoever looks at one image of an original
    looks at the one that ``single: random`` would have drawn.

    Args:
        records: with ``image_id``; those of an image in the order of its captions.
    """
    of_image: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        of_image.setdefault(record["image_id"], []).append(record)
    return {
        image_id: found[drawn_position(image_id, len(found))] if len(found) > 1 else found[0]
        for image_id, found in of_image.items()
    }


def one_file_each(folder: Path) -> dict[str, Path]:
    """The file of one image for each original, by image id, of a folder of a variant's images."""
    rows = read_json_rows(folder / INDEX, _Drawn)
    chosen = one_of_each([row.model_dump() for row in rows.values()])
    return {image_id: folder / f"{record['key']}.jpg" for image_id, record in chosen.items()}
