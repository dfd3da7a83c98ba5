"""Scores of the captions of generated images, where an original may have several."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from caption_curation.metrics.coco.scores import CaptionedSplit, score_splits
from caption_curation.metrics.image_cider import image_ciders


@dataclass(frozen=True)
class VariantScores:
    """Attributes:
    metrics: bleu_1 to bleu_4, meteor, rouge_l (0..1) and cider (0..10) over all items; METEOR only
        in the languages that it knows.
    ciders: of every item, by item id; their mean is ``metrics["cider"]``.
    """

    metrics: Mapping[str, float]
    ciders: Mapping[str, float]


def score_variants(
    captions: Mapping[str, Mapping[str, str]],
    image_ids: Mapping[str, Mapping[str, str]],
    references: Mapping[str, Sequence[str]],
    language: str,
) -> dict[str, VariantScores]:
    """Score the captions of all variants against the captions of the original images.

    Every item counts as an image of its own, with all captions of its original as references. What
    an n-gram weighs in CIDEr comes from the originals, each counted once: pycocoevalcap, given five
    images of each, would weigh those n-grams more that occur in no reference, and variants with
    different numbers of images could not be compared.

    Args:
        captions: by variant, then item id.
        image_ids: by variant, the original of every item; every original has at least one.
        references: of the originals, by image id.
        language: of all captions.
    """
    pooled = score_splits(
        [
            CaptionedSplit(
                captions[name],
                {item_id: references[image_id] for item_id, image_id in of_variant.items()},
            )
            for name, of_variant in image_ids.items()
        ],
        language=language,
    )
    # Splits of one item for each original. In those after the first, an original that has no
    # further item is filled in by an earlier one, whose score is known already.
    rounds = {name: _rounds(of_variant) for name, of_variant in image_ids.items()}
    keys = [(name, chosen) for name, of_variant in rounds.items() for chosen in of_variant]
    found = image_ciders(
        [
            CaptionedSplit(
                {image_id: captions[name][item_id] for image_id, item_id in chosen.items()},
                {image_id: references[image_id] for image_id in chosen},
            )
            for name, chosen in keys
        ],
        language=language,
    )
    ciders: dict[str, dict[str, float]] = {name: {} for name in captions}
    for (name, chosen), by_image in zip(keys, found, strict=True):
        ciders[name] |= {item_id: by_image[image_id] for image_id, item_id in chosen.items()}
    scores = {}
    for name, split in zip(image_ids, pooled, strict=True):
        metrics = {metric: value for metric, value in split.corpus.items() if value is not None}
        metrics["cider"] = fmean(ciders[name].values())
        scores[name] = VariantScores(metrics, ciders[name])
    return scores


def _rounds(image_ids: Mapping[str, str]) -> list[dict[str, str]]:
    """Mappings of every image id to one of its items, which together hold all items."""
    items: dict[str, list[str]] = {}
    for item_id, image_id in image_ids.items():
        items.setdefault(image_id, []).append(item_id)
    most = max(map(len, items.values()))
    return [
        {image_id: found[min(number, len(found) - 1)] for image_id, found in items.items()}
        for number in range(most)
    ]
