"""What the paper prints of a row's setting, on the scale of our scores."""

from collections.abc import Mapping
from dataclasses import dataclass

from caption_curation.curation.scores import SCORES, is_random
from caption_curation.experiments.variants import Variant
from caption_curation.paper.numbers import difference_to_baseline, table_2


@dataclass(frozen=True)
class PaperScores:
    """A row of Table 2: scores, and their differences to the paper's own baseline, by metric."""

    scores: Mapping[str, float]
    to_none: Mapping[str, float]


def paper_scores(profile: str, train_fraction: float, variant: Variant) -> PaperScores | None:
    """The row of Table 2 with this corpus, method, schedule, rule and amount, if there is one.

    The paper ranks samples by loss; whichever loss a variant ranks by is taken for the paper's. It
    also tried other captions with synthetic images (its figure 1) and does not say of Table 2;
    section 3.3 keeps the sample's own, which is taken for the table's.

    Args:
        profile: name of the experiment's profile.
        train_fraction: the part of the training images that it trained on; the paper's is all.
        variant: of its curation.
    """
    if train_fraction != 1 or variant.pair_with not in (None, "keep") or variant.decisions:
        return None
    if variant.score is not None and (
        is_random(variant.score) or SCORES[variant.score].needs != ("losses",)
    ):
        return None
    wanted = (profile, variant.method, variant.schedule, variant.rule, variant.amount)
    for row in table_2():
        if (row.profile, row.method, row.schedule, row.rule, row.amount) == wanted:
            return PaperScores(
                _as_fractions(row.scores), _as_fractions(difference_to_baseline(row))
            )
    return None


def _as_fractions(percents: Mapping[str, float]) -> dict[str, float]:
    return {metric: percent / 100 for metric, percent in percents.items()}
