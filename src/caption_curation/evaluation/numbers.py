"""From the history of an experiment to its numbers: scores, counts, loss distributions.

Everything here is plain numbers in dictionaries and lists of rows, as ``dvc metrics`` and
``dvc plots`` read them. Scores are on the scale of their formulas, losses in nats per token.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from caption_curation.curation.actions import ACTIONS
from caption_curation.samples import KEEP, CaptionedImage, Edit, SampleLoss

# The keys under which edits are counted, by their action.
COUNT_NAMES = {name: action.counted_as for name, action in ACTIONS.items()} | {KEEP: "kept"}

# With a fixed width, bins are the same in every experiment, so that `dvc plots diff` can overlay
# their distributions.
BIN_WIDTH = 0.1  # nats per token


def training_set_sizes(
    images: Iterable[CaptionedImage], losses: Mapping[int, Sequence[SampleLoss]]
) -> dict[int, int]:
    """Samples trained on in each epoch; key 0: those of the corpus, before the static schedule.

    Args:
        images: the training split.
        losses: by epoch from 1, the loss on every sample that was trained on.
    """
    return {
        0: sum(len(image.captions) for image in images),
        **{epoch: len(rows) for epoch, rows in losses.items()},
    }


def curation_counts(edits: Iterable[Edit], sizes: Mapping[int, int]) -> dict[str, Any]:
    """How many samples were chosen after each epoch, and what became of them.

    Args:
        edits: the whole edit log.
        sizes: number of training samples by epoch, from 0; see :func:`training_set_sizes`.

    Returns:
        ``epoch_0`` (before training), ``epoch_1``, … up to the last but one, each with the number
        of ``samples`` to choose from, the number ``chosen``, and the number of each kind of edit;
        ``training_set`` is the number of samples in the last epoch.
    """
    counts = Counter((edit.epoch, edit.action) for edit in edits)
    last = max(sizes)
    by_epoch: dict[str, Any] = {}
    for epoch in range(last):
        of_kind = {name: counts[epoch, action] for action, name in COUNT_NAMES.items()}
        by_epoch[f"epoch_{epoch}"] = {
            "samples": sizes[epoch],
            "chosen": sum(of_kind.values()),
            **of_kind,
        }
    return {**by_epoch, "training_set": sizes[last]}


def mean_clip_scores(
    scores: Mapping[str, Mapping[str, Mapping[str, float]]] | None, split: str
) -> dict[str, float | None]:
    """CLIPScore and RefCLIPScore of a split: means over its images; None if they were not computed.

    Args:
        scores: by split and image id, ``clipscore`` and ``ref_clipscore``; or None.
        split: ``test``, or ``val_epoch_1`` and so on.
    """
    return {
        name: fmean(image[name] for image in scores[split].values()) if scores else None
        for name in ("clipscore", "ref_clipscore")
    }


def epoch_rows(
    validation: Mapping[int, Mapping[str, float | None]],
    losses: Mapping[int, Sequence[SampleLoss]],
) -> list[dict[str, float | None]]:
    """One row per epoch: the validation scores, and the loss after it on its training samples.

    ``mean_loss`` and ``median_loss`` are over samples, of the loss per token in nats.
    """
    rows: list[dict[str, float | None]] = []
    for epoch, scores in sorted(validation.items()):
        per_token = [loss.loss_mean for loss in losses[epoch]]
        rows.append(
            {
                "epoch": epoch,
                **scores,
                "mean_loss": fmean(per_token),
                "median_loss": median(per_token),
                "samples": len(per_token),
            }
        )
    return rows


def loss_histogram(losses: Mapping[int, Sequence[SampleLoss]]) -> list[dict[str, float]]:
    """Distribution of the loss per token in every epoch, in bins shared by all epochs.

    Returns:
        One row for every epoch and bin: ``epoch``, ``loss`` (the middle of the bin, which is
        ``BIN_WIDTH`` wide; the first begins at 0), ``samples`` in it, and their ``fraction`` of
        the epoch's samples.
    """
    bins = {
        epoch: Counter(math.floor(loss.loss_mean / BIN_WIDTH) for loss in rows)
        for epoch, rows in sorted(losses.items())
    }
    last = max(max(counts) for counts in bins.values())
    return [
        {
            "epoch": epoch,
            "loss": round((index + 0.5) * BIN_WIDTH, 6),
            "samples": counts[index],
            "fraction": counts[index] / counts.total(),
        }
        for epoch, counts in bins.items()
        for index in range(last + 1)
    ]
