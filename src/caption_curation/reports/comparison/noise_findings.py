"""What choices found of planted noise, over seeds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from caption_curation.audit.choices import Choice
from caption_curation.audit.selection import AuditRow
from caption_curation.curation.rules import RULES
from caption_curation.curation.scores import SCORES
from caption_curation.experiments.variants import Variant
from caption_curation.reports.page.statistics import Estimate, estimate

KINDS = ("wrong_caption", "mismatched_image", "long_caption", "any")


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
    rules, scores = list(RULES), list(SCORES)
    order = sorted(groups, key=lambda key: (rules.index(key[1]), key[2], scores.index(key[0])))
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
