"""A corpus on disk: images/, one JSON Lines file per split, summary.json."""

import json
from dataclasses import dataclass
from pathlib import Path

from caption_curation.samples import CaptionedImage, read_images, write_json_lines
from caption_curation.support.outputs import link_or_copy

IMAGES = "images"
# The training split before data.train_fraction was applied; written only if it is below 1.
WHOLE_TRAIN = "whole_train.jsonl"


@dataclass(frozen=True)
class Corpus:
    """The images of each split with their captions, and what cleaning changed in the captions."""

    source: str
    splits: dict[str, list[CaptionedImage]]
    normalised_captions: int = 0
    dropped_empty_captions: int = 0


def write_corpus(corpus: Corpus, folder: Path) -> None:
    """Write ``SPLIT.jsonl`` for each split and ``summary.json``, but not the images."""
    for split, images in corpus.splits.items():
        write_json_lines(folder / f"{split}.jsonl", images)
    summary = {
        "source": corpus.source,
        "images": {split: len(images) for split, images in corpus.splits.items()},
        "samples": {
            split: sum(len(image.captions) for image in images)
            for split, images in corpus.splits.items()
        },
        "normalised_captions": corpus.normalised_captions,
        "dropped_empty_captions": corpus.dropped_empty_captions,
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def summarise(corpus: Corpus) -> str:
    """Numbers of images and samples, and warnings about captions that were changed, as lines."""
    lines = [
        f"{split}: {len(images)} images, {sum(len(image.captions) for image in images)} samples"
        for split, images in corpus.splits.items()
    ]
    if corpus.normalised_captions:
        lines.append(
            "warning: control characters or irregular white space became single spaces in "
            f"{corpus.normalised_captions} captions"
        )
    if corpus.dropped_empty_captions:
        lines.append(f"warning: {corpus.dropped_empty_captions} empty captions were dropped")
    return "\n".join(lines)


def link_training_split(corpus_folder: Path, folder: Path) -> Corpus:
    """The whole training split of a written corpus, its images linked or copied to ``folder``."""
    whole = corpus_folder / WHOLE_TRAIN
    images = read_images(whole if whole.exists() else corpus_folder / "train.jsonl")
    for image in images:
        target = folder / IMAGES / image.file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(corpus_folder / IMAGES / image.file_name, target)
    return Corpus(source="same", splits={"train": images})
