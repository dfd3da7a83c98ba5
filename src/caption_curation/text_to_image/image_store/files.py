"""The files of an image store, and the claims by which processes share the work on them."""

import os
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

from caption_curation.support.claims import Claims
from caption_curation.support.outputs import link_or_copy
from caption_curation.text_to_image.image_store.checks import GoodImage, md5_of
from caption_curation.text_to_image.image_store.image_files import looks_complete

READ_ONLY = 0o444  # hard links share their content: editing one in place would change them all


class StoreFiles:
    """Complete, read-only JPEG files, named by their keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.claims = Claims(folder / "claims")

    def path(self, key: str) -> Path:
        """Where the image of a key is, if it is stored."""
        return self.images / key[:2] / f"{key}.jpg"

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys whose image is absent or obviously damaged, in their order; nothing is read."""
        return [key for key in keys if not looks_complete(self.path(key))]

    def remove_leftovers(self) -> None:
        """Remove what killed processes left; only while no other process has the store open."""
        for leftover in self.images.glob("??/*.partial"):
            leftover.unlink()

    def write(self, key: str, content: bytes) -> GoodImage:
        """Store an image, for the holder of its claim only."""
        partial = self._partial_file(key)
        with _create(partial) as file:
            file.write(content)
            os.fchmod(file.fileno(), READ_ONLY)
            status = os.fstat(file.fileno())
        partial.replace(self.path(key))
        return GoodImage(key, self.path(key), status, md5_of(content))

    def take(self, key: str, source: Path) -> None:
        """Store a good image that lies elsewhere, for the holder of its claim only."""
        partial = self._partial_file(key)
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        provide(source, partial)
        partial.replace(self.path(key))

    def _partial_file(self, key: str) -> Path:
        """A temporary name beside the image, for the holder of the key's claim only."""
        return self.path(key).with_suffix(".partial")


def _create(path: Path) -> FileIO:
    """A new file, written to without a buffer; its folder is made if it is the first."""
    while True:
        try:
            return FileIO(path, "x")
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:  # left by a killed process; perhaps a link to an object of DVC's
            path.unlink(missing_ok=True)


def provide(image: Path, target: Path) -> None:
    """Link or copy an image; a copy is read-only too."""
    if not link_or_copy(image, target):
        target.chmod(READ_ONLY)
