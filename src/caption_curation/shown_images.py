"""The image file that each sample of a training set shows."""

from collections.abc import Iterable
from pathlib import Path

from caption_curation.samples import Sample, read_json_lines

INDEX = "index.jsonl"


def synthetic_files(folder: Path) -> dict[str, Path]:
    """The synthetic image of each sample that has one, by sample id.

    Args:
        folder: output of a synthesize stage: ``KEY.jpg`` files and ``index.jsonl`` with lines
            ``{"sample_id", "key", "prompt", "seed"}``.
    """
    return {
        record["sample_id"]: folder / f"{record['key']}.jpg"
        for record in read_json_lines(folder / INDEX)
    }


def image_files(samples: Iterable[Sample], photographs: Path, synthetic: Path) -> dict[str, Path]:
    """The image file that each sample shows, by sample id.

    Args:
        samples: a training set.
        photographs: the corpus's image folder.
        synthetic: output of the synthesize stage for this training set.

    Raises:
        KeyError: a sample's synthetic image is not in ``synthetic``: the two do not belong
            together.
    """
    images = synthetic_files(synthetic)
    return {
        sample.sample_id: (
            photographs / sample.file_name if sample.replicate is None else images[sample.sample_id]
        )
        for sample in samples
    }
