"""Which figures a comparison has, and the numbers in them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from caption_curation.curation.rules import amount_label
from caption_curation.curation.scores import SCORES, is_random
from caption_curation.experiments.runs import LengthCounts, Run
from caption_curation.experiments.variants import Variant, ordered, ratio_lines
from caption_curation.reports.comparison import figures
from caption_curation.reports.comparison.noise_findings import (
    KINDS,
    Finding,
    findings_of_choices,
    findings_of_variants,
)
from caption_curation.reports.comparison.sections import Section, runs_by_setting, setting_slugs
from caption_curation.reports.comparison.tables import (
    NONE,
    Row,
    measured_metrics,
)
from caption_curation.reports.page.labels import METRIC_LABELS, NOISE_LABELS
from caption_curation.reports.page.style import to_svg


@dataclass(frozen=True)
class PageFigure:
    """A figure of the page."""

    name: str
    figure: Figure
    caption: str

    @cached_property
    def svg(self) -> Markup:
        """The figure for the page, and as a file beside it."""
        return Markup(to_svg(self.figure, self.caption))


def figures_by_setting(
    runs: Iterable[Run], made_of: Callable[[list[Run]], list[PageFigure]]
) -> dict[str, list[PageFigure]]:
    """The same figures of every setting; where there are several, names and captions say of which.

    Args:
        runs: of any settings.
        made_of: makes the figures of one.
    """
    of_setting = runs_by_setting(runs)
    slugs = setting_slugs(of_setting)
    return {
        setting: [
            replace(
                figure, name=figure.name + slugs[setting], caption=f"{setting}. {figure.caption}"
            )
            if len(slugs) > 1
            else figure
            for figure in made_of(found)
        ]
        for setting, found in of_setting.items()
    }


def section_figures(section: Section, rows: Sequence[Row]) -> list[PageFigure]:
    metrics = measured_metrics(section.runs)
    # CIDEr is what the epoch is chosen by, and the paper's main number.
    metrics = sorted(metrics, key=lambda metric: metric != "cider")
    of_variant = {row.variant: row for row in rows}
    made = []
    if any(metrics[0] in row.to_none for row in rows):
        made.append(
            PageFigure(
                f"{section.name}_differences",
                figures.score_differences(rows, metrics[0]),
                f"{section.title}: differences in {METRIC_LABELS[metrics[0]]} to no curation, "
                "paired by seed: every seed, their mean, and its 95 % confidence interval.",
            )
        )
    lines = {
        line: [of_variant[variant] for variant in of]
        for line, of in ratio_lines(of_variant).items()
    }
    if lines:
        made.append(
            PageFigure(
                f"{section.name}_ratios",
                figures.scores_by_ratio(lines, of_variant.get(NONE), metrics),
                f"{section.title}: test scores against the fraction of samples that is curated, "
                "with 95 % confidence intervals.",
            )
        )
    return made


def loss_figures(runs: Sequence[Run], variants: Sequence[Variant]) -> list[PageFigure]:
    distributions = {
        variant: mean_distribution([run for run in runs if run.variant == variant])
        for variant in variants
        if not is_random(variant.score)
    }
    return [
        PageFigure(
            "losses",
            figures.loss_distributions(distributions),
            "Loss of the training samples after every epoch, by method, mean over seeds.",
        )
    ]


def mean_distribution(runs: Sequence[Run]) -> dict[int, dict[float, float]]:
    """Epoch → middle of a bin → fraction of samples, a mean over runs."""
    sums: dict[int, dict[float, list[float]]] = {}
    for run in runs:
        for row in run.losses:
            bins = sums.setdefault(int(row["epoch"]), {})
            bins.setdefault(row["loss"], []).append(row["fraction"])
    # Bins beyond a run's highest loss are not in its rows: it has no sample there.
    return {
        epoch: {middle: sum(found) / len(runs) for middle, found in sorted(bins.items())}
        for epoch, bins in sorted(sums.items())
    }


def length_figures(runs: Sequence[Run]) -> list[PageFigure]:
    """One row for every score and rule; of several methods and amounts, the one of most runs."""
    # The static schedule chooses at random.
    counts = Counter(
        run.variant for run in runs if run.lengths and run.variant.schedule != "static"
    )
    of_choice: dict[tuple[str | None, str | None, str | None], Variant] = {}
    for variant in sorted(ordered(counts), key=lambda variant: -counts[variant]):
        of_choice.setdefault((variant.schedule, variant.score, variant.rule), variant)
    lengths = {
        variant: pooled_lengths([run for run in runs if run.variant == variant])
        for variant in ordered(of_choice.values())
    }
    if not lengths:
        return []
    return [
        PageFigure(
            "caption_lengths",
            figures.caption_lengths(lengths),
            "Length of the captions of chosen and of other samples at the time of choosing, "
            "all seeds together.",
        )
    ]


def pooled_lengths(runs: Sequence[Run]) -> dict[int, LengthCounts]:
    pooled: dict[int, LengthCounts] = {}
    for run in runs:
        for epoch, counts in run.lengths.items():
            group = pooled.setdefault(epoch, LengthCounts(Counter(), Counter()))
            group.chosen.update(counts.chosen)
            group.others.update(counts.others)
    return pooled


def noise_findings(runs: Sequence[Run]) -> dict[str, Any]:
    """What choices found of planted noise; empty where none is known.

    Returns:
        ``choices``: (score, rule, amount) → epoch → kind → finding, of runs without curation;
        ``variants``: the same by variant, of what was really chosen.
    """
    choices = findings_of_choices(choice for run in runs for choice in run.choices)
    variants = findings_of_variants((run.variant, run.audit) for run in runs)
    if not choices and not variants:
        return {}
    order = ordered(variants)
    return {
        "choices": {key: _by_epoch(found) for key, found in choices.items()},
        "variants": {variant: _by_epoch(variants[variant]) for variant in order},
    }


def _by_epoch(found: Iterable[Finding]) -> dict[int, dict[str, Finding]]:
    epochs: dict[int, dict[str, Finding]] = {}
    for finding in found:
        epochs.setdefault(finding.epoch, {})[finding.kind] = finding
    return epochs


def audit_figures(audit: Mapping[str, Any]) -> list[PageFigure]:
    """One figure an epoch of what every score and rule finds on the losses without curation."""
    if not audit or not audit["choices"]:
        return []
    choices = audit["choices"]
    epochs = sorted({epoch for of in choices.values() for epoch in of})
    return [
        PageFigure(
            f"noise_epoch_{epoch}",
            figures.noise_found(
                {
                    f"{SCORES[key[0]].title}, {amount_label(key[1], key[2])}": list(
                        of[epoch].values()
                    )
                    for key, of in choices.items()
                },
                NOISE_LABELS,
                [kind for kind in KINDS if kind in next(iter(choices.values()))[epoch]],
            ),
            f"What every score and rule finds of planted noise by the losses after epoch {epoch} "
            "of training without curation.",
        )
        for epoch in epochs
    ]
