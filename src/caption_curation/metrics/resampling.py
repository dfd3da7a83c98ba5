"""The scores of any resample of a split's images, from what was recorded of each of them.

Every measure here is a function of sums over images: BLEU and METEOR of the sums of their counts,
the others are means. Scores of all resamples are therefore one matrix product and a formula. CIDEr
keeps the n-gram weights of the whole split.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from caption_curation.config.languages import ENGLISH
from caption_curation.samples import read_json_lines

Floats = NDArray[np.float64]

MEANS = ("rouge_l", "cider", "spice", "clipscore", "ref_clipscore")
_ORDERS = np.arange(1, 5)  # of BLEU's n-grams


@dataclass(frozen=True)
class _Meteor:
    """METEOR 1.5's parameters (Denkowski and Lavie 2014).

    Attributes:
        weights: of exact, stem, synonym and paraphrase matches.
    """

    alpha: float
    beta: float
    gamma: float
    delta: float
    weights: tuple[float, float, float, float]


# Those of the jar: of task "rank" in English, and the language-independent ones of the others. The
# latter have no list of function words, and so any delta.
_ENGLISH = _Meteor(0.85, 0.2, 0.6, 0.75, (1.0, 0.6, 0.8, 0.6))
_INDEPENDENT = _Meteor(0.75, 1.4, 0.7, 0.5, (1.0, 0.5, 0.5, 0.5))


@dataclass(frozen=True)
class ImageStatistics:
    """What scores of resamples are computed from.

    Attributes:
        image_ids: n of them.
        sums: by name, shape (n, k): ``bleu`` (k = 10: tokens, tokens of the closest reference,
            matched n-grams and all n-grams for n = 1..4), and what was computed of ``meteor``
            (k = 23) and ``MEANS`` (k = 1).
        language: of the captions.
    """

    image_ids: tuple[str, ...]
    sums: Mapping[str, Floats]
    language: str = ENGLISH


def read_image_statistics(path: Path, language: str) -> ImageStatistics:
    """The statistics in ``reports/evaluation/images.jsonl``.

    Args:
        path: of the file: a line an image, with its id, what :class:`~.coco.scores.SplitScores` has
            of it, and those of ``MEANS`` that were computed.
        language: of the captions.
    """
    rows = read_json_lines(path)
    bleu = np.array([row["bleu"] for row in rows], dtype=np.float64)
    ngrams = np.maximum(bleu[:, :1] - _ORDERS + 1, 0)
    sums = {"bleu": np.hstack([bleu, ngrams])}
    if all("meteor" in row for row in rows):
        counts = np.array([row["meteor"] for row in rows], dtype=np.float64)
        sums["meteor"] = _as_meteor_adds(counts)
    for name in MEANS:
        if all(name in row for row in rows):
            sums[name] = np.array([[row[name]] for row in rows], dtype=np.float64)
    return ImageStatistics(tuple(str(row["image_id"]) for row in rows), sums, language)


def resampled_scores(statistics: ImageStatistics, counts: Floats) -> dict[str, Floats]:
    """The scores of r resamples, by metric: the corpus scores that their images would have.

    Args:
        statistics: of n images.
        counts: how often each resample has each image, shape (r, n), at least one image each; a
            row of ones is the split itself.

    Returns:
        By metric, shape (r,), on the scale of the formulas.
    """
    sums = {name: counts @ of_images for name, of_images in statistics.sums.items()}
    scores = _bleu(sums["bleu"])
    if "meteor" in sums:
        parameters = _ENGLISH if statistics.language == ENGLISH else _INDEPENDENT
        scores["meteor"] = _meteor(sums["meteor"], parameters)
    sizes = counts.sum(axis=1)
    return scores | {name: sums[name][:, 0] / sizes for name in MEANS if name in sums}


def _bleu(sums: Floats) -> dict[str, Floats]:
    """BLEU-1 to 4 (Papineni et al. 2002) of rows of sums, with pycocoevalcap's small numbers."""
    small, tiny = 1e-9, 1e-15
    tokens, closest, matched, ngrams = np.split(sums, [1, 2, 6], axis=1)
    precisions = np.cumprod((matched + tiny) / (ngrams + small), axis=1) ** (1 / _ORDERS)
    ratio = (tokens + tiny) / (closest + small)
    scores = precisions * np.exp(np.minimum(0, 1 - 1 / ratio))
    return {f"bleu_{n}": scores[:, n - 1] for n in _ORDERS}


def _as_meteor_adds(counts: Floats) -> Floats:
    """METEOR's counts of images without the chunk of captions that match as a whole, in order.

    Such a caption has no fragments, alone or in a sum; found by comparison with METEOR itself.
    """
    lengths, chunks, words = counts[:, 0:2], counts[:, 20], counts[:, 21:23]
    whole = (words == lengths).all(axis=1) & (chunks == 1)
    added = counts.copy()
    added[whole, 20] = 0
    return added


def _meteor(sums: Floats, parameters: _Meteor) -> Floats:
    """METEOR 1.5 (Denkowski and Lavie 2014) of rows of sums of its counts; 0 without a match."""
    alpha, beta, gamma = parameters.alpha, parameters.beta, parameters.gamma
    delta = parameters.delta
    lengths, function_words = sums[:, 0:2], sums[:, 2:4]  # columns: candidate, reference
    of_kind = sums[:, 4:20].reshape(-1, 4, 2, 2)  # kind of match, content or function, side
    chunks, words = sums[:, 20], sums[:, 21:23]
    matched = np.einsum("rkcs,k,c->rs", of_kind, parameters.weights, [delta, 1 - delta])
    weighted = delta * (lengths - function_words) + (1 - delta) * function_words
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall = (matched / weighted).T
        mean = 1 / ((1 - alpha) / precision + alpha / recall)
        fragments = chunks / words.mean(axis=1)
    scores = mean * (1 - gamma * fragments**beta)
    return np.where(np.isfinite(scores), scores, 0)
