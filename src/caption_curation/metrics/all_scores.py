"""All metrics that need captions only: those of the COCO evaluation, SPICE included."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from caption_curation.config.languages import ENGLISH
from caption_curation.metrics.coco.scores import (
    CaptionedSplit,
    SplitScores,
    check_captions,
    score_splits,
)
from caption_curation.metrics.spice.scoring import spice_scores


def all_scores(
    splits: Sequence[CaptionedSplit],
    *,
    spice_files: Path | None,
    tokenize: bool = True,
    language: str = ENGLISH,
) -> list[SplitScores]:
    """The scores of several sets of captions, ``spice`` last: a number, or None if not computed.

    Of images, ``spice`` (0 to 1) is there only where it was computed.

    SPICE runs in parallel with the others, which wait for METEOR most of the time. Errors are those
    of :func:`caption_curation.metrics.coco.scores.score_splits`.

    Args:
        splits: as for :func:`~caption_curation.metrics.coco.scores.score_splits`.
        spice_files: the folder of SPICE's files; with None SPICE is not computed, as it must not
            be of captions in other languages than English.
        tokenize, language: as for :func:`~caption_curation.metrics.coco.scores.score_splits`.
    """
    for split in splits:
        check_captions(split.candidates, split.references)
    if spice_files is None:
        return [
            SplitScores({**scores.corpus, "spice": None}, scores.images)
            for scores in score_splits(splits, tokenize=tokenize, language=language)
        ]
    with ThreadPoolExecutor(max_workers=1) as thread:
        spice = thread.submit(spice_scores, splits, spice_files, tokenize=tokenize)
        others = score_splits(splits, tokenize=tokenize, language=language)
        return [
            _with_spice(scores, f_scores)
            for scores, f_scores in zip(others, spice.result(), strict=True)
        ]


def _with_spice(scores: SplitScores, f_scores: Sequence[float]) -> SplitScores:
    return SplitScores(
        {**scores.corpus, "spice": math.fsum(f_scores) / len(f_scores)},
        {
            image_id: {**of_image, "spice": f_score}
            for (image_id, of_image), f_score in zip(scores.images.items(), f_scores, strict=True)
        },
    )
