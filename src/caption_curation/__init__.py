"""Data curation for image captioning with text-to-image generative models.

The names below are the public surface for use from Python: the training set as data, one epoch's
curation, and the files of both. Everything else may move between versions. They are imported when
they are first used, so that ``import caption_curation`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caption_curation.curation.epoch import curate, curate_before_training
    from caption_curation.curation.settings import Curation, CurationDetails
    from caption_curation.samples import (
        CaptionedImage,
        Edit,
        Sample,
        SampleLoss,
        apply_edits,
        read_edits,
        read_images,
        read_losses,
        read_samples,
        samples_of,
        write_json_lines,
    )

__all__ = [
    "CaptionedImage",
    "Curation",
    "CurationDetails",
    "Edit",
    "Sample",
    "SampleLoss",
    "apply_edits",
    "curate",
    "curate_before_training",
    "read_edits",
    "read_images",
    "read_losses",
    "read_samples",
    "samples_of",
    "write_json_lines",
]

_HOMES = {
    "Curation": "caption_curation.curation.settings",
    "CurationDetails": "caption_curation.curation.settings",
    "curate": "caption_curation.curation.epoch",
    "curate_before_training": "caption_curation.curation.epoch",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "caption_curation.samples")), name)


def __dir__() -> list[str]:
    return __all__
