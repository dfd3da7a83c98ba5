"""Synthetic images in DVC's cache: finding them, and adding to them."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from caption_curation.synthetic_index import INDEX

IMAGE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
OBJECT_NAME = re.compile(r"[0-9a-f]{32}")


def images_in_dvc_cache(dvc_cache: Path) -> Iterator[tuple[str, Path]]:
    """(key, object file) of the images in every output of a synthesize stage that DVC knows of.

    An object file may be absent (DVC fetches a directory's listing before its files, and may fetch
    only some), and a key may come up several times: images from two machines differ slightly.
    """
    objects = dvc_cache / "files" / "md5"
    marker = f'"{INDEX}"'.encode()
    for directory_object in sorted(objects.glob("??/*.dir")):
        content = directory_object.read_bytes()
        if marker not in content:  # avoids parsing the listings of whole corpora as JSON
            continue
        try:
            entries = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
        except (ValueError, KeyError, TypeError):
            continue  # a damaged listing is DVC's to report
        for name, digest in entries:
            image = IMAGE_NAME.fullmatch(name)
            if image and OBJECT_NAME.fullmatch(digest):
                yield image[1], _object_file(objects, digest)


def add_object(dvc_cache: Path, image: Path) -> str:
    """Link a read-only image into DVC's cache as the object that its stage's output will need.

    DVC would do it when the stage has ended. But if two jobs that share a cache end at the same
    time, as jobs that share their images do, DVC 3.67 may empty the files of both: before it links
    an object it tries a reflink, which truncates what the other job has just linked. DVC leaves
    existing objects alone, even those emptied in this way; here they are repaired.

    Returns:
        The MD5 of its bytes.
    """
    content = image.read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    object_file = object_of(dvc_cache, digest)
    if object_file.exists() and object_file.stat().st_size == len(content):
        return digest
    object_file.parent.mkdir(parents=True, exist_ok=True)
    partial = object_file.with_name(f"{object_file.name}.{os.getpid()}.partial")
    try:
        os.link(image, partial)
    except OSError:
        return digest  # without links DVC copies, and empties nothing
    partial.replace(object_file)
    partial.unlink(missing_ok=True)  # it is left over if another job has just linked the same file
    return digest


def object_of(dvc_cache: Path, digest: str) -> Path:
    """Where DVC's cache has, or would have, a file or a folder's list by its hash."""
    return _object_file(dvc_cache / "files" / "md5", digest)


def read_object(object_file: Path) -> bytes | None:
    """The content of an object of DVC's cache; ``None`` if it is absent or damaged."""
    try:
        content = object_file.read_bytes()
    except FileNotFoundError:
        return None
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return content if digest == object_file.parent.name + object_file.name else None


def _object_file(objects: Path, digest: str) -> Path:
    return objects / digest[:2] / digest[2:]
