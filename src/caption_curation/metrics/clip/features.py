"""CLIPScore of whole splits: embeddings that all experiments share, and scores based on them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from caption_curation.compute.resuming import UnfinishedWork
from caption_curation.metrics.clip.model import Clip, Embeddings, encode_images, encode_texts
from caption_curation.metrics.clip.score import PREFIX, clip_scores, ref_clip_scores
from caption_curation.samples import CaptionedImage


def split_features(
    clip: Clip,
    images: Sequence[CaptionedImage],
    files: Sequence[Path],
    title: str,
    work: UnfinishedWork | None = None,
) -> dict[str, Embeddings]:
    """CLIP embeddings of a split: ``images``, in order, and ``references``, image by image.

    Args:
        clip: the model.
        images: of the split.
        files: the file of each.
        title: of the split; another one for every call with the same ``work``.
        work: where embeddings are saved meanwhile; ``None``: nowhere.
    """
    references = [PREFIX + caption for image in images for caption in image.captions]
    return {
        "images": encode_images(clip, files, f"images of {title}", work),
        "references": encode_texts(clip, references, f"captions of {title}", work),
    }


def score_split(
    clip: Clip,
    images: Sequence[CaptionedImage],
    features: Mapping[str, Embeddings],
    captions: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """CLIPScore and RefCLIPScore of one generated caption per image.

    Args:
        clip: the model that the features are from.
        images: of the split.
        features: of the same images; see :func:`split_features`.
        captions: by image id, those of all images.

    Returns:
        By image id, ``clipscore`` (0 to 2.5) and ``ref_clipscore`` (0 to 5/3).
    """
    embeddings = encode_texts(clip, [PREFIX + captions[image.image_id] for image in images])
    ends = np.cumsum([len(image.captions) for image in images])
    scores = clip_scores(features["images"], embeddings)
    ref_scores = ref_clip_scores(scores, embeddings, np.split(features["references"], ends[:-1]))
    return {
        image.image_id: {"clipscore": float(score), "ref_clipscore": float(ref_score)}
        for image, score, ref_score in zip(images, scores, ref_scores, strict=True)
    }
