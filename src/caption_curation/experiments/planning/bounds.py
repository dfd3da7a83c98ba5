"""How much there will be to do, between bounds where it depends on losses not known yet."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caption_curation.curation.settings import Curation
from caption_curation.experiments.planning.forecast import State


@dataclass(frozen=True, slots=True)
class Bounds:
    """A number that is between two, both included; ``least == most`` if it is known."""

    least: int
    most: int

    def __add__(self, other: "Bounds") -> "Bounds":
        return Bounds(self.least + other.least, self.most + other.most)

    def __str__(self) -> str:
        if self.least == self.most:
            return f"{self.most:,}"
        return f"{self.least:,} to {self.most:,}" if self.least else f"at most {self.most:,}"


NOTHING = Bounds(0, 0)


def exactly(number: int) -> Bounds:
    """A number that is known."""
    return Bounds(number, number)


def at_most(number: int) -> Bounds:
    """A number that may also be zero."""
    return Bounds(0, number)


def total(bounds: Iterable[Bounds]) -> Bounds:
    """The sum; zero of none."""
    return sum(bounds, NOTHING)


def chosen_samples(curation: Curation, samples: int) -> Bounds:
    """Samples that are chosen after an epoch that is not the last, of ``samples``.

    ``top_fraction`` chooses ``floor(ratio · n)``. ``mean_std`` is bounded by Cantelli's inequality:
    of any n numbers at most ``n / (1 + k²)`` lie k standard deviations or more above their mean.
    """
    if curation.method == "none" or curation.schedule != "dynamic":
        return NOTHING
    # The tiny term is that of selection.top_fraction.
    if curation.rule == "top_fraction":
        return exactly(math.floor(curation.ratio * samples + 1e-9))
    # All cannot lie above their mean, and of equal numbers none does.
    return at_most(min(math.floor(samples / (1 + curation.std**2) + 1e-9), max(0, samples - 1)))


def training_samples(curation: Curation, samples: int, epochs: int) -> list[Bounds]:
    """Samples that each epoch is trained on: all, or with ``remove`` fewer and fewer.

    Args:
        curation: method, schedule and rule.
        samples: of the corpus's training split.
        epochs: of the training.
    """
    if curation.method != "remove":
        return [exactly(samples)] * epochs
    if curation.schedule == "static":
        # Whether ratio · J is whole is each image's own affair, and a coin is a coin.
        return [at_most(samples)] * epochs
    sizes = [exactly(samples)]
    while len(sizes) < epochs:
        least, most = sizes[-1].least, sizes[-1].most
        sizes.append(
            Bounds(
                least - chosen_samples(curation, least).most,
                most - chosen_samples(curation, most).least,
            )
        )
    return sizes


def remaining(sizes: Sequence[Bounds], states: Sequence[State]) -> Bounds:
    """What is left to do of epochs of these sizes; those that only follow may turn out cached."""
    return total(
        size if state is State.RUNS else at_most(size.most)
        for size, state in zip(sizes, states, strict=True)
        if not state.is_done
    )
