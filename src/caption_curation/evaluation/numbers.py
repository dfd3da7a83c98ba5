"""From the history of an experiment to its numbers: scores, counts, loss distributions.

Everything here is plain numbers in dictionaries and lists of rows, as ``dvc metrics`` and
``dvc plots`` read them. Scores are on the scale of their formulas, losses in nats per token.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from caption_curation.curation.actions import ACTIONS
from caption_curation.curation.rules import hardest_first
from caption_curation.curation.scores import SCORES, LossMeasure
from caption_curation.edits import KEEP, Edit
from caption_curation.samples import Sample, SampleLoss

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


@dataclass(frozen=True)
class LossSummary:
    """What there is to tell of the losses after one epoch.

    Attributes:
        samples: their number.
        mean, median: of the loss per token, in nats.
        bins: by measure, the number of losses in each bin of ``BIN_WIDTHS``; the first is 0.
        hardest_first: ids of all samples by descending loss; ties in the order of samples.
    """

    samples: int
    mean: float
    median: float
    bins: Mapping[LossMeasure, Counter[int]]
    hardest_first: Sequence[str]


def summarize_losses(losses: Sequence[SampleLoss], hard: LossMeasure) -> LossSummary:
    """Tell of an epoch's losses what is needed when they are no longer held in memory.

    Args:
        losses: of the epoch.
        hard: by which of the losses a sample is hard.
    """
    per_token = [loss.loss_mean for loss in losses]
    measures: tuple[LossMeasure, ...] = ("loss_mean", hard)
    order = hardest_first(SCORES[hard].function(losses))
    return LossSummary(
        samples=len(losses),
        mean=fmean(per_token),
        median=median(per_token),
        bins={measure: _bins(losses, measure) for measure in measures},
        hardest_first=[losses[index].sample_id for index in order],
    )


def _bins(losses: Sequence[SampleLoss], measure: LossMeasure) -> Counter[int]:
    width = BIN_WIDTHS[measure]
    return Counter(math.floor(loss / width) for loss in SCORES[measure].function(losses).tolist())


def count_edits(edits: Iterable[Edit]) -> Counter[str]:
    """The edits after one epoch by what became of their samples."""
    return Counter(COUNT_NAMES[edit.action] if edit.accepted else REJECTED for edit in edits)


def curation_counts(
    edits: Mapping[int, Mapping[str, int]], sizes: Mapping[int, int]
) -> dict[str, Any]:
    """How many samples were chosen after each epoch, and what became of them.

    Args:
        edits: by epoch, the counts of :func:`count_edits`; those without edits may be missing.
        sizes: number of training samples by epoch, from 0, which is the corpus.

    Returns:
        ``epoch_0`` (before training), ``epoch_1``, … up to the last but one, each with the number
        of ``samples`` to choose from, the number ``chosen``, the number of each kind of edit, and
        the number ``rejected``, which changed nothing;
        ``training_set`` is the number of samples in the last epoch.
    """
    last = max(sizes)
    by_epoch: dict[str, Any] = {}
    for epoch in range(last):
        found = edits.get(epoch, {})
        of_kind = {name: found.get(name, 0) for name in (*COUNT_NAMES.values(), REJECTED)}
        by_epoch[f"epoch_{epoch}"] = {
            "samples": sizes[epoch],
            "chosen": sum(of_kind.values()),
            **of_kind,
        }
    return {**by_epoch, "training_set": sizes[last]}


def training_set_counts(samples: Sequence[Sample]) -> dict[str, int]:
    """What the training set of an epoch holds, with every image and caption counted once.

    Returns:
        The number of ``samples``; of distinct ``images`` that they show, photographs and synthetic
        ones; of distinct ``captions``, where the same words for two photographs are two captions;
        and of distinct ``texts``, whatever they describe.
    """
    return {
        "samples": len(samples),
        "images": len({sample.file for sample in samples}),
        "captions": len({(sample.image_id, sample.caption) for sample in samples}),
        "texts": len({sample.caption for sample in samples}),
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
    validation: Mapping[int, Mapping[str, float | None]], losses: Mapping[int, LossSummary]
) -> list[dict[str, float | None]]:
    """One row per epoch: the validation scores, and the loss after it on its training samples.

    ``mean_loss`` and ``median_loss`` are over samples, of the loss per token in nats.
    """
    return [
        {
            "epoch": epoch,
            **scores,
            "mean_loss": losses[epoch].mean,
            "median_loss": losses[epoch].median,
            "samples": losses[epoch].samples,
        }
        for epoch, scores in sorted(validation.items())
    ]


def loss_histogram(
    losses: Mapping[int, LossSummary], measure: LossMeasure
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
    bins = {epoch: of.bins[measure] for epoch, of in sorted(losses.items())}
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
