"""Scores: how hard a sample is for the captioner, one number a sample; the higher, the harder.

:data:`SCORES` is the one place where scores are named: a score is a function and its row. What
``params.yaml`` allows, the audit of planted noise, reports and comparisons follow from the table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from caption_curation.samples import SampleLoss

FloatArray = npt.NDArray[np.float64]
LossMeasure = Literal["loss_mean", "loss_sum", "loss_sum_smoothed"]
LOSS_UNITS: dict[LossMeasure, str] = {
    "loss_mean": "nats per token",
    "loss_sum": "nats per caption",
    "loss_sum_smoothed": "nats per caption",
}


def loss_mean(losses: Sequence[SampleLoss]) -> FloatArray:
    """The loss per token, in nats."""
    return np.array([loss.loss_mean for loss in losses], dtype=np.float64)


def loss_sum(losses: Sequence[SampleLoss]) -> FloatArray:
    """The loss of the whole caption, in nats."""
    return np.array([loss.loss_sum for loss in losses], dtype=np.float64)


def loss_sum_smoothed(losses: Sequence[SampleLoss]) -> FloatArray:
    """The loss of the whole caption, in nats, with the label smoothing of training.

    The paper (section 3.1) says "loss" alone. The 1,014 losses that its authors released have a
    mean of 66.7 and grow with the caption's length (r = 0.65): sums over tokens. That they are
    label-smoothed is a conclusion from BLIP's code, not a statement of theirs: ``models/med.py``
    with ``reduction='none'`` gives such sums, with label smoothing 0.1.

    Raises:
        ValueError: the losses are of a file that was written before this one was recorded.
    """
    if any(loss.loss_sum_smoothed is None for loss in losses):
        raise ValueError("these losses have no loss_sum_smoothed; score the samples again")
    return np.array([loss.loss_sum_smoothed for loss in losses], dtype=np.float64)


def uniform(losses: Sequence[SampleLoss], rng: np.random.Generator) -> FloatArray:
    """Random numbers, uniform in [0, 1)."""
    return rng.random(len(losses))


def from_file(given: Sequence[float]) -> FloatArray:
    """The numbers that somebody else's measure gave, read from a file."""
    return np.array(given, dtype=np.float64)


@dataclass(frozen=True)
class Score:
    """A row of :data:`SCORES`.

    Attributes:
        function: gives the scores of all samples, in their order.
        title: in lower case, as tables and figures name it.
        unit: of the scores; empty where they have none.
        needs: the names of the function's arguments: ``losses`` (of the training samples, in
            order), ``rng`` and ``given`` (numbers from a file, in the same order) are available.
        loss: the loss that pages show beside this score, and by which a caption of
            ``pair_with`` is easier than another.
        same_number_as: a random control chooses as many samples as this score would.
    """

    function: Callable[..., FloatArray]
    title: str
    unit: str
    needs: tuple[str, ...] = ("losses",)
    loss: LossMeasure = "loss_mean"
    same_number_as: str | None = None

    @property
    def is_given(self) -> bool:
        """Whether the numbers come from elsewhere, so that there may be some before training."""
        return "given" in self.needs

    def is_recorded(self, losses: Sequence[SampleLoss]) -> bool:
        """Whether losses, perhaps of an older file, are all that it takes to have this score."""
        return not self.is_given and all(getattr(loss, self.loss) is not None for loss in losses)

    def of(self, **available: Any) -> FloatArray:
        """The scores, from those of the ``available`` inputs that this score needs."""
        return self.function(**{name: available[name] for name in self.needs})


SCORES = {
    "loss_mean": Score(loss_mean, "mean loss", LOSS_UNITS["loss_mean"]),
    "loss_sum": Score(loss_sum, "summed loss", LOSS_UNITS["loss_sum"], loss="loss_sum"),
    "loss_sum_smoothed": Score(
        loss_sum_smoothed,
        "smoothed summed loss",
        LOSS_UNITS["loss_sum_smoothed"],
        loss="loss_sum_smoothed",
    ),
    # The random control: the same number of samples, chosen uniformly.
    "random": Score(
        uniform, "random control", "", needs=("losses", "rng"), same_number_as="loss_mean"
    ),
    "file": Score(from_file, "score from a file", "", needs=("given",)),
}


def is_random(score: str | None) -> bool:
    """Whether a score is a random control; ``None``, no score, is not."""
    return score is not None and SCORES[score].same_number_as is not None
