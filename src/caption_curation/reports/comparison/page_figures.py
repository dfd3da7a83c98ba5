"""Which figures a comparison has, and the numbers in them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from caption_curation.curation.rules import RULES, amount_label
from caption_curation.curation.scores import SCORES, is_random
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, amount_lines, ordered
from caption_curation.reports.comparison.figures import lengths, losses, noise, scores
from caption_curation.reports.comparison.figures.look import WIDTH
from caption_curation.reports.comparison.held_for import generators_sentence
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
    score_rows,
)
from caption_curation.reports.comparison.training_numbers import (
    chosen_lengths_by_choice,
    chosen_shares,
    hard_sample_overlaps,
    mean_distribution,
    runs_of,
    telling_pairs,
)
from caption_curation.reports.page.caption_lengths import caption_lengths
from caption_curation.reports.page.labels import METRIC_LABELS, NOISE_LABELS
from caption_curation.reports.page.style import to_svg

AMOUNT_METRICS = ("cider", "bleu_4")  # all others are in the tables
SCHEDULE_METRICS = ("bleu_4", "cider")  # the paper's


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
    # CIDEr first.
    metrics = sorted(metrics, key=lambda metric: metric != "cider")
    made = []
    if any(metrics[0] in row.to_none for row in rows):
        made.append(
            PageFigure(
                f"{section.name}_differences",
                scores.score_differences(rows, metrics[0]),
                f"{section.title}: differences in {METRIC_LABELS[metrics[0]]} to no curation, "
                "paired by seed: every seed, and their mean with its 95 % confidence intervals "
                "over seeds and over test images. That over images holds for this one training of "
                f"each seed. {generators_sentence(rows)}".strip(),
            )
        )
    lines = amount_lines(row.variant for row in rows)
    compared = _lines_of_both_schedules(lines)
    others = [line for line, of in lines.items() if set(of) != set(compared.get(line, ()))]
    made += _amounts(
        section,
        rows,
        {
            line: of
            for line, of in lines.items()
            if line in others or (others and line.schedule == "dynamic")
        },
    )
    made += _schedules(section, compared)
    return made


def _amounts(
    section: Section, rows: Sequence[Row], lines: Mapping[Variant, Sequence[Variant]]
) -> list[PageFigure]:
    if not lines:
        return []
    of_variant = {row.variant: row for row in rows}
    shown = [name for name in AMOUNT_METRICS if name in measured_metrics(section.runs)]
    figure = scores.scores_by_amount(
        {line: [of_variant[variant] for variant in of] for line, of in lines.items()},
        chosen_shares(section.runs),
        of_variant.get(NONE),
        shown,
    )
    return [
        PageFigure(
            f"{section.name}_amounts",
            figure,
            f"{section.title}: test scores against the part of the samples that is curated (as the "
            "paper’s figure 5), with 95 % confidence intervals. Rules by standard deviations stand "
            "at the part that they chose, a mean over epochs and seeds.",
        )
    ]


def _lines_of_both_schedules(
    lines: Mapping[Variant, Sequence[Variant]],
) -> dict[Variant, list[Variant]]:
    """Lines by ratio of the methods that have one of either schedule."""
    by_ratio = {
        line: [variant for variant in of if variant.rule is None or RULES[variant.rule].is_fraction]
        for line, of in lines.items()
        if not is_random(line.score)
    }
    methods = [
        {line.method for line in by_ratio if line.schedule == schedule}
        for schedule in ("dynamic", "static")
    ]
    return {
        line: of for line, of in by_ratio.items() if line.method in methods[0] & methods[1] and of
    }


def _schedules(section: Section, lines: Mapping[Variant, Sequence[Variant]]) -> list[PageFigure]:
    validated = [replace(run, scores=run.validation) for run in section.runs if run.validation]
    of_variant = {row.variant: row for row in score_rows(validated, validated, {})}
    shown = {
        line: [of_variant[variant] for variant in of if variant in of_variant]
        for line, of in lines.items()
    }
    metrics = [name for name in SCHEDULE_METRICS if name in measured_metrics(validated)]
    if not metrics or not all(shown.values()) or not shown:
        return []
    return [
        PageFigure(
            f"{section.name}_schedules",
            scores.schedules(shown, of_variant.get(NONE), metrics),
            f"{section.title}: the static and the dynamic schedule on the validation split (as the "
            "paper’s figure 7), each run by its best epoch, with 95 % confidence intervals.",
        )
    ]


def loss_figures(runs: Sequence[Run], variants: Sequence[Variant]) -> list[PageFigure]:
    """Distributions of losses, summed ones where they are known, and whether samples stay hard."""
    by_unit: dict[str, dict[Variant, dict[int, dict[float, float]]]] = {}
    for unit, attribute in (("nats per caption", "summed_losses"), ("nats per token", "losses")):
        distributions = {
            variant: mean_distribution([getattr(run, attribute) for run in runs_of(runs, variant)])
            for variant in variants
        }
        if any(distributions.values()):
            by_unit[unit] = distributions
    made = [
        PageFigure(
            "losses",
            losses.loss_distributions(by_unit),
            "Loss of the training samples after every epoch: summed over the caption, with the "
            "label smoothing of training, and per token without it; means over seeds. Of every "
            "method the variant with the most seeds, of several the first in the tables. The axis "
            "ends where one sample in a thousand is left.",
        )
    ]
    overlaps = hard_sample_overlaps(runs, variants)
    if overlaps:
        made.append(
            PageFigure(
                "hard_samples",
                losses.hard_samples({pair: overlaps[pair] for pair in telling_pairs(overlaps)}),
                "Do the same samples stay hard? Of those with the highest summed loss after the "
                "first of two epochs, the part that is among as many after the second, mean over "
                "seeds with its 95 % confidence interval. Samples removed in between do not count; "
                "those with a new caption or image count as what they are.",
            )
        )
    return made


def corpus_figures(runs: Mapping[str, Sequence[Run]]) -> list[PageFigure]:
    """How long the captions of the corpora are; of every setting, whose runs have one corpus."""
    corpora = {setting: found[0].corpus_lengths for setting, found in runs.items()}
    return [
        PageFigure(
            "corpus_lengths",
            caption_lengths(corpora, WIDTH),
            "Length of the captions of the training split (as the paper’s figure 6, which compares "
            "COCO with Flickr30K).",
        )
    ]


def chosen_figures(runs: Sequence[Run]) -> list[PageFigure]:
    """Caption lengths of chosen and of other samples, if any were chosen by a score."""
    chosen = chosen_lengths_by_choice(runs)
    if not chosen:
        return []
    return [
        PageFigure(
            "chosen_lengths",
            lengths.chosen_lengths(chosen),
            "Length of the captions of chosen and of other samples at the time of choosing, "
            "all seeds together.",
        )
    ]


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
            noise.noise_found(
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
