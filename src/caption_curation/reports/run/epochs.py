"""What the page tells of each epoch, read one after another: only one is held in memory."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from caption_curation.audit.selection import AuditRow, audit_chosen
from caption_curation.curation.scores import FloatArray
from caption_curation.curation.settling import decision_on
from caption_curation.edits import KEEP, apply_edits, read_edits
from caption_curation.metrics.coco.unicode_words import lengths_in_words
from caption_curation.reports.run.examples import (
    EditExample,
    LossChange,
    SyntheticImage,
    edit_examples,
    loss_change,
)
from caption_curation.reports.run.run import Run
from caption_curation.rng import rng_for
from caption_curation.samples import Sample, read_losses, samples_of

EXAMPLES_IN_ALL = 18  # edits shown, shared out among the epochs
MOST_OF_EPOCH = 6

IntArray = npt.NDArray[np.int64]


@dataclass
class Findings:
    """What the page tells of the epochs; what is by epoch is of those that have any.

    Attributes:
        losses: of all samples that were trained on, in nats.
        chosen_losses: of those chosen after the epoch, from epoch 1.
        lengths: words of the captions of the samples chosen after the epoch.
        other_lengths: those of the others, of the same epochs.
        changes: what the next epoch did to losses, of the epochs from 1 that chose samples.
        audit: the choice against planted noise, where that is known.
        examples: edits to show.
        chosen: ids of all samples that were ever chosen.
        edited: number of edits that changed a sample.
        kept_reasons: why chosen samples were kept, with numbers.
        people: how many samples they decided about in which way, of the epochs with any.
    """

    losses: dict[int, FloatArray] = field(default_factory=dict)
    chosen_losses: dict[int, FloatArray] = field(default_factory=dict)
    lengths: dict[int, IntArray] = field(default_factory=dict)
    other_lengths: dict[int, IntArray] = field(default_factory=dict)
    changes: list[LossChange] = field(default_factory=list)
    audit: dict[int, list[AuditRow]] = field(default_factory=dict)
    examples: list[EditExample] = field(default_factory=list)
    chosen: set[str] = field(default_factory=set)
    edited: int = 0
    kept_reasons: Counter[str] = field(default_factory=Counter)
    people: dict[int, Counter[str]] = field(default_factory=dict)


@dataclass
class _State:
    """What is carried from one epoch to the next.

    Attributes:
        samples: the training set.
        losses: of the epoch before, by sample id.
        chosen: the ids chosen after it.
        examples: of its edits, still without the loss after them.
    """

    samples: Sequence[Sample]
    losses: Mapping[str, float] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    examples: list[EditExample] = field(default_factory=list)


def read_epochs(run: Run) -> Findings:
    """Read the losses and edits of all epochs."""
    findings = Findings()
    state = _State(samples_of(run.train))
    images = {
        (record["sample_id"], record["epoch"]): SyntheticImage(
            f"{record['key']}.jpg", str(record["prompt"])
        )
        for record in run.gallery
    }
    rng = rng_for(run.params.experiment.seed, "report", "edits")
    for epoch in range(run.epochs + 1):
        if epoch > 0:
            _add_losses(findings, state, run, epoch)
        if epoch < run.epochs:
            _add_edits(findings, state, run, epoch, images, rng)
    return findings


def _add_losses(findings: Findings, state: _State, run: Run, epoch: int) -> None:
    losses = {row.sample_id: getattr(row, run.measure) for row in read_losses(run.losses[epoch])}
    findings.losses[epoch] = np.array(list(losses.values()), dtype=np.float64)
    if epoch > 1 and state.chosen:  # before training there is no loss
        findings.changes.append(loss_change(epoch - 1, state.chosen, state.losses, losses))
    findings.examples += [
        replace(example, loss_after=losses.get(example.edit.sample_id))
        for example in state.examples
    ]
    state.losses = losses


def _add_edits(
    findings: Findings,
    state: _State,
    run: Run,
    epoch: int,
    images: Mapping[tuple[str, int], SyntheticImage],
    rng: np.random.Generator,
) -> None:
    edits = read_edits(run.edits[epoch])
    accepted = [edit for edit in edits if edit.accepted]
    findings.edited += sum(edit.action != KEEP for edit in accepted)
    findings.kept_reasons.update(edit.reason for edit in edits if edit.action == KEEP)
    if by_people := Counter(filter(None, map(decision_on, edits))):
        findings.people[epoch] = by_people
    state.chosen = {edit.sample_id for edit in edits}
    if state.chosen:
        _add_choice(findings, state, run, epoch)
    per_epoch = 2 * max(1, EXAMPLES_IN_ALL // (2 * max(1, len(run.curated_epochs))))
    state.examples = edit_examples(
        accepted, images, state.losses, per_epoch=min(per_epoch, MOST_OF_EPOCH), rng=rng
    )
    state.samples = apply_edits(state.samples, edits)


def _add_choice(findings: Findings, state: _State, run: Run, epoch: int) -> None:
    ids = state.chosen
    findings.chosen |= ids
    if epoch > 0:
        findings.chosen_losses[epoch] = np.array([state.losses[name] for name in sorted(ids)])
    is_chosen = np.array([sample.sample_id in ids for sample in state.samples], dtype=np.bool_)
    captions = [sample.caption for sample in state.samples]
    language = run.params.experiment.evaluation.language
    words = np.array(lengths_in_words(captions, language), dtype=np.int64)
    findings.lengths[epoch], findings.other_lengths[epoch] = words[is_chosen], words[~is_chosen]
    if run.noise:
        findings.audit[epoch] = audit_chosen(
            {epoch: state.samples}, {epoch: ids}, run.planted, [epoch]
        )
