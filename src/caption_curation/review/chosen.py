"""The samples that curation chose after an epoch, as people review them: what is shown, in order.

All of them are held in memory, of COCO 226,000; a page is some dozens.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

from caption_curation import paths
from caption_curation.curation.candidates import read_candidates, read_judgements
from caption_curation.curation.settling import settle
from caption_curation.edits import Edit, read_proposals
from caption_curation.experiments.epoch_samples import EpochSamples, read_epoch_samples
from caption_curation.experiments.results import Results
from caption_curation.reports.page.words import differing_words
from caption_curation.review.decisions_file import Decided
from caption_curation.support.errors import InputError

Order = Literal["hardest", "easiest", "sample"]
State = Literal["all", "undecided", "decided", "accept", "reject", "caption", "remove"]
ORDERS: tuple[Order, ...] = get_args(Order)
STATES: tuple[State, ...] = get_args(State)
Number = int  # of a sample, from 0: its place among the chosen, the hardest first


@dataclass(frozen=True, slots=True)
class Filter:
    """Which samples a reviewer wants to see; all that is asked must be so.

    Attributes:
        action: what was proposed; empty: anything.
        state: what was decided, if anything.
        low, high: limits of the score, themselves among them.
        text: that the sample id, or the caption before or after, holds; whatever the case.
    """

    action: str = ""
    state: State = "all"
    low: float | None = None
    high: float | None = None
    text: str = ""

    def admits(self, edit: Edit, decided: Decided | None) -> bool:
        """Whether a sample is to be seen."""
        return (
            self.action in ("", edit.action)
            and self._state_is(decided)
            and self._score_is_within(edit.score)
            and (not self.text or self.text.casefold() in _texts_of(edit))
        )

    def _state_is(self, decided: Decided | None) -> bool:
        match self.state:
            case "all":
                return True
            case "undecided" | "decided":
                return (decided is not None) == (self.state == "decided")
        return decided is not None and decided.decision == self.state

    def _score_is_within(self, score: float | None) -> bool:
        if self.low is None and self.high is None:
            return True
        return (
            score is not None
            and (self.low is None or score >= self.low)
            and (self.high is None or score <= self.high)
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the samples that a filter admits.

    Attributes:
        numbers: of the samples, in order.
        begin: how many of those admitted come before them.
        total: how many are admitted.
    """

    numbers: Sequence[Number]
    begin: int
    total: int


@dataclass(frozen=True, eq=False)
class Chosen:
    """The samples that were chosen after an epoch.

    Attributes:
        now: all samples of the epoch.
        edits: what becomes of each where no person decides, the hardest first.
    """

    now: EpochSamples
    edits: Sequence[Edit]
    _orders: dict[Order, tuple[list[Number], dict[Number, int]]] = field(default_factory=dict)

    @cached_property
    def numbers(self) -> dict[str, Number]:
        """The number of each, by sample id."""
        return {edit.sample_id: number for number, edit in enumerate(self.edits)}

    @cached_property
    def actions(self) -> dict[str, int]:
        """How many were proposed of each action."""
        counts: dict[str, int] = {}
        for edit in self.edits:
            counts[edit.action] = counts.get(edit.action, 0) + 1
        return counts

    def _in_order(self, order: Order) -> tuple[list[Number], dict[Number, int]]:
        """All numbers in an order, and the place of each in it."""
        if order not in self._orders:
            numbers = list(range(len(self.edits)))
            if order == "easiest":
                numbers.reverse()
            elif order == "sample":
                numbers.sort(key=lambda number: self.edits[number].sample_id)
            places = {number: place for place, number in enumerate(numbers)}
            self._orders[order] = numbers, places
        return self._orders[order]

    def unchosen(self, decided: Iterable[str]) -> int:
        """How many samples that were decided about were not chosen: nothing comes of these."""
        return sum(name not in self.numbers for name in decided)

    def part(
        self,
        wanted: Filter,
        decided: Mapping[str, Decided],
        *,
        order: Order,
        size: int,
        after: Number | None = None,
        before: Number | None = None,
    ) -> Part:
        """Samples that a filter admits, from the first, after a sample, or before one.

        A page is told by a sample, not by its number: what was decided on it may no longer be
        admitted, and nothing is passed over by that.

        Args:
            wanted: the filter.
            decided: by sample id.
            order: of the samples.
            size: how many at most.
            after, before: one of them at most.
        """
        in_order, places = self._in_order(order)
        admitted = [
            number
            for number in in_order
            if wanted.admits(edit := self.edits[number], decided.get(edit.sample_id))
        ]
        begin = 0
        if after is not None:
            begin = bisect_right(admitted, places[after], key=places.__getitem__)
        elif before is not None:
            begin = max(0, bisect_left(admitted, places[before], key=places.__getitem__) - size)
        return Part(admitted[begin : begin + size], begin, len(admitted))

    def image(self, number: Number, which: Literal["before", "after"]) -> Path | None:
        """The file of an image; ``None`` where there is no other one after than before."""
        edit = self.edits[number]
        file = edit.before.file if which == "before" else _file_after(edit)
        return None if file is None else self.now.results.find(Path(file))

    def row(self, number: Number, decided: Decided | None) -> dict[str, Any]:
        """What the page shows of a sample, as JSON can hold it."""
        edit = self.edits[number]
        before, after = edit.before, edit.after
        words = differing_words(before.caption, after.caption if after else "")
        return {
            "number": number,
            "sample_id": edit.sample_id,
            "action": edit.action,
            "reason": edit.reason,
            "evidence": dict(edit.evidence),
            "loss": self.now.losses.get(edit.sample_id),
            "caption": before.caption,
            "proposed": after.caption if after else None,
            "words": words if after and after.caption != before.caption else None,
            "new_image": _file_after(edit) is not None,
            "accepted": edit.accepted,
            "decided_by": edit.decided_by,
            "siblings": [
                {"caption": sibling.caption, "loss": sibling.loss}
                for sibling in self.now.siblings(before)
            ],
            "decided": as_json(decided),
        }


def as_json(decided: Decided | None) -> dict[str, str] | None:
    """A decision as the page has it."""
    return {"decision": decided.decision, "caption": decided.caption} if decided else None


def read_chosen(results: Results, epoch: int | None) -> Chosen:
    """The samples that were chosen after an epoch.

    Args:
        results: the run.
        epoch: from 0, before training; ``None``: the first after which any was.

    Raises:
        InputError: a file is not there, there is no such epoch, or none was chosen.
    """
    if epoch is not None and epoch >= results.epochs:
        raise InputError(
            f"--epoch {epoch}: after the last of {results.epochs} epochs nothing is curated"
        )
    for each in range(results.epochs) if epoch is None else [epoch]:
        proposals = read_proposals(results.find(paths.proposals(each)))
        if proposals:
            edits = settle(
                proposals,
                epoch=each,
                candidates=read_candidates(each, results.find),
                judgements=read_judgements(each, results.find),
            )
            return Chosen(read_epoch_samples(results, each), edits)
    when = "any epoch" if epoch is None else f"epoch {epoch}"
    raise InputError(f"{results.title} chose no sample after {when}: there is nothing to review")


def _file_after(edit: Edit) -> str | None:
    after = edit.after
    return after.file if after and after.file != edit.before.file else None


def _texts_of(edit: Edit) -> str:
    after = edit.after.caption if edit.after else ""
    return "\n".join((edit.sample_id, edit.before.caption, after)).casefold()
