"""CLIPScore and RefCLIPScore of embeddings (Hessel et al. 2021, section 3), without a model.

Both score the caption of one image; the score of a set of captions is the mean.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PREFIX = "A photo depicts "  # precedes every caption and reference before encoding (section 3.1)
WEIGHT = 2.5  # stretches cosines, in practice about 0 to 0.4, over 0 to 1

Embeddings = NDArray[np.floating]


def clip_scores(images: Embeddings, captions: Embeddings) -> NDArray[np.float64]:
    """CLIPScore of each caption with its image: 2.5 · max(cosine, 0).

    Args:
        images: CLIP embeddings of images, shape (n, dimensions), of any norm above 0.
        captions: those of one caption per image.

    Returns:
        n values in 0..2.5.
    """
    cosines = (_normalised(images) * _normalised(captions)).sum(axis=1)
    scores: NDArray[np.float64] = WEIGHT * np.maximum(cosines, 0)
    return scores


def ref_clip_scores(
    scores: NDArray[np.float64], captions: Embeddings, references: Sequence[Embeddings]
) -> NDArray[np.float64]:
    """RefCLIPScore: the harmonic mean of the CLIPScore and the best cosine with a reference.

    Args:
        scores: n values of :func:`clip_scores`.
        captions: the embeddings of the same n captions, shape (n, dimensions).
        references: for each caption the embeddings of its references, shape (any, dimensions).

    Returns:
        n values; 0 where the CLIPScore or the best cosine is 0 (negative cosines count as 0).
    """
    best = np.array(
        [
            max((_normalised(group) @ caption).max(), 0)
            for caption, group in zip(_normalised(captions), references, strict=True)
        ]
    )
    total = scores + best
    means: NDArray[np.float64] = np.zeros_like(total)
    np.divide(2 * scores * best, total, out=means, where=total > 0)
    return means


def _normalised(embeddings: Embeddings) -> NDArray[np.float64]:
    embeddings = embeddings.astype(np.float64)
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return np.asarray(embeddings / norms, dtype=np.float64)
