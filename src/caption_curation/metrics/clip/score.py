"""CLIPScore and RefCLIPScore on vectors (Hessel et al. 2021, section 3; numbers only, no model).

Both are values of one image's caption; that of a set of captions is their mean.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PREFIX = "A photo depicts "  # of every caption and reference before it is encoded (section 3.1)
WEIGHT = 2.5  # stretches the cosines that occur, about 0 to 0.4, over 0 to 1

Vectors = NDArray[np.floating]


def clip_scores(images: Vectors, captions: Vectors) -> NDArray[np.float64]:
    """CLIPScore of each caption with its image: 2.5 · max(cosine, 0).

    Args:
        images: CLIP's vectors of images, of shape (n, dimensions) and any length above 0.
        captions: those of one caption an image.

    Returns:
        n values in 0..2.5.
    """
    cosines = (_normalised(images) * _normalised(captions)).sum(axis=1)
    scores: NDArray[np.float64] = WEIGHT * np.maximum(cosines, 0)
    return scores


def ref_clip_scores(
    scores: NDArray[np.float64], captions: Vectors, references: Sequence[Vectors]
) -> NDArray[np.float64]:
    """RefCLIPScore: the harmonic mean of the CLIPScore and the best cosine with a reference.

    Args:
        scores: n values of :func:`clip_scores`.
        captions: the vectors of the same n captions, of shape (n, dimensions).
        references: for each caption the vectors of its references, of shape (any, dimensions).

    Returns:
        n values; 0 where the CLIPScore or the best cosine, which counts as 0 if it is negative, is.
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


def _normalised(vectors: Vectors) -> NDArray[np.float64]:
    vectors = vectors.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float64)
