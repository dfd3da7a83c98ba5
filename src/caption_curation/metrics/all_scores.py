"""Every metric of captions alone: those of the COCO evaluation, SPICE among them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from caption_curation.metrics.coco.scores import CaptionedSplit, check_captions, score_splits
from caption_curation.metrics.spice.scoring import spice_scores


def all_scores(
    splits: Sequence[CaptionedSplit], *, spice_files: Path | None, tokenize: bool = True
) -> list[dict[str, float | None]]:
    """The scores of several sets of captions, with ``spice`` as the last: a number or None.

    SPICE runs beside the others, which wait for METEOR most of the time.

    Args:
        splits: as for :func:`caption_curation.metrics.coco.scores.score_splits`, as are the errors.
        spice_files: the folder of SPICE's files; None: SPICE is not computed.
        tokenize: as there.
    """
    for split in splits:
        check_captions(split.candidates, split.references)
    if spice_files is None:
        return [{**scores, "spice": None} for scores in score_splits(splits, tokenize=tokenize)]
    with ThreadPoolExecutor(max_workers=1) as thread:
        spice = thread.submit(spice_scores, splits, spice_files, tokenize=tokenize)
        others = score_splits(splits, tokenize=tokenize)
        return [
            {**scores, "spice": value} for scores, value in zip(others, spice.result(), strict=True)
        ]
