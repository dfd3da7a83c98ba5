"""Scores of a generated image before anybody looks at it: the captioner's loss, and CLIPScore.

Both are means over the references of the image. The paper says only that the loss is with regard to
the original captions, and the losses that its authors released, one an image, do not tell over
which of them they are.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from caption_curation.captioner.model.captioner import Captioner
from caption_curation.captioner.scoring import sample_losses
from caption_curation.curation.scores import SCORES, LossMeasure
from caption_curation.metrics.clip.model import Clip, encode_images, encode_texts
from caption_curation.metrics.clip.score import PREFIX, clip_scores
from caption_curation.samples import CaptionedImage, samples_of


def image_losses(
    captioner: Captioner,
    images: Sequence[CaptionedImage],
    files: Mapping[str, Path],
    *,
    measure: LossMeasure,
    prompt: str,
    max_tokens: int,
    label_smoothing: float,
    batch_size: int,
) -> dict[str, float]:
    """The captioner's loss on each image, the mean over its references, by image id.

    Args:
        captioner: the model.
        images: with their references.
        files: the generated image of each, by image id.
        measure: the loss of a reference; its unit is in ``LOSS_UNITS``.
        prompt, max_tokens, label_smoothing, batch_size: as for
            :func:`caption_curation.captioner.scoring.sample_losses`.
    """
    samples = samples_of(images)
    losses = sample_losses(
        captioner,
        samples,
        {sample.sample_id: files[sample.image_id] for sample in samples},
        prompt=prompt,
        max_tokens=max_tokens,
        label_smoothing=label_smoothing,
        batch_size=batch_size,
    )
    return _means(images, SCORES[measure].of(losses=losses).tolist())


def image_clip_scores(
    clip: Clip, images: Sequence[CaptionedImage], files: Mapping[str, Path]
) -> dict[str, float]:
    """The CLIPScore (0 to 2.5) of each generated image with its references, by image id."""
    embeddings = encode_images(clip, [files[image.image_id] for image in images])
    texts = [PREFIX + caption for image in images for caption in image.captions]
    repeated = np.repeat(embeddings, [len(image.captions) for image in images], axis=0)
    return _means(images, clip_scores(repeated, encode_texts(clip, texts)).tolist())


def _means(images: Sequence[CaptionedImage], values: Sequence[float]) -> dict[str, float]:
    """The mean over the captions of each image; ``values`` are in the order of all captions."""
    ends = np.cumsum([len(image.captions) for image in images])
    return {
        image.image_id: float(of_image.mean())
        for image, of_image in zip(images, np.split(np.asarray(values), ends[:-1]), strict=True)
    }
