"""Synthetic images in DVC's cache: finding them, and adding to them."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from caption_curation.synthetic_index import INDEX
from caption_curation.text_to_image.image_store.checks import ImageChecks, md5_of

IMAGE_NAME = re.compile(r"([0-9a-f]{64})\.jpg")
OBJECT_NAME = re.compile(r"[0-9a-f]{32}")
LISTING_NAME = re.compile(r"([0-9a-f]{30})\.dir")
PREFIX = re.compile(r"[0-9a-f]{2}")


def listings_in_dvc_cache(dvc_cache: Path) -> dict[str, Path]:
    """DVC's lists of the files of every directory that it knows of, by the list's MD5."""
    found = {}
    for folder in sorted(_entries(objects_folder(dvc_cache)), key=lambda entry: entry.name):
        if PREFIX.fullmatch(folder.name):
            for entry in sorted(_entries(Path(folder.path)), key=lambda entry: entry.name):
                # Tens of thousands of other objects lie beside the lists.
                if entry.name.endswith(".dir") and (name := LISTING_NAME.fullmatch(entry.name)):
                    found[folder.name + name[1]] = Path(entry.path)
    return found


def images_in_listing(listing: Path) -> Iterator[tuple[str, str]]:
    """(key, MD5) of the images in a directory, if it is the output of a synthesize stage."""
    content = listing.read_bytes()
    if f'"{INDEX}"'.encode() not in content:  # avoids parsing the lists of whole corpora as JSON
        return
    try:
        entries = [(entry["relpath"], entry["md5"]) for entry in json.loads(content)]
    except (ValueError, KeyError, TypeError):
        return  # a damaged list is DVC's to report
    for name, digest in entries:
        image = IMAGE_NAME.fullmatch(name)
        if image and OBJECT_NAME.fullmatch(digest):
            yield image[1], digest


def images_in_dvc_cache(dvc_cache: Path) -> Iterator[tuple[str, Path]]:
    """(key, object file) of the images in every output of a synthesize stage that DVC knows of.

    An object file may be absent (DVC fetches a directory's list before its files, and may fetch
    only some), and a key may come up several times: images from two machines differ slightly.
    """
    for listing in listings_in_dvc_cache(dvc_cache).values():
        for key, digest in images_in_listing(listing):
            yield key, object_of(dvc_cache, digest)


def add_object(dvc_cache: Path, image: Path, digest: str, checks: ImageChecks) -> None:
    """Link a read-only image into DVC's cache as the object that its stage's output will need.

    DVC would do it when the stage has ended. But if two jobs that share a cache end at the same
    time, as jobs that share their images do, DVC 3.67 may empty the files of both: before it links
    an object it tries a reflink, which truncates what the other job has just linked. DVC leaves
    existing objects alone, even those emptied in this way; here they are repaired.

    Args:
        dvc_cache: the folder of DVC's cache.
        image: the file.
        digest: its MD5.
        checks: that remember the MD5 of an object which is there, but is another file.
    """
    object_file = object_of(dvc_cache, digest)
    try:
        if object_file.samefile(image) or checks.md5([object_file]) == [digest]:
            return
    except FileNotFoundError:
        pass
    object_file.parent.mkdir(parents=True, exist_ok=True)
    partial = object_file.with_name(f"{object_file.name}.{os.getpid()}.partial")
    try:
        os.link(image, partial)
    except OSError:
        return  # without links DVC copies, and empties nothing
    partial.replace(object_file)
    partial.unlink(missing_ok=True)  # it is left over if another job has just linked the same file


def read_object(object_file: Path) -> bytes | None:
    """The content of an object of DVC's cache; ``None`` if it is absent or damaged."""
    try:
        content = object_file.read_bytes()
    except FileNotFoundError:
        return None
    return content if md5_of(content) == object_file.parent.name + object_file.name else None


def objects_folder(dvc_cache: Path) -> Path:
    """Where the objects of a DVC cache are, in folders by the first two digits of their MD5."""
    return dvc_cache / "files" / "md5"


def object_of(dvc_cache: Path, digest: str) -> Path:
    """Where DVC's cache has, or would have, a file or a folder's list by its hash."""
    return objects_folder(dvc_cache) / digest[:2] / digest[2:]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # absent, or a file
        return []
