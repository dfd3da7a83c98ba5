"""How much there will be to do, between bounds where it depends on losses not known yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caption_curation.curation.actions import ACTIONS, NO_CURATION
from caption_curation.curation.rules import RULES
from caption_curation.curation.settings import Curation, CurationDetails
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


def chosen_samples(curation: Curation, details: CurationDetails, samples: int) -> Bounds:
    """Samples that are chosen after an epoch that is not the last, of ``samples``."""
    if curation.method == NO_CURATION or curation.schedule != "dynamic":
        return NOTHING
    rule = RULES[curation.rule]
    amount = float(getattr(curation, rule.amount))
    return Bounds(*rule.chosen_of(samples, amount, details.rounding))


def training_samples(
    curation: Curation, details: CurationDetails, samples: int, epochs: int
) -> list[Bounds]:
    """Samples that each epoch is trained on: all, or fewer and fewer where the action removes them.

    Args:
        curation: method, schedule and rule.
        details: how a ratio is rounded.
        samples: of the corpus's training split.
        epochs: of the training.
    """
    if curation.method == NO_CURATION or not ACTIONS[curation.method].removes:
        return [exactly(samples)] * epochs
    if curation.schedule == "static":
        # Whether ratio · J is whole is each image's own affair, and a coin is a coin.
        return [at_most(samples)] * epochs
    sizes = [exactly(samples)]
    while len(sizes) < epochs:
        least, most = sizes[-1].least, sizes[-1].most
        sizes.append(
            Bounds(
                least - chosen_samples(curation, details, least).most,
                most - chosen_samples(curation, details, most).least,
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
