"""Image ids of several files that belong together, though some end in .jpg and others do not.

The paper's authors name an image ``123`` in their losses and ``123.jpg`` in references and
annotations.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from caption_curation.support.errors import InputError, list_faults

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")

Value = TypeVar("Value")


def find_by_image_id(
    image_ids: Iterable[str], found: Mapping[str, Value], where: object
) -> dict[str, Value]:
    """What ``found`` has for each image, by image id; images that it lacks are left out.

    An equal id counts, whatever else there is; otherwise one that differs only in the suffix of an
    image file.

    Args:
        image_ids: of the images.
        found: by image id.
        where: the file or folder that ``found`` is from, for messages.

    Raises:
        InputError: for some image several ids would do, or several images would have the same; all
            are listed.
    """
    by_stem: dict[str, list[str]] = {}
    for name in found:
        by_stem.setdefault(_without_suffix(name), []).append(name)
    names: dict[str, str] = {}
    faults = []
    for image_id in image_ids:
        candidates = [image_id] if image_id in found else by_stem.get(_without_suffix(image_id), [])
        if len(candidates) > 1:
            faults.append(f"{image_id}: {_listed(candidates)}")
        elif candidates:
            names[image_id] = candidates[0]
    by_name: dict[str, list[str]] = {}
    for image_id, name in names.items():
        by_name.setdefault(name, []).append(image_id)
    faults += [f"{_listed(ids)}: {name}" for name, ids in by_name.items() if len(ids) > 1]
    if faults:
        raise InputError(
            list_faults(f"{where}: image ids that are ambiguous without their suffix", faults)
        )
    return {image_id: found[name] for image_id, name in names.items()}


def _without_suffix(image_id: str) -> str:
    for suffix in IMAGE_SUFFIXES:
        if image_id.lower().endswith(suffix):
            return image_id[: -len(suffix)]
    return image_id


def _listed(ids: Sequence[str]) -> str:
    return " and ".join(ids)
