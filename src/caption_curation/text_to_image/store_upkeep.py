"""What an image store holds, whether it is intact, and what no experiment needs any more."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from caption_curation.text_to_image.image_store.dvc_images import images_in_dvc_cache
from caption_curation.text_to_image.image_store.image_files import image_fault
from caption_curation.text_to_image.image_store.store import ImageStore


@dataclass(frozen=True, slots=True)
class Size:
    """Number of images and their bytes.

    ``unshared_bytes``: of the images that have no other hard link, neither in DVC's cache nor in a
    working copy; removing images frees only these.
    """

    images: int
    total_bytes: int
    unshared_bytes: int


def stored_images(store: ImageStore) -> list[Path]:
    """The files of all images, in the order of their keys."""
    return sorted(store.images.glob("??/*.jpg"))


def size_of(images: Iterable[Path]) -> Size:
    """How much space the image files take."""
    stats = [image.stat() for image in images]
    return Size(
        len(stats),
        sum(stat.st_size for stat in stats),
        sum(stat.st_size for stat in stats if stat.st_nlink == 1),
    )


def faulty_images(images: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The image files that are damaged or do not belong to their key, with what is wrong."""
    for image in images:
        fault = image_fault(image.read_bytes(), image.stem)
        if fault:
            yield image, fault


def unreferenced_images(store: ImageStore) -> list[Path]:
    """The images that no output of a synthesize stage in DVC's cache refers to.

    ``dvc gc`` removes the outputs of experiments that are not to be kept; images that only these
    showed are then unreferenced, and so are those of a stage killed before DVC saw its output.
    """
    referenced = {key for key, _ in images_in_dvc_cache(store.dvc_cache)}
    return [image for image in stored_images(store) if image.stem not in referenced]
