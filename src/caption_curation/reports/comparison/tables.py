"""Runs in, rows of estimates out; and their form as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from caption_curation.config.languages import ENGLISH
from caption_curation.evaluation.arithmetic import KINDS, RunClasses, agree, differing_kinds
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered, random_control
from caption_curation.reports.comparison.over_images import Pair, Resampled, interval_over_images
from caption_curation.reports.comparison.paper_rows import PaperScores, paper_scores
from caption_curation.reports.page.generators import (
    Cell,
    by_generator,
    by_seed,
    complete_grid,
    estimate_cells,
    paired_cells,
)
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.statistics import Estimate, Interval

NONE = Variant("none")


@dataclass(frozen=True)
class Row:
    """A variant's scores over seeds, by metric; a metric that no seed has is missing.

    Of several generators, what is by seed is a mean over them.

    Attributes:
        generators: seeds of the generators that drew its images; empty where none did.
        to_none, to_random: paired differences to no curation and to the control that curates as
            many samples, but any; without the metrics that have no common seed.
        differences: by metric and seed, to no curation.
        by_generator: by metric, ``to_none`` of each generator by itself; empty for fewer than two.
        over_images: 95 % intervals of ``to_none`` over test images, where all runs recorded theirs.
        by_seed: the scores that ``scores`` are the means of, by metric and seed.
        classes: the numerical classes of each seed's run, by kind of result.
        paper: what the paper prints of the same setting.
    """

    variant: Variant
    seeds: Sequence[int]
    generators: Sequence[int]
    scores: Mapping[str, Estimate]
    to_none: Mapping[str, Estimate]
    to_random: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]
    by_generator: Mapping[str, Mapping[int, Estimate]]
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
    names = {(run.variant, cell_of(run)): run.name for run in runs}

    def pairs(variant: Variant, cells: Iterable[Cell]) -> list[Pair]:
        """The runs of a variant, and those without curation, of the same seeds."""
        of_none = [(NONE, (None, seed)) for _, seed in cells]
        of_both = zip([(variant, cell) for cell in cells], of_none, strict=True)
        return [(resampled.get(names[own]), resampled.get(names[none])) for own, none in of_both]

    rows = []
    for variant in ordered(run.variant for run in shown):
        own = [run for run in shown if run.variant == variant]
        generators = sorted({run.generator for run in own if run.generator is not None})
        control = random_control(variant)
        partners = of_one_arithmetic(own, runs)
        scores = {metric: scores_by_cell(own, variant, metric) for metric in metrics}
        to_none, to_random, differences, of_each, over_images = {}, {}, {}, {}, {}
        for metric, values in scores.items():
            none = scores_by_cell(partners, NONE, metric)
            if variant != NONE and (difference := paired_cells(values, none)):
                to_none[metric] = estimate_cells(difference)
                differences[metric] = by_seed(difference)
                if len(generators) > 1:
                    of_each[metric] = by_generator(difference)
                grid = complete_grid(difference)
                if interval := interval_over_images(pairs(variant, grid), metric):
                    over_images[metric] = interval
            at_random = scores_by_cell(partners, control, metric) if control else {}
            if difference := paired_cells(values, at_random):
                to_random[metric] = estimate_cells(difference)
        rows.append(
            Row(
                variant,
                sorted({run.seed for run in own}),
                generators,
                {metric: estimate_cells(of) for metric, of in scores.items() if of},
                to_none,
                to_random,
                differences,
                of_each,
                over_images,
                {metric: by_seed(of) for metric, of in scores.items()},
                {seed: _classes(own, seed) for seed in {run.seed for run in own}},
                _paper_scores(own[0]),
            )
        )
    return rows


def _paper_scores(run: Run) -> PaperScores | None:
    """Those of the run's variant; the paper's captions are English."""
    if run.language != ENGLISH:
        return None
    return paper_scores(run.profile, run.train_fraction, run.variant)


def _classes(runs: Iterable[Run], seed: int) -> RunClasses:
    """The numerical classes of all runs of a seed together, by kind of result."""
    found: dict[str, frozenset[str]] = dict.fromkeys(KINDS, frozenset())
    for run in runs:
        if run.seed == seed:
            found = {kind: found[kind] | run.classes.get(kind, frozenset()) for kind in KINDS}
    return found


def of_one_arithmetic(own: Iterable[Run], others: Iterable[Run]) -> list[Run]:
    """Those of other runs that were computed in the same arithmetic as those of their seed.

    Args:
        own: of one variant.
        others: of any; those of other seeds are not among the result.
    """
    classes: dict[int, list[RunClasses]] = {}
    for run in own:
        classes.setdefault(run.seed, []).append(run.classes)
    return [
        run
        for run in others
        if run.seed in classes and all(agree(of, run.classes) for of in classes[run.seed])
    ]


def cell_of(run: Run) -> Cell:
    """What tells a run from others of its variant."""
    return run.generator, run.seed


def scores_by_cell(runs: Iterable[Run], variant: Variant, metric: str) -> dict[Cell, float]:
    """The scores of a variant's runs, as far as they have the metric."""
    return {
        cell_of(run): value
        for run in runs
        if run.variant == variant and (value := run.scores.get(metric)) is not None
    }


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


ESTIMATE_COLUMNS = (
    "mean",
    "ci95_half_width",
    "seeds",
    "generators",
    "ci95_half_width_over_both",
)


def estimate_columns(value: Estimate | None) -> list[object]:
    """The cells under ``ESTIMATE_COLUMNS``."""
    if value is None:
        return [None] * len(ESTIMATE_COLUMNS)
    spread = [value.half_width, value.seeds, value.generators, value.half_width_over_both]
    return [value.mean, *spread]


def scores_csv(sections: Iterable[tuple[str, str, Sequence[Row]]]) -> str:
    """Every estimate of every section's table, on the scale of the metrics' formulas.

    Args:
        sections: name, setting and rows.
    """
    kinds = ("score", "minus_none", "minus_random")
    columns = [f"{kind}_{part}" for kind in kinds for part in ESTIMATE_COLUMNS]
    columns += ["minus_none_over_images_ci95_low", "minus_none_over_images_ci95_high"]
    columns += ["paper_score", "paper_minus_none"]
    lines = []
    for name, setting, rows in sections:
        for row in rows:
            for metric in row.scores:
                cells: list[object] = [name, setting, *variant_cells(row.variant), metric]
                for found in (row.scores, row.to_none, row.to_random):
                    cells += estimate_columns(found.get(metric))
                cells += row.over_images.get(metric, (None, None))
                cells += (
                    [row.paper.scores.get(metric), row.paper.to_none.get(metric)]
                    if row.paper
                    else [None, None]
                )
                lines.append(cells)
    return to_csv(["section", "setting", *VARIANT_COLUMNS, "metric", *columns], lines)


def generators_csv(sections: Iterable[tuple[str, str, Sequence[Row]]]) -> str:
    """The differences to no curation of each generator by itself, where a row has several.

    Args:
        sections: as :func:`scores_csv` takes them.
    """
    lines = [
        [name, setting, *variant_cells(row.variant), metric, generator, *estimate_columns(value)]
        for name, setting, rows in sections
        for row in rows
        for metric, of_each in row.by_generator.items()
        for generator, value in of_each.items()
    ]
    columns = [f"minus_none_{part}" for part in ESTIMATE_COLUMNS[:3]]
    header = ["section", "setting", *VARIANT_COLUMNS, "metric", "generator_seed", *columns]
    return to_csv(header, [line[: len(header)] for line in lines])


def runs_csv(runs: Sequence[Run]) -> str:
    """Every run with its scores, and the numerical classes of each kind of its results."""
    metrics = measured_metrics(runs)
    classes = [f"class_of_{kind}" for kind in KINDS]
    return to_csv(
        [
            "experiment",
            "setting",
            "seed",
            "generator_seed",
            *VARIANT_COLUMNS,
            "best_epoch",
            *metrics,
            *classes,
        ],
        [
            [
                run.name,
                run.setting,
                run.seed,
                run.generator,
                *variant_cells(run.variant),
                run.best_epoch,
                *(run.scores.get(metric) for metric in metrics),
                *(" ".join(sorted(run.classes.get(kind, ()))) for kind in KINDS),
            ]
            for run in runs
        ],
    )
