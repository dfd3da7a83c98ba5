"""To which split an image belongs: given by a word of the input, or made by a hash of its id."""

import re
from collections.abc import Iterable

from caption_curation.config.splits import SplitFractions
from caption_curation.rng import seed_for

# COCO's restval images are the rest of val2014 in Karpathy's splits; they belong to train.
SPLITS = {
    "train": "train",
    "restval": "train",
    "val": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
ALLOWED = "'train', 'val', 'validation', 'dev' or 'test'"
HASHES = 2**63  # seed_for's


def split_by_hash(image_id: str, fractions: SplitFractions) -> str:
    """The split of an image, which no other image has a say in.

    Ids hash evenly over [0, 1): test images are below ``test``, those of the validation split just
    above, so that another ``val`` leaves the test split as it is.
    """
    place = seed_for("split", image_id) / HASHES
    if place < fractions.test:
        return "test"
    return "val" if place < fractions.test + fractions.val else "train"


def split_in_names(names: Iterable[str]) -> set[str]:
    """The splits that names of files or folders tell: ``train-00001.parquet``, ``val2014``."""
    words = {word for name in names for word in re.split(r"[^a-z]+", name.lower())}
    return {SPLITS[word] for word in words if word in SPLITS}
