"""The pictures of a corpus that is being read: files of a folder, or inside of archives and tables.

Each is decoded once, to be sure of it and to tell it from others, and copied byte for byte.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import groupby, islice
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.duplicates.looks import look_at
from caption_curation.corpora.inside import Inside
from caption_curation.image_index import digest_of
from caption_curation.pictures.reading import picture_fault
from caption_curation.support.errors import InputError

MISSING = "missing"
DECODING_THREADS = 8  # at most; PIL decodes outside Python's global lock
HELD = 64  # pictures in memory at a time, of those that are no files

One = TypeVar("One")


def image_faults(file_names: Sequence[str], folder: Path, *, decode: bool) -> dict[str, str]:
    """What is wrong with image files, by name; good ones are not listed.

    Args:
        file_names: relative to ``folder``.
        folder: of the images.
        decode: whether to decode every pixel; otherwise only the header is read, which finds files
            that are empty or not images, but not those that are truncated.
    """

    def fault(name: str) -> str | None:
        path = folder / name
        return picture_fault(path, decode=decode) if path.is_file() else MISSING

    with _threads() as pool:
        faults = list(_told(pool.map(fault, file_names), "checking", len(file_names)))
    return {name: fault for name, fault in zip(file_names, faults, strict=True) if fault}


def look_at_files(
    file_names: Sequence[str], folder: Path
) -> tuple[dict[str, Look], dict[str, str]]:
    """A look at each image file, and what is wrong with those that cannot be read, by name.

    Args:
        file_names: relative to ``folder``.
        folder: of the images.
    """

    def look(name: str) -> Look | str:
        path = folder / name
        return _look(path) if path.is_file() else MISSING

    looks, faults = {}, {}
    with _threads() as pool:
        found = _told(pool.map(look, file_names), "checking", len(file_names))
        for name, seen in zip(file_names, found, strict=True):
            if isinstance(seen, Look):
                looks[name] = seen
            else:
                faults[name] = seen
    return looks, faults


def look_inside(inside: Mapping[str, Inside]) -> tuple[dict[str, Look], dict[str, str]]:
    """A look at each picture in stores, and what is wrong with those that cannot be read, by name.

    Args:
        inside: by name, in the order of the stores and in each of them.
    """
    names = iter(inside)
    looks, faults = {}, {}
    with _threads() as pool:
        contents = _told(_contents(inside.values()), "checking", len(inside))
        while some := list(islice(contents, HELD)):
            for name, seen in zip(
                islice(names, len(some)), pool.map(_look, map(BytesIO, some)), strict=True
            ):
                if isinstance(seen, Look):
                    looks[name] = seen
                else:
                    faults[name] = seen
    return looks, faults


def copy_pictures(
    names: Iterable[str], inside: Mapping[str, Inside], origin: Path, folder: Path
) -> dict[str, str]:
    """Copy pictures, byte for byte, into a folder.

    Args:
        names: of the pictures, each once.
        inside: where those are that are no files, as :func:`look_inside` has it.
        origin: the folder of those that are.
        folder: to write into.

    Returns:
        The MD5 of each file, by its name, in the order of ``names``.
    """
    wanted = dict.fromkeys(names, "")
    files = [name for name in wanted if name not in inside]
    stored = {name: place for name, place in inside.items() if name in wanted}
    read: Iterator[tuple[str, bytes]] = ((name, (origin / name).read_bytes()) for name in files)
    for contents in (read, zip(stored, _contents(stored.values()), strict=True)):
        total = len(files) if contents is read else len(stored)
        for name, content in _told(contents, "copying", total) if total else ():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            wanted[name] = digest_of(content)
    return wanted


def _contents(places: Iterable[Inside]) -> Iterator[bytes]:
    for store, of_store in groupby(places, key=lambda place: place.store):
        yield from store.contents([each.place for each in of_store])


def _look(source: Path | BytesIO) -> Look | str:
    try:
        return look_at(source)
    except InputError as error:
        name = source if isinstance(source, Path) else "picture"
        return str(error).removeprefix(f"{name}: ")


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(DECODING_THREADS, os.cpu_count() or 1))


def _told(each: Iterable[One], doing: str, total: int) -> Iterator[One]:
    return iter(tqdm(each, desc=doing, unit="image", total=total, disable=None))
