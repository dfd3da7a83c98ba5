"""Which noise each score and rule would find, in what they would choose.

The choice is a pure function of an epoch's losses. On the losses of a run without curation, all
scores and rules can therefore be compared, without training again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from caption_curation.audit.selection import AuditRow, PlantedNoise, audit_chosen
from caption_curation.curation.rules import RULES
from caption_curation.curation.scores import SCORES
from caption_curation.curation.selection import select
from caption_curation.curation.settings import Curation, CurationDetails
from caption_curation.rng import rng_for
from caption_curation.samples import Sample, SampleLoss


@dataclass(frozen=True)
class Choice:
    """What a score and a rule choose after an epoch, audited against one kind of noise.

    ``amount`` is the rule's ratio or number of standard deviations.
    """

    score: str
    rule: str
    amount: float
    row: AuditRow


def audit_choices(
    sets: Mapping[int, Sequence[Sample]],
    losses: Mapping[int, Sequence[SampleLoss]],
    noise: PlantedNoise,
    curation: Curation,
    details: CurationDetails,
    seed: int,
) -> list[Choice]:
    """What every score and rule would choose after every epoch; no score that is not recorded.

    Args:
        sets: the training samples, by epoch.
        losses: of these samples, in their order, by epoch from 1.
        noise: what was planted.
        curation: its ``ratio`` and ``std`` are used.
        details: how a ratio is rounded.
        seed: of the experiment; ``random`` chooses as it does there.
    """
    choices = []
    for epoch, epoch_losses in sorted(losses.items()):
        for rule, row in RULES.items():
            amount = float(getattr(curation, row.amount))
            for score, score_row in SCORES.items():
                if not score_row.is_recorded(epoch_losses):
                    continue
                tried = curation.model_copy(update={"score": score, "rule": rule})
                _, indices = select(epoch_losses, tried, details, rng_for(seed, epoch, "score"))
                audited = audit_choice(sets[epoch], indices, epoch, noise)
                choices += [Choice(score, rule, amount, against) for against in audited]
    return choices


def audit_choice(
    samples: Sequence[Sample], indices: Sequence[int], epoch: int, noise: PlantedNoise
) -> list[AuditRow]:
    """A choice after one epoch against every kind of noise, even if nothing was chosen.

    Args:
        samples: the samples to choose from.
        indices: of the chosen samples.
        epoch: after which they were chosen.
        noise: what was planted.
    """
    chosen = {epoch: {samples[index].sample_id for index in indices}}
    return audit_chosen({epoch: samples}, chosen, noise, [epoch])
