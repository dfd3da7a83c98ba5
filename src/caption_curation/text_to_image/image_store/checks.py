"""Which stored images are whole and belong to their key: each is decoded once, and remembered."""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from caption_curation.support.digest_memo import DigestMemo
from caption_curation.text_to_image.image_store.image_files import image_fault, looks_complete

ABSENT = "absent, or not a whole JPEG file"
KEY = "image key"  # the kind under which the memo has the key that a file was found to belong to
THREADS = 8  # at most; Pillow decodes outside Python's global lock
TOGETHER = 1000  # images decoded before they are remembered, lest a kill loses all of it


@dataclass(frozen=True, slots=True)
class GoodImage:
    """A stored file that is the image of its key, its status then, and the MD5 of its content."""

    key: str
    path: Path
    status: os.stat_result
    md5: str


class ImageChecks:
    """Checks of stored images, remembered beside the objects of a DVC cache."""

    def __init__(self, dvc_cache: Path) -> None:
        self._memo = DigestMemo(dvc_cache)

    def faults(self, images: Mapping[str, Path]) -> dict[str, str]:
        """What is wrong with stored images, by key (``ABSENT`` of files that are not there).

        A file that was found good, and has not been written to since, is not read again: what a
        disk changes by itself goes unnoticed here, but not by ``caption-curation images verify``.

        Args:
            images: the file of each key.
        """
        known = self._memo.known(images.values(), KEY)
        unknown = [key for key, found in zip(images, known, strict=True) if found != key]
        faults: dict[str, str] = {}
        for start in range(0, len(unknown), TOGETHER):
            good = []
            for key, found in self._checked(unknown[start : start + TOGETHER], images):
                if isinstance(found, str):
                    faults[key] = found
                else:
                    good.append(found)
            self.remember(good)
        return faults

    def remember(self, good: Iterable[GoodImage]) -> None:
        """Remember images that need no check, as they have just been written."""
        images = list(good)
        self._memo.remember(((image.path, image.status, image.key) for image in images), KEY)
        self._memo.remember(((image.path, image.status, image.md5) for image in images), "md5")

    def md5(self, files: Iterable[Path]) -> list[str]:
        """The MD5 of files, in order, as DVC's names of objects."""
        return self._memo.digests(files, "md5")

    def _checked(
        self, keys: list[str], images: Mapping[str, Path]
    ) -> Iterator[tuple[str, GoodImage | str]]:
        whole = []
        for key in keys:
            if looks_complete(images[key]):
                whole.append(key)
            else:
                yield key, ABSENT
        if whole:
            with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as threads:
                found = threads.map(_check, whole, map(images.__getitem__, whole))
                yield from zip(whole, found, strict=True)


def md5_of(content: bytes) -> str:
    """The MD5 of a content, as DVC's name of the object."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _check(key: str, path: Path) -> GoodImage | str:
    """The file, or what is wrong with it."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except FileNotFoundError:  # removed meanwhile
        return ABSENT
    return image_fault(content, key) or GoodImage(key, path, status, md5_of(content))
