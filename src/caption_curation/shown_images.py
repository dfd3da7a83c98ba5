"""The image file that each sample of a training set shows."""

from collections.abc import Iterable
from pathlib import Path

from caption_curation.image_index import present_files
from caption_curation.samples import Sample


def shown_files(samples: Iterable[Sample]) -> dict[str, Path]:
    """The image file that each sample shows, by sample id.

    Args:
        samples: a training set.

    Raises:
        InputError: naming images that are not there, and the command that fetches them.
        ValueError: a sample's image has not been drawn.
    """
    shown: dict[str, str] = {}
    for sample in samples:
        if sample.file is None:
            raise ValueError(f"the image of sample {sample.sample_id!r} has not been drawn")
        shown[sample.sample_id] = sample.file
    names = dict.fromkeys(shown.values())
    files = dict(zip(names, present_files(map(Path, names)), strict=True))
    return {sample_id: files[name] for sample_id, name in shown.items()}
