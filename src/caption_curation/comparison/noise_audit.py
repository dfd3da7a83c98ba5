"""Which score and rule find which noise: what was chosen, and what would have been.

Choosing is a pure function of an epoch's losses. On the losses of a run without curation, every
score and rule can therefore be tried side by side, without training again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.audit import AuditRow, PlantedNoise, audit_selection
from caption_curation.comparison.seed_statistics import Estimate, estimate
from caption_curation.comparison.variants import SCORES, Variant
from caption_curation.params import Curation
from caption_curation.randomness import generator_for
from caption_curation.samples import Edit, Sample, SampleLoss
from caption_curation.selection import select

RULES = ("top_fraction", "mean_std")
KINDS = ("wrong_caption", "mismatched_image", "long_caption", "any")


@dataclass(frozen=True)
class Choice:
    """What a score and a rule choose after an epoch, against every kind of noise.

    ``amount`` is the rule's ratio or number of standard deviations.
    """

    score: str
    rule: str
    amount: float
    row: AuditRow


@dataclass(frozen=True)
class Finding:
    """A choice against one kind of noise, over seeds; all fractions.

    ``precision`` is the part of the chosen samples with this noise, ``None`` where no seed chose
    any; ``recall`` is the part of this noise that was chosen, ``None`` where none was left;
    ``chosen`` is the part of all samples that was chosen: the recall of a random choice.
    """

    epoch: int
    kind: str
    chosen: Estimate
    base_rate: Estimate
    precision: Estimate | None
    recall: Estimate | None


def audit_choices(
    sets: Mapping[int, Sequence[Sample]],
    losses: Mapping[int, Sequence[SampleLoss]],
    noise: PlantedNoise,
    curation: Curation,
    seed: int,
) -> list[Choice]:
    """What every score and rule would choose after every epoch.

    Args:
        sets: the training samples, by epoch.
        losses: on them, in their order, by epoch from 1.
        noise: what was planted.
        curation: its ``ratio`` and ``std`` are used.
        seed: of the experiment; ``random`` chooses as it does there.
    """
    choices = []
    for epoch, of_epoch in sorted(losses.items()):
        for rule in RULES:
            amount = curation.std if rule == "mean_std" else curation.ratio
            for score in SCORES:
                tried = curation.model_copy(update={"score": score, "rule": rule})
                _, indices = select(of_epoch, tried, generator_for(seed, epoch, "score"))
                rows = against_noise(sets[epoch], indices, epoch, noise)
                choices += [Choice(score, rule, amount, row) for row in rows]
    return choices


def against_noise(
    samples: Sequence[Sample], indices: Sequence[int], epoch: int, noise: PlantedNoise
) -> list[AuditRow]:
    """A choice after one epoch against every kind of noise, also if nothing was chosen.

    Args:
        samples: there were to choose from.
        indices: of the chosen ones.
        epoch: after which they were chosen.
        noise: what was planted.
    """
    chosen = [samples[index] for index in indices]
    edits = [Edit(one.sample_id, epoch, "keep", one, one, None) for one in chosen]
    return audit_selection({epoch: samples}, edits, noise, [epoch])


def findings(rows: Iterable[AuditRow]) -> list[Finding]:
    """The same choice of several seeds, by epoch and kind of noise.

    Args:
        rows: of all seeds of one variant, or of one score and rule.
    """
    groups: dict[tuple[int, str], list[AuditRow]] = {}
    for row in rows:
        groups.setdefault((row.epoch, row.kind), []).append(row)
    found = []
    for (epoch, kind), group in sorted(
        groups.items(), key=lambda item: (item[0][0], KINDS.index(item[0][1]))
    ):
        precisions = [row.precision for row in group if row.chosen]
        recalls = [row.recall for row in group if row.recall is not None]
        found.append(
            Finding(
                epoch,
                kind,
                estimate([row.chosen / row.samples for row in group]),
                estimate([row.base_rate for row in group]),
                estimate(precisions) if precisions else None,
                estimate(recalls) if recalls else None,
            )
        )
    return found


def findings_of_choices(
    choices: Iterable[Choice],
) -> dict[tuple[str, str, float], list[Finding]]:
    """The findings of every (score, rule, amount), in the order of rules, then scores."""
    groups: dict[tuple[str, str, float], list[AuditRow]] = {}
    for choice in choices:
        groups.setdefault((choice.score, choice.rule, choice.amount), []).append(choice.row)
    order = sorted(groups, key=lambda key: (RULES.index(key[1]), key[2], SCORES.index(key[0])))
    return {key: findings(groups[key]) for key in order}


def findings_of_variants(
    audits: Iterable[tuple[Variant, Sequence[AuditRow]]],
) -> dict[Variant, list[Finding]]:
    """The findings of every variant that chooses samples.

    Args:
        audits: variant and audit of every run.
    """
    groups: dict[Variant, list[AuditRow]] = {}
    for variant, rows in audits:
        groups.setdefault(variant, []).extend(rows)
    return {variant: findings(rows) for variant, rows in groups.items() if rows}
