"""CLIPScore and RefCLIPScore of embeddings, against values of the authors' definition."""

import numpy as np
import pytest

from caption_curation.metrics.clip.score import clip_scores, ref_clip_scores


def test_scores_of_given_vectors() -> None:
    rng = np.random.RandomState(0)
    images, captions = rng.rand(4, 8), rng.rand(4, 8)
    references = [rng.rand(count, 8) for count in (5, 3, 1)]
    captions[1] = 3 * images[1]

    scores = clip_scores(images, captions)
    assert scores[:3] == pytest.approx([2.2068355660561694, 2.5, 2.1154201614856287], abs=1e-15)
    assert ref_clip_scores(scores[:3], captions[:3], references) == pytest.approx(
        [1.281502846844544, 1.381860809000926, 1.0192532757054613], abs=1e-15
    )


def test_a_negative_cosine_counts_as_zero() -> None:
    image, caption = np.array([[1.0, 0.0]]), np.array([[-1.0, 0.1]])
    scores = clip_scores(image, caption)
    assert scores.tolist() == [0.0]
    assert ref_clip_scores(scores, caption, [caption]).tolist() == [0.0]
    # A caption that fits its image, but none of its references.
    scores = clip_scores(image, image)
    assert scores.tolist() == [2.5]
    assert ref_clip_scores(scores, image, [caption]).tolist() == [0.0]


def test_the_best_reference_counts() -> None:
    image = np.array([[0.0, 2.0]], dtype=np.float32)
    references = [np.array([[1.0, 0.0], [0.0, 5.0], [1.0, 1.0]], dtype=np.float32)]
    # Harmonic mean of 2.5 and 1.
    assert ref_clip_scores(np.array([2.5]), image, references) == pytest.approx([5 / 3.5])
