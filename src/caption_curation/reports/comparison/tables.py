"""Runs in, rows of estimates out; and their form as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from caption_curation.evaluation.arithmetic import KINDS, RunClasses, agree, differing_kinds
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered, random_control
from caption_curation.reports.comparison.over_images import Resampled, interval_over_images
from caption_curation.reports.comparison.paper_rows import PaperScores, paper_scores
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.statistics import (
    Estimate,
    Interval,
    estimate,
    paired_difference,
)

NONE = Variant("none")


@dataclass(frozen=True)
class Row:
    """A variant's scores over seeds, by metric; a metric that no seed has is missing.

    Attributes:
        to_none, to_random: paired differences to no curation and to the control that curates as
            many samples, but any; without the metrics that have no common seed.
        differences: by metric and seed, to no curation.
        over_images: 95 % intervals of ``to_none`` over test images, where all runs recorded theirs.
        by_seed: the scores that ``scores`` are the means of, by metric and seed.
        classes: the numerical classes of each seed's run, by kind of result.
        paper: what the paper prints of the same setting.
    """

    variant: Variant
    seeds: Sequence[int]
    scores: Mapping[str, Estimate]
    to_none: Mapping[str, Estimate]
    to_random: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]
    over_images: Mapping[str, Interval]
    by_seed: Mapping[str, Mapping[int, float]]
    classes: Mapping[int, RunClasses]
    paper: PaperScores | None


def measured_metrics(runs: Iterable[Run]) -> list[str]:
    """The metrics that at least one run has, in the order of all tables."""
    runs = list(runs)
    return [name for name in METRIC_LABELS if any(run.scores.get(name) is not None for run in runs)]


def missing_scores(runs: Iterable[Run]) -> dict[str, list[str]]:
    """Metric → names of the runs that lack it, of metrics that any run mentions."""
    runs = list(runs)
    return {
        name: lacking
        for name in METRIC_LABELS
        if any(name in run.scores for run in runs)
        and (lacking := [run.name for run in runs if run.scores.get(name) is None])
    }


def score_rows(
    shown: Sequence[Run], runs: Sequence[Run], resampled: Mapping[str, Resampled]
) -> list[Row]:
    """One row a variant, no curation first.

    Args:
        shown: the runs that the rows are of.
        runs: all runs; what differences are taken to is found among them, seed by seed, among
            those that were computed in the same arithmetic.
        resampled: what :func:`~.over_images.resample_runs` gives of all runs.
    """
    metrics = measured_metrics(shown)
    names = {(run.variant, run.seed): run.name for run in runs}
    rows = []
    for variant in ordered(run.variant for run in shown):
        own = [run for run in shown if run.variant == variant]
        control = random_control(variant)
        partners = of_one_arithmetic(own, runs)
        scores = {metric: scores_by_seed(own, variant, metric) for metric in metrics}
        to_none, to_random, differences, over_images = {}, {}, {}, {}
        for metric, values in scores.items():
            none = scores_by_seed(partners, NONE, metric)
            if variant != NONE and (difference := paired_difference(values, none)):
                to_none[metric] = difference
                common = sorted(values.keys() & none.keys())
                differences[metric] = {seed: values[seed] - none[seed] for seed in common}
                pairs = [
                    (resampled.get(names[variant, seed]), resampled.get(names[NONE, seed]))
                    for seed in common
                ]
                if interval := interval_over_images(pairs, metric):
                    over_images[metric] = interval
            at_random = scores_by_seed(partners, control, metric) if control else {}
            if difference := paired_difference(values, at_random):
                to_random[metric] = difference
        rows.append(
            Row(
                variant,
                sorted(run.seed for run in own),
                {metric: estimate(list(of.values())) for metric, of in scores.items() if of},
                to_none,
                to_random,
                differences,
                over_images,
                scores,
                {run.seed: run.classes for run in own},
                paper_scores(own[0].profile, own[0].train_fraction, variant),
            )
        )
    return rows


def of_one_arithmetic(own: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """Those of other runs that were computed in the same arithmetic as the one of their seed.

    Args:
        own: of one variant.
        others: of any; those of other seeds are not among the result.
    """
    classes = {run.seed: run.classes for run in own}
    return [run for run in others if run.seed in classes and agree(classes[run.seed], run.classes)]


def scores_by_seed(runs: Iterable[Run], variant: Variant, metric: str) -> dict[int, float]:
    """The scores of a variant's runs, in the order of seeds."""
    found = {
        run.seed: value
        for run in runs
        if run.variant == variant and (value := run.scores.get(metric)) is not None
    }
    return dict(sorted(found.items()))


def best_variants(rows: Sequence[Row]) -> dict[str, list[Variant]]:
    """The variants with the highest mean of each metric (all of them: the higher, the better).

    A seed that is easy for all methods must not make one the best that alone has it. So means are
    compared over the seeds that all rows have which have the metric, in the same arithmetic, and a
    row of one seed is not compared with rows of more. Nothing is best where no seed is common, or
    one of several, nor of one row.

    Returns:
        By metric, in the order of the rows; several where their means are equal.
    """
    metrics = {metric for row in rows for metric in row.scores}
    return {metric: _best(rows, metric) for metric in metrics}


def _best(rows: Sequence[Row], metric: str) -> list[Variant]:
    values = {row.variant: found for row in rows if (found := row.by_seed.get(metric))}
    if any(len(found) > 1 for found in values.values()):
        values = {variant: found for variant, found in values.items() if len(found) > 1}
    if len(values) < 2:
        return []
    common = {
        seed
        for seed in set.intersection(*(set(found) for found in values.values()))
        if not differing_kinds(row.classes[seed] for row in rows if row.variant in values)
    }
    if not common or (len(common) == 1 and any(len(found) > 1 for found in values.values())):
        return []
    means = {
        variant: fmean(found[seed] for seed in sorted(common)) for variant, found in values.items()
    }
    return [variant for variant, mean in means.items() if mean == max(means.values())]


# ------------------------------------------------------------------------ CSV


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file with numbers to six significant digits, and nothing for ``None``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])
    return written.getvalue()


VARIANT_COLUMNS = (
    "method",
    "schedule",
    "score",
    "rule",
    "amount",
    "pair_with",
    "scores",
    "decisions",
)


def variant_cells(variant: Variant) -> list[object]:
    """The cells under ``VARIANT_COLUMNS``."""
    return [getattr(variant, column) for column in VARIANT_COLUMNS]


def scores_csv(sections: Iterable[tuple[str, str, Sequence[Row]]]) -> str:
    """Every estimate of every section's table, on the scale of the metrics' formulas.

    Args:
        sections: name, setting and rows.
    """
    kinds = ("score", "minus_none", "minus_random")
    columns = [f"{kind}_{part}" for kind in kinds for part in ("mean", "ci95_half_width", "seeds")]
    columns += ["minus_none_over_images_ci95_low", "minus_none_over_images_ci95_high"]
    columns += ["paper_score", "paper_minus_none"]
    lines = []
    for name, setting, rows in sections:
        for row in rows:
            for metric in row.scores:
                cells: list[object] = [name, setting, *variant_cells(row.variant), metric]
                for found in (row.scores, row.to_none, row.to_random):
                    value = found.get(metric)
                    cells += (
                        [value.mean, value.half_width, value.seeds] if value else [None, None, None]
                    )
                cells += row.over_images.get(metric, (None, None))
                cells += (
                    [row.paper.scores.get(metric), row.paper.to_none.get(metric)]
                    if row.paper
                    else [None, None]
                )
                lines.append(cells)
    return to_csv(["section", "setting", *VARIANT_COLUMNS, "metric", *columns], lines)


def runs_csv(runs: Sequence[Run]) -> str:
    """Every run with its scores, and the numerical classes of each kind of its results."""
    metrics = measured_metrics(runs)
    classes = [f"class_of_{kind}" for kind in KINDS]
    return to_csv(
        ["experiment", "setting", "seed", *VARIANT_COLUMNS, "best_epoch", *metrics, *classes],
        [
            [
                run.name,
                run.setting,
                run.seed,
                *variant_cells(run.variant),
                run.best_epoch,
                *(run.scores.get(metric) for metric in metrics),
                *(" ".join(sorted(run.classes.get(kind, ()))) for kind in KINDS),
            ]
            for run in runs
        ],
    )
