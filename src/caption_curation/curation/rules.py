"""Rules: how many of the hardest samples are chosen, from their scores (paper, section 3.1).

:data:`RULES` is the one place where rules are named: a rule is a function and its row.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from caption_curation.curation.scores import FloatArray
from caption_curation.samples import fraction_count

Rounding = Literal["floor", "round"]


def top_fraction(scores: FloatArray, ratio: float, rounding: Rounding) -> list[int]:
    """Indices of the highest ``ratio · n`` scores, highest first; ties in input order."""
    return hardest_first(scores)[: number_chosen(ratio, len(scores), rounding)]


def above_mean(scores: FloatArray, deviations: float) -> list[int]:
    """Indices of scores above ``mean + deviations · std``, highest first.

    The deviation is numpy's, that of a population (divided by n). The code that the paper's authors
    released takes this one in one place and torch's, that of a sample (divided by n - 1), in
    another. Of n samples the latter is larger by about one part in 2n.
    """
    if len(scores) == 0:
        return []
    threshold = scores.mean() + deviations * scores.std()
    return [index for index in hardest_first(scores) if scores[index] > threshold]


def hardest_first(scores: FloatArray) -> list[int]:
    """All indices by descending score; ties in input order."""
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def number_chosen(ratio: float, n: int, rounding: Rounding) -> int:
    """How many of ``n`` samples a ratio of them is.

    ``floor``: the whole number below. ``round``: the nearest, by Python's ``round`` as in the code
    that the paper's authors released, so that a half goes to the even number: 2.5 is 2, 3.5 is 4;
    a ratio below 1 is never all of them.
    """
    if rounding == "floor":
        return fraction_count(ratio, n)
    return min(round(ratio * n), n if ratio == 1 else n - 1)


def top_fraction_bounds(n: int, ratio: float, rounding: Rounding) -> tuple[int, int]:
    """Least and most samples that :func:`top_fraction` chooses of ``n``, whatever their scores."""
    count = number_chosen(ratio, n, rounding)
    return count, count


def above_mean_bounds(n: int, deviations: float) -> tuple[int, int]:
    """The same of :func:`above_mean`, by Cantelli's inequality.

    Of any n numbers at most ``n / (1 + k²)`` lie k standard deviations or more above their mean.
    All cannot lie above their mean, and of equal numbers none does.
    """
    return 0, min(math.floor(n / (1 + deviations**2) + 1e-9), max(0, n - 1))


@dataclass(frozen=True)
class Rule:
    """A row of :data:`RULES`.

    Attributes:
        function: indices of the chosen samples, hardest first, from the scores and an amount;
            where the amount is a fraction, from its rounding too.
        bounds: least and most samples chosen of n by an amount (and its rounding), whatever the
            scores.
        amount: the key of ``curation`` that holds the amount.
        title: the rule with its ``{amount}`` (or ``{percent}``) in a few words.
        sentence: which training samples are chosen by the ``{score}``, for a sentence.
        slug: begins the rule's part of an experiment's name.
    """

    function: Callable[..., list[int]]
    bounds: Callable[..., tuple[int, int]]
    amount: str
    title: str
    sentence: str
    slug: str

    @property
    def is_fraction(self) -> bool:
        """Whether the amount is the fraction of samples that is chosen, whatever their scores."""
        return self.amount == "ratio"

    def choose(self, scores: FloatArray, amount: float, rounding: Rounding) -> list[int]:
        """Indices of the chosen samples, hardest first."""
        return self.function(scores, amount, **self._rounding(rounding))

    def chosen_of(self, n: int, amount: float, rounding: Rounding) -> tuple[int, int]:
        """Least and most samples that are chosen of ``n``, whatever their scores."""
        return self.bounds(n, amount, **self._rounding(rounding))

    def _rounding(self, rounding: Rounding) -> dict[str, Any]:
        return {"rounding": rounding} if self.is_fraction else {}


RULES = {
    "top_fraction": Rule(
        top_fraction,
        top_fraction_bounds,
        "ratio",
        "top {percent:g} %",
        "the {percent:g} % of the training samples with the highest {score}",
        "top",
    ),
    "mean_std": Rule(
        above_mean,
        above_mean_bounds,
        "std",
        "mean + {amount:g} std",
        "the training samples whose {score} is more than {amount:g} standard deviations above the "
        "mean",
        "std",
    ),
}


def amount_label(rule: str, amount: float) -> str:
    """A rule and its amount in a few words, such as ``top 40 %``."""
    return RULES[rule].title.format(amount=amount, percent=100 * amount)
