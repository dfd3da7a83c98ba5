"""The numbers of a corpus: captions, their words, sizes of images."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import median
from typing import Any

from caption_curation.samples import CaptionedImage

TRAIN = "train"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Captions:
    """What the captions of a split are like.

    Attributes:
        images, captions: how many.
        per_image: captions of an image → images.
        lengths: words between blanks → captions.
        words: running words, in which letters and digits count, whatever their case.
        vocabulary: different ones.
        once: those that occur once.
        unknown: different words that the training split lacks; ``None`` of itself.
        unknown_words: running ones.
    """

    images: int
    captions: int
    per_image: Counter[int]
    lengths: Counter[int]
    words: int
    vocabulary: int
    once: int
    unknown: int | None
    unknown_words: int | None

    @property
    def mean_length(self) -> float:
        """Words of a caption, on average."""
        return sum(length * count for length, count in self.lengths.items()) / self.captions


def describe_captions(
    splits: Mapping[str, Sequence[CaptionedImage]],
) -> dict[str, Captions]:
    """The captions of each split; ``train`` is one of them."""
    counted = {split: count_words(images) for split, images in splits.items()}
    found = {}
    for split, images in splits.items():
        words = counted[split]
        unknown = None if split == TRAIN else [word for word in words if word not in counted[TRAIN]]
        found[split] = Captions(
            images=len(images),
            captions=sum(len(image.captions) for image in images),
            per_image=Counter(len(image.captions) for image in images),
            lengths=count_lengths(images),
            words=words.total(),
            vocabulary=len(words),
            once=sum(count == 1 for count in words.values()),
            unknown=None if unknown is None else len(unknown),
            unknown_words=None if unknown is None else sum(words[word] for word in unknown),
        )
    return found


def count_words(images: Iterable[CaptionedImage]) -> Counter[str]:
    """How often each word occurs in the captions, whatever its case."""
    return Counter(
        word
        for image in images
        for caption in image.captions
        for word in _WORD.findall(caption.casefold())
    )


def count_lengths(images: Iterable[CaptionedImage]) -> Counter[int]:
    """How many captions have so many words, as blanks part them."""
    return Counter(len(caption.split()) for image in images for caption in image.captions)


@dataclass(frozen=True)
class Sizes:
    """Sizes of images in pixels, and formats of their files, by split."""

    different: int
    smallest: tuple[int, int]  # (width, height), by area
    median_width: float
    median_height: float
    largest: tuple[int, int]
    formats: dict[str, Counter[str]]


def describe_sizes(images: Iterable[Mapping[str, Any]]) -> Sizes:
    """The sizes of at least one image.

    Args:
        images: ``split``, ``format``, ``width``, ``height``.
    """
    sizes: list[tuple[int, int]] = []
    formats: dict[str, Counter[str]] = {}
    for image in images:
        sizes.append((image["width"], image["height"]))
        formats.setdefault(image["split"], Counter())[image["format"]] += 1
    return Sizes(
        different=len(set(sizes)),
        smallest=min(sizes, key=_area),
        median_width=median(width for width, _ in sizes),
        median_height=median(height for _, height in sizes),
        largest=max(sizes, key=_area),
        formats=formats,
    )


def as_json(numbers: Captions | Sizes) -> dict[str, Any]:
    """Numbers as corpus.json has them, counts in ascending order."""
    return {
        field.name: dict(sorted(value.items())) if isinstance(value, Counter) else value
        for field in fields(numbers)  # asdict would take Counters apart
        for value in [getattr(numbers, field.name)]
    }


def _area(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] * size[1], size[0]
