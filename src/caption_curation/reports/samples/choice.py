"""Which samples of a run are shown, and what is known of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from caption_curation import paths
from caption_curation.curation.score_files import read_scores
from caption_curation.edits import KEEP, Edit, read_edits
from caption_curation.experiments.epoch_samples import (
    EpochSamples,
    Sibling,
    read_epoch_samples,
)
from caption_curation.experiments.results import Results
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError


@dataclass(frozen=True)
class ShownSample:
    """A sample at the end of an epoch, and what was done to it.

    Attributes:
        rank: among those of its epoch, from 1.
        epoch: from 0, before training.
        before: the sample as it was in this epoch.
        edit: that was made after it, if the sample was chosen.
        score: what it was chosen by, or is ranked by; ``None`` where there is no such number.
        score_unit: of the score; empty where it has none.
        loss: the captioner's, after the epoch; ``None`` before training.
        loss_unit: of the loss.
        siblings: the other captions of its image.
    """

    rank: int
    epoch: int
    before: Sample
    edit: Edit | None
    score: float | None
    score_unit: str
    loss: float | None
    loss_unit: str
    siblings: Sequence[Sibling]

    @property
    def after(self) -> Sample | None:
        """The sample as the next epoch has it, or would have it if the edit had been accepted."""
        return self.edit.after if self.edit else self.before


def hardest_samples(results: Results, epoch: int, number: int) -> list[ShownSample]:
    """The samples of an epoch with the highest scores, the hardest first.

    Where the run chooses at random, the loss per token says how hard one is.

    Args:
        results: the run.
        epoch: from 1; with scores from a file, from 0.
        number: at most so many.

    Raises:
        InputError: a file is not there, or nothing says how hard samples are before training.
    """
    _check_epoch(results, epoch, results.epochs, "losses")
    now = read_epoch_samples(results, epoch)
    scores, unit = now.losses, now.loss_unit
    if now.score.is_given:
        unit = now.score.unit
        scores = read_scores(results.find(paths.scores(epoch)))
    if not scores:
        raise InputError("--epoch 0: before training there is no loss; name an epoch from 1")
    order = sorted(now.samples, key=lambda sample: -scores[sample.sample_id])[:number]
    edits: dict[str, Edit] = {}
    if epoch < results.epochs:  # nothing is curated after the last
        edits = {edit.sample_id: edit for edit in read_edits(results.find(paths.edits(epoch)))}
    return [
        _shown(now, rank, sample, edits.get(sample.sample_id), (scores[sample.sample_id], unit))
        for rank, sample in enumerate(order, start=1)
    ]


def edited_samples(results: Results, epoch: int | None, number: int) -> list[ShownSample]:
    """The samples that were to be changed or removed, also those whose edit was turned down.

    Args:
        results: the run.
        epoch: after which; ``None``: after any.
        number: of each epoch at most so many, the hardest first.

    Raises:
        InputError: a file is not there.
    """
    return _of_edits(results, epoch, number, lambda edit: edit.action != KEEP)


def removed_samples(results: Results, epoch: int | None, number: int) -> list[ShownSample]:
    """The samples that were removed, arguments as :func:`edited_samples`."""
    return _of_edits(results, epoch, number, lambda edit: edit.action == "remove" and edit.accepted)


def _of_edits(
    results: Results, epoch: int | None, number: int, wanted: Callable[[Edit], bool]
) -> list[ShownSample]:
    if epoch is not None:
        _check_epoch(results, epoch, results.epochs - 1, "edits")
    found = []
    for each in _with_edits(results) if epoch is None else [epoch]:
        log = read_edits(results.find(paths.edits(each)))
        edits = [edit for edit in log if wanted(edit)][:number]
        if edits:
            now = read_epoch_samples(results, each)
            found += [
                _shown(now, rank, edit.before, edit, (edit.score, now.score.unit))
                for rank, edit in enumerate(edits, start=1)
            ]
    return found


def _with_edits(results: Results) -> range:
    """The epochs that have been settled: an unfinished run's are fewer."""
    for epoch in range(results.epochs):
        try:
            results.find(paths.edits(epoch))
        except InputError:
            if epoch == 0:
                raise
            return range(epoch)
    return range(results.epochs)


def _check_epoch(results: Results, epoch: int, last: int, what: str) -> None:
    if epoch > last:
        raise InputError(f"--epoch {epoch}: the last {what} of {results.title} are of epoch {last}")


def _shown(
    now: EpochSamples,
    rank: int,
    sample: Sample,
    edit: Edit | None,
    score: tuple[float | None, str],
) -> ShownSample:
    return ShownSample(
        rank,
        now.epoch,
        sample,
        edit,
        *score,
        now.losses.get(sample.sample_id),
        now.loss_unit,
        now.siblings(sample),
    )
