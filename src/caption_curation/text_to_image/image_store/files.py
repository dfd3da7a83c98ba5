"""The files of an image store, and the claims by which processes share the work on them."""

from collections.abc import Iterable
from pathlib import Path

from caption_curation.support.claims import Claim, try_claim, wait_until_free
from caption_curation.support.outputs import link_or_copy
from caption_curation.text_to_image.image_store.checks import GoodImage, md5_of
from caption_curation.text_to_image.image_store.image_files import looks_complete

READ_ONLY = 0o444  # hard links share their content: editing one in place would change them all


class StoreFiles:
    """Complete, read-only JPEG files, named by their keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.claims = folder / "claims"

    def path(self, key: str) -> Path:
        """Where the image of a key is, if it is stored."""
        return self.images / key[:2] / f"{key}.jpg"

    def missing(self, keys: Iterable[str]) -> list[str]:
        """The keys whose image is absent or obviously damaged, in their order; nothing is read."""
        return [key for key in keys if not looks_complete(self.path(key))]

    def remove_leftovers(self) -> None:
        """Remove what killed processes left; only while no other process has the store open."""
        for leftover in [*self.claims.iterdir(), *self.images.glob("??/*.partial")]:
            leftover.unlink()

    def claim(self, key: str) -> Claim | None:
        """The sole right to make the image of a key; ``None`` while another process has it."""
        return try_claim(self._claim_file(key))

    def wait_until_free(self, key: str) -> None:
        """Return when no process has the claim to a key."""
        wait_until_free(self._claim_file(key))

    def write(self, key: str, content: bytes) -> GoodImage:
        """Store an image, for the holder of its claim only."""
        partial = self._partial_file(key)
        partial.write_bytes(content)
        partial.chmod(READ_ONLY)
        status = partial.stat()
        partial.replace(self.path(key))
        return GoodImage(key, self.path(key), status, md5_of(content))

    def take(self, key: str, source: Path) -> None:
        """Store a good image that lies elsewhere, for the holder of its claim only."""
        partial = self._partial_file(key)
        provide(source, partial)
        partial.replace(self.path(key))

    def _claim_file(self, key: str) -> Path:
        return self.claims / f"{key}.lock"

    def _partial_file(self, key: str) -> Path:
        """A temporary name beside the image, for the holder of the key's claim only."""
        partial = self.path(key).with_suffix(".partial")
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # read-only, left by a killed process
        return partial


def provide(image: Path, target: Path) -> None:
    """Link or copy an image; a copy is read-only too."""
    if not link_or_copy(image, target):
        target.chmod(READ_ONLY)
