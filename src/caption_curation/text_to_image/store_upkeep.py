"""What a store holds, whether it is sound, and what of it no experiment needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from caption_curation.text_to_image.image_store.dvc_images import images_in_dvc_cache
from caption_curation.text_to_image.image_store.image_files import fault_of_image
from caption_curation.text_to_image.image_store.store import ImageStore


@dataclass(frozen=True, slots=True)
class Size:
    """Number of images and their bytes.

    ``sole_bytes``: of the images that have no other hard link, in DVC's cache or in a working
    copy; removing images frees only these.
    """

    images: int
    total_bytes: int
    sole_bytes: int


def stored_images(store: ImageStore) -> list[Path]:
    """The files of all images, in the order of their keys."""
    return sorted(store.images.glob("??/*.jpg"))


def size_of(images: Iterable[Path]) -> Size:
    """How much room the image files take."""
    facts = [image.stat() for image in images]
    return Size(
        len(facts),
        sum(fact.st_size for fact in facts),
        sum(fact.st_size for fact in facts if fact.st_nlink == 1),
    )


def faulty_images(images: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """The image files that are damaged or do not belong to their key, with what is wrong."""
    for image in images:
        fault = fault_of_image(image.read_bytes(), image.stem)
        if fault:
            yield image, fault


def unnamed_images(store: ImageStore) -> list[Path]:
    """The images that are in no output of a synthesize stage that DVC has in its cache.

    ``dvc gc`` removes the outputs of experiments that are not to be kept; images that only these
    showed are unnamed then. So are images of a stage that was killed before DVC saw its output.
    """
    named = {key for key, _ in images_in_dvc_cache(store.dvc_cache)}
    return [image for image in stored_images(store) if image.stem not in named]
