"""Licences as the Hugging Face hub names them."""

import re
from collections.abc import Collection

UNKNOWN = "unknown"
# Those of photographs that the hub has names for; COCO's file and Flickr tell them by address.
ADDRESS = re.compile(r"creativecommons\.org/(?:licenses/([a-z-]+)/([\d.]+)|publicdomain/zero/1\.0)")
NAMES = re.compile(r"cc-by(?:-nc)?(?:-sa|-nd)?-[234]\.[05]|cc0-1\.0|apache-2\.0|mit|pddl|odbl")


def hub_licence(licences: Collection[str | None]) -> dict[str, str]:
    """The keys of a card's head that tell the licence.

    Args:
        licences: those of the pictures, each once; ``None``: not known.

    Returns:
        ``license``: the hub's name where all have one licence that it has a name for, ``unknown``
        where nothing is known, otherwise ``other`` with a ``license_name``.
    """
    known = set(licences)
    if known <= {None}:
        return {"license": UNKNOWN}
    if len(known) > 1:
        return {"license": "other", "license_name": "several"}
    [only] = known
    name = _hub_name(str(only))
    if name is not None:
        return {"license": name}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", str(only).lower())}


def _hub_name(licence: str) -> str | None:
    text = licence.strip().lower()
    if address := ADDRESS.search(text):
        text = f"cc-{address[1]}-{address[2]}" if address[1] else "cc0-1.0"
    else:
        text = re.sub(r"[ _]+", "-", text)
    return text if NAMES.fullmatch(text) else None
