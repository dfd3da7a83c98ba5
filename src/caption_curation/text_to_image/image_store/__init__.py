"""Synthetic images, each generated once and named by everything that it depends on.

A *store* is a folder inside DVC's cache, so that the workspace, temporary and queued experiments
share it. A stage *obtains* the images that it needs (from the store, from directories in DVC's
cache, or from the generator) and *links* exactly these into its own output.

``caption-curation images`` shows its size, verifies it and garbage-collects it.
"""

from caption_curation.text_to_image.image_store.image_files import CLASS, Origin, origin_of
from caption_curation.text_to_image.image_store.keys import (
    ImageRequest,
    Recipe,
    image_key,
    image_seed,
)
from caption_curation.text_to_image.image_store.store import Counts, ImageStore, open_store

__all__ = [
    "CLASS",
    "Counts",
    "ImageRequest",
    "ImageStore",
    "Origin",
    "Recipe",
    "image_key",
    "image_seed",
    "open_store",
    "origin_of",
]
