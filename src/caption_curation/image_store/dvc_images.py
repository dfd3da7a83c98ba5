"""Which synthetic images the directories in DVC's cache hold."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from caption_curation.synthetic_index import INDEX

IMAGE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
OBJECT_NAME = re.compile(r"[0-9a-f]{32}")


def images_in_dvc_cache(dvc_cache: Path) -> Iterator[tuple[str, Path]]:
    """(key, object file) of the images in every output of a synthesize stage that DVC knows of.

    An object file may be absent (DVC fetches a directory's list before its files, and may fetch
    only some), and a key may come several times: images drawn on two machines differ a little.
    """
    objects = dvc_cache / "files" / "md5"
    marker = f'"{INDEX}"'.encode()
    for directory_object in sorted(objects.glob("??/*.dir")):
        content = directory_object.read_bytes()
        if marker not in content:  # spares reading the lists of whole corpora as JSON
            continue
        try:
            entries = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
        except (ValueError, KeyError, TypeError):
            continue  # a damaged list is DVC's to report
        for name, digest in entries:
            image = IMAGE_NAME.fullmatch(name)
            if image and OBJECT_NAME.fullmatch(digest):
                yield image[1], objects / digest[:2] / digest[2:]


def read_object(object_file: Path) -> bytes | None:
    """The content of an object of DVC's cache; ``None`` if it is absent or damaged."""
    try:
        content = object_file.read_bytes()
    except FileNotFoundError:
        return None
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return content if digest == object_file.parent.name + object_file.name else None
