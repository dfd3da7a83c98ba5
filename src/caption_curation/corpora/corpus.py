"""A corpus on disk: images/, per split its captions and the list of its images, summary.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.inside import Inside
from caption_curation.image_index import ImageFile, index_of, read_index, write_index
from caption_curation.samples import CaptionedImage, read_images, write_json_lines

IMAGES = "images"
PROVENANCE = "provenance.jsonl"
WHOLE_TRAIN = "whole_train"  # the training split before data.train_fraction was applied


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the input says of where an image is from; ``None`` where it says nothing."""

    image_id: str
    licence: str | None
    author: str | None
    source_url: str | None

    @property
    def known(self) -> bool:
        """Whether it says anything."""
        return not (self.licence is self.author is self.source_url is None)


@dataclass(frozen=True)
class Corpus:
    """The images of each split with their captions, and what cleaning changed in the captions.

    ``repaired_rows`` is the number of rows that lacked a delimiter. ``provenance`` has a record of
    every image of which anything is known, of all splits. ``inside`` says where the pictures are
    that are no files of the folder of images, by ``file_name``.
    ``looks``, by file name: at those pictures that the reader has decoded to check them.
    """

    source: str
    splits: dict[str, list[CaptionedImage]]
    normalised_captions: int = 0
    dropped_empty_captions: int = 0
    repaired_rows: int = 0
    provenance: list[Provenance] = field(default_factory=list)
    inside: Mapping[str, Inside] = field(default_factory=dict)
    looks: Mapping[str, Look] = field(default_factory=dict)


def image_files(digests: Mapping[str, str], folder: Path) -> dict[str, ImageFile]:
    """The files of a corpus's own images, by ``file_name``.

    Args:
        digests: the MD5 of each file, by ``file_name``.
        folder: the corpus, relative to the project.
    """
    return {
        name: ImageFile((folder / IMAGES / name).as_posix(), md5) for name, md5 in digests.items()
    }


def write_split(
    split: str, images: list[CaptionedImage], files: Mapping[str, ImageFile], folder: Path
) -> None:
    """Write ``SPLIT.jsonl`` and ``SPLIT_images.jsonl``, a line an image in the same order.

    Args:
        split: its name.
        images: of the split.
        files: of at least these images, by ``file_name``.
        folder: to write into.
    """
    write_json_lines(folder / f"{split}.jsonl", images)
    write_index(index_of(folder, split), (files[image.file_name] for image in images))


def write_corpus(corpus: Corpus, files: Mapping[str, ImageFile], folder: Path) -> None:
    """Write each split (see :func:`write_split`) and ``summary.json``, but not the images.

    ``provenance.jsonl`` is written where anything is known.
    """
    for split, images in corpus.splits.items():
        write_split(split, images, files, folder)
    if corpus.provenance:
        write_json_lines(folder / PROVENANCE, corpus.provenance)
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
    if corpus.repaired_rows:  # only tables have any
        summary["repaired_rows"] = corpus.repaired_rows
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
        lines.append(
            f"warning: {corpus.dropped_empty_captions} captions without a word were dropped"
        )
    if corpus.repaired_rows:
        lines.append(f"warning: {corpus.repaired_rows} rows that lacked a delimiter were repaired")
    return "\n".join(lines)


def whole_training_split(corpus_folder: Path) -> tuple[Corpus, dict[str, ImageFile]]:
    """The whole training split of a written corpus, and its image files by ``file_name``.

    The files stay where they are: a second folder of links to them would cost DVC as much as the
    first.
    """
    images = read_images(corpus_folder / f"{WHOLE_TRAIN}.jsonl")
    files = read_index(index_of(corpus_folder, WHOLE_TRAIN))
    by_name = {image.file_name: file for image, file in zip(images, files, strict=True)}
    return Corpus(source="same", splits={"train": images}), by_name
