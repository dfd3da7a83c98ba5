"""Images that were drawn with other versions of the libraries, from which results were adopted.

An image's key holds the versions that it was drawn with, and stays what it is. Who has adopted
results (``caption-curation adopt``) says that these versions draw what today's draw: an image that
is there under their key is not drawn again.
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from caption_curation.support.sections import Section
from caption_curation.synthetic_index import INDEX
from caption_curation.text_to_image.image_store.dvc_images import IMAGE_NAME, object_of
from caption_curation.text_to_image.image_store.image_files import description_of
from caption_curation.text_to_image.image_store.keys import Recipe

FOLDER = "adoptions"


class Libraries(Section):
    """The versions of the libraries that an image's key holds."""

    torch: str
    diffusers: str
    transformers: str


def adoptions_folder(dvc_cache: Path) -> Path:
    """Where adoptions are written down."""
    return dvc_cache / "caption_curation" / FOLDER


def standing_adoptions(dvc_cache: Path) -> list[Path]:
    """The files of the adoptions that have not been undone, the oldest first."""
    return sorted(adoptions_folder(dvc_cache).glob("[0-9][0-9][0-9][0-9].json"))


def adopted_libraries(dvc_cache: Path) -> list[Libraries]:
    """The versions that results were adopted from, the last first; each once."""
    found: dict[Libraries, None] = {}
    for path in reversed(standing_adoptions(dvc_cache)):
        for entry in json.loads(path.read_text(encoding="utf-8"))["libraries"]:
            found[Libraries.model_validate(entry)] = None
    return list(found)


def recipes_adopted_from(recipe: Recipe, dvc_cache: Path) -> list[Recipe]:
    """The recipe with each of these versions, but its own."""
    recipes = [
        replace(recipe, **libraries.model_dump()) for libraries in adopted_libraries(dvc_cache)
    ]
    return [other for other in recipes if other != recipe]


def libraries_of_outputs(dvc_cache: Path, digests: Collection[str]) -> list[Libraries]:
    """The versions that the images of some stages' outputs were drawn with, in order; each once.

    Args:
        dvc_cache: that has them; of images that it lacks nothing is said.
        digests: hashes of the outputs, of which those without images are left out.
    """
    images = {image: None for digest in digests for image in _images_of_output(dvc_cache, digest)}
    found = {libraries for libraries in map(_libraries_of, images) if libraries is not None}
    return sorted(found, key=lambda libraries: list(libraries.model_dump().values()))


def _images_of_output(dvc_cache: Path, digest: str) -> Iterable[Path]:
    listing = object_of(dvc_cache, digest)
    if not digest.endswith(".dir") or not listing.is_file():
        return
    entries = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_bytes())}
    if INDEX in entries:
        yield from _existing(dvc_cache, entries)


def _existing(dvc_cache: Path, entries: dict[str, str]) -> Iterator[Path]:
    for name, digest in entries.items():
        path = object_of(dvc_cache, digest)
        if IMAGE_NAME.fullmatch(name) and path.is_file():
            yield path


def _libraries_of(image: Path) -> Libraries | None:
    """From an image's comment; ``None`` of a damaged one."""
    try:
        recipe = description_of(image)["recipe"]
        return Libraries.model_validate({name: recipe[name] for name in Libraries.model_fields})
    except (OSError, ValueError, KeyError, TypeError):
        return None
