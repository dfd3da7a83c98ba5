"""CIDEr of single images, with the n-gram weights of the whole split."""

from collections.abc import Sequence

from caption_curation.metrics.coco.ptb_tokenizer import normalize_white_space, ptb_tokenize
from caption_curation.metrics.coco.scores import CaptionedSplit, check_captions


def image_ciders(splits: Sequence[CaptionedSplit]) -> list[dict[str, float]]:
    """CIDEr-D of every image, by image id, in 0..10; its mean is the split's CIDEr.

    Scores are comparable within a split, and with those of another split that has the same
    references: n-grams are weighted by how many of the split's images have them.

    Raises:
        InputError: candidates and references do not belong together.
        JavaError: the bundled Java is missing or failed.
    """
    from pycocoevalcap.cider.cider import Cider

    for split in splits:
        check_captions(split.candidates, split.references)
    captions = dict.fromkeys(
        normalize_white_space(caption) for split in splits for caption in _all_captions(split)
    )
    tokenized = dict(zip(captions, ptb_tokenize(list(captions)), strict=True))

    def tokens(caption: str) -> str:
        return tokenized[normalize_white_space(caption)]

    results = []
    for split in splits:
        references = {
            image_id: [tokens(caption) for caption in group]
            for image_id, group in split.references.items()
        }
        candidates = {image_id: [tokens(split.candidates[image_id])] for image_id in references}
        _, scores = Cider().compute_score(references, candidates)
        results.append(dict(zip(references, map(float, scores), strict=True)))
    return results


def _all_captions(split: CaptionedSplit) -> list[str]:
    references = (caption for group in split.references.values() for caption in group)
    return [*split.candidates.values(), *references]
