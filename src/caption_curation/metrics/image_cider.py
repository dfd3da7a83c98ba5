"""CIDEr of single images, with the n-gram weights of the whole split."""

from collections.abc import Sequence

from caption_curation.config.languages import ENGLISH
from caption_curation.metrics.coco.scores import CaptionedSplit, check_captions
from caption_curation.metrics.coco.tokens import tokenize_captions


def image_ciders(
    splits: Sequence[CaptionedSplit], *, language: str = ENGLISH
) -> list[dict[str, float]]:
    """CIDEr-D of every image, by image id, in 0..10; its mean is the split's CIDEr.

    Scores are comparable within a split, and with those of another split that has the same
    references: n-grams are weighted by how many of the split's images have them.

    Args:
        splits, language: as for :func:`~caption_curation.metrics.coco.scores.score_splits`.

    Raises:
        InputError: candidates and references do not belong together.
        JavaError: the bundled Java is missing or failed.
    """
    from pycocoevalcap.cider.cider import Cider

    for split in splits:
        check_captions(split.candidates, split.references)
    captions = dict.fromkeys(caption for split in splits for caption in _all_captions(split))
    tokenized = tokenize_captions(list(captions), language)
    tokens = dict(zip(captions, tokenized, strict=True))

    results = []
    for split in splits:
        references = {
            image_id: [tokens[caption] for caption in group]
            for image_id, group in split.references.items()
        }
        candidates = {image_id: [tokens[split.candidates[image_id]]] for image_id in references}
        _, scores = Cider().compute_score(references, candidates)
        results.append(dict(zip(references, map(float, scores), strict=True)))
    return results


def _all_captions(split: CaptionedSplit) -> list[str]:
    references = (caption for group in split.references.values() for caption in group)
    return [*split.candidates.values(), *references]
