"""The pictures of a folder of the user's."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from caption_curation.support.errors import InputError, list_faults

THREADS = 8  # at most; Pillow decodes outside Python's global lock


def find_pictures(folder: Path) -> list[str]:
    """The picture files in a folder and all folders in it, by their paths there, sorted.

    They are known by their endings; hidden files and folders are passed over, and links to folders
    are not followed.

    Raises:
        InputError: there is no such folder, it has no pictures, or a name is not UTF-8.
    """
    from PIL import Image

    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    endings = set(Image.registered_extensions())
    found = []
    for home, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            (Path(home) / name).relative_to(folder).as_posix()
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in endings
        ]
    unreadable = [name for name in found if not _is_utf_8(name)]
    if unreadable:
        shown = [name.encode("utf-8", "surrogateescape").decode("latin-1") for name in unreadable]
        raise InputError(list_faults(f"{folder}: names that are not UTF-8", shown))
    if not found:
        raise InputError(f"{folder}: has no pictures (files that end in .jpg, .png and so on)")
    return sorted(found)


def broken_pictures(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """What is wrong with pictures, by name, found by decoding them; good ones are not listed."""
    # It loads numpy, which reads once in what arithmetic it computes.
    from caption_curation.pictures.reading import picture_fault

    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        faults = pool.map(lambda name: picture_fault(folder / name, decode=True), names)
        told = tqdm(faults, "checking", unit="image", total=len(names), disable=None)
        return {name: fault for name, fault in zip(names, told, strict=True) if fault}


def _is_utf_8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
