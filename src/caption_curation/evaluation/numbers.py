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
from caption_curation.curation.scores import SCORES, LossMeasure
from caption_curation.edits import KEEP, Edit
from caption_curation.samples import CaptionedImage, Sample, SampleLoss

# The keys under which edits are counted, by their action if they were accepted.
COUNT_NAMES = {name: action.counted_as for name, action in ACTIONS.items()} | {KEEP: "kept"}
REJECTED = "rejected"

# With fixed widths, bins are the same in every experiment, so that `dvc plots diff` can overlay
# their distributions.
BIN_WIDTHS: Mapping[LossMeasure, float] = {
    "loss_mean": 0.1,  # nats per token
    "loss_sum": 1.0,  # nats per caption
    "loss_sum_smoothed": 1.0,
}


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
        of ``samples`` to choose from, the number ``chosen``, the number of each kind of edit, and
        the number ``rejected``, which changed nothing;
        ``training_set`` is the number of samples in the last epoch.
    """
    counts = Counter(
        (edit.epoch, COUNT_NAMES[edit.action] if edit.accepted else REJECTED) for edit in edits
    )
    last = max(sizes)
    by_epoch: dict[str, Any] = {}
    for epoch in range(last):
        of_kind = {name: counts[epoch, name] for name in (*COUNT_NAMES.values(), REJECTED)}
        by_epoch[f"epoch_{epoch}"] = {
            "samples": sizes[epoch],
            "chosen": sum(of_kind.values()),
            **of_kind,
        }
    return {**by_epoch, "training_set": sizes[last]}


def training_set_counts(sets: Mapping[int, Sequence[Sample]]) -> dict[str, dict[str, int]]:
    """What the training set of every epoch holds, with every image and caption counted once.

    Args:
        sets: the samples that each epoch was trained on; epoch 0, the corpus, is left out.

    Returns:
        ``epoch_1``, … each with the number of ``samples``; of distinct ``images`` that they show,
        photographs and synthetic ones; of distinct ``captions``, where the same words for two
        photographs are two captions; and of distinct ``texts``, whatever they describe.
    """
    return {
        f"epoch_{epoch}": {
            "samples": len(samples),
            "images": len({sample.file for sample in samples}),
            "captions": len({(sample.image_id, sample.caption) for sample in samples}),
            "texts": len({sample.caption for sample in samples}),
        }
        for epoch, samples in sorted(sets.items())
        if epoch > 0
    }


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


def loss_histogram(
    losses: Mapping[int, Sequence[SampleLoss]], measure: LossMeasure
) -> list[dict[str, float]]:
    """Distribution of a loss in every epoch, in bins shared by all epochs.

    Args:
        losses: by epoch.
        measure: which of each sample's losses.

    Returns:
        One row for every epoch and bin: ``epoch``, ``loss`` (the middle of the bin, whose width
        is in ``BIN_WIDTHS``; the first begins at 0), ``samples`` in it, and their ``fraction`` of
        the epoch's samples.
    """
    width = BIN_WIDTHS[measure]
    bins = {
        epoch: Counter(math.floor(loss / width) for loss in SCORES[measure].function(rows))
        for epoch, rows in sorted(losses.items())
    }
    last = max(max(counts) for counts in bins.values())
    return [
        {
            "epoch": epoch,
            "loss": round((index + 0.5) * width, 6),
            "samples": counts[index],
            "fraction": counts[index] / counts.total(),
        }
        for epoch, counts in bins.items()
        for index in range(last + 1)
    ]
