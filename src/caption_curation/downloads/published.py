"""The published corpora: the sizes of their splits, and where to download them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

ANNOTATIONS = (
    "https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip (Karpathy's splits)"
)


@dataclass(frozen=True)
class PublishedCorpus:
    """A corpus in Karpathy's splits; ``restval`` counts as training, as everywhere.

    ``splits``: numbers of images; ``training_captions``: the number of captions of the training
    split; ``images_from``: where to download the images.
    """

    title: str
    splits: Mapping[str, int]
    training_captions: int
    images_from: str


# Sizes: Karpathy & Fei-Fei 2015 and their JSON files.
CORPORA = {
    "coco": PublishedCorpus(
        title="COCO",
        splits={"train": 113_287, "val": 5_000, "test": 5_000},
        training_captions=566_747,
        images_from="http://images.cocodataset.org/zips/train2014.zip and val2014.zip (19 GB)",
    ),
    "flickr30k": PublishedCorpus(
        title="Flickr30K",
        splits={"train": 29_000, "val": 1_014, "test": 1_000},
        training_captions=145_000,
        images_from="https://shannon.cs.illinois.edu/DenotationGraph/ (4.4 GB, form required)",
    ),
    "flickr8k": PublishedCorpus(
        title="Flickr8k",
        splits={"train": 6_000, "val": 1_000, "test": 1_000},
        training_captions=30_000,
        images_from="https://forms.illinois.edu/sec/1713398 (1 GB, form required)",
    ),
}


def published_corpus(name: str | None, annotations: str) -> PublishedCorpus | None:
    """The published corpus that an annotation file belongs to, if it is one.

    Args:
        name: the corpus that the file names; ``None`` if it names none or cannot be read.
        annotations: the file's name, ``dataset_NAME.json`` for Karpathy's.
    """
    return CORPORA.get(name or PurePosixPath(annotations).stem.removeprefix("dataset_"))
