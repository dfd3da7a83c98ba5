"""Runs in, rows of estimates out; and their forms as CSV and LaTeX."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered, random_control
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.statistics import Estimate, estimate, paired_difference

NONE = Variant("none")


@dataclass(frozen=True)
class Row:
    """A variant's scores over seeds, by metric; a metric that no seed has is missing.

    Attributes:
        to_none, to_random: paired differences to no curation and to the control that curates as
            many samples, but any; without the metrics that have no common seed.
        differences: by metric and seed, to no curation.
    """

    variant: Variant
    seeds: Sequence[int]
    scores: Mapping[str, Estimate]
    to_none: Mapping[str, Estimate]
    to_random: Mapping[str, Estimate]
    differences: Mapping[str, Mapping[int, float]]


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


def score_rows(shown: Sequence[Run], runs: Sequence[Run]) -> list[Row]:
    """One row a variant, no curation first.

    Args:
        shown: the runs that the rows are of.
        runs: all runs; what differences are taken to is found among them, seed by seed.
    """
    metrics = measured_metrics(shown)
    rows = []
    for variant in ordered(run.variant for run in shown):
        own = [run for run in shown if run.variant == variant]
        control = random_control(variant)
        scores = {metric: scores_by_seed(own, variant, metric) for metric in metrics}
        to_none, to_random, by_seed = {}, {}, {}
        for metric, values in scores.items():
            none = scores_by_seed(runs, NONE, metric)
            if variant != NONE and (difference := paired_difference(values, none)):
                to_none[metric] = difference
                common = sorted(values.keys() & none.keys())
                by_seed[metric] = {seed: values[seed] - none[seed] for seed in common}
            at_random = scores_by_seed(runs, control, metric) if control else {}
            if difference := paired_difference(values, at_random):
                to_random[metric] = difference
        rows.append(
            Row(
                variant,
                sorted(run.seed for run in own),
                {metric: estimate(list(of.values())) for metric, of in scores.items() if of},
                to_none,
                to_random,
                by_seed,
            )
        )
    return rows


def scores_by_seed(runs: Iterable[Run], variant: Variant, metric: str) -> dict[int, float]:
    """The scores of a variant's runs, in the order of seeds."""
    found = {
        run.seed: value
        for run in runs
        if run.variant == variant and (value := run.scores.get(metric)) is not None
    }
    return dict(sorted(found.items()))


def best_of(rows: Sequence[Row]) -> dict[str, float]:
    """The highest mean of every metric (all of them: the higher, the better)."""
    metrics = {metric for row in rows for metric in row.scores}
    return {
        metric: max(row.scores[metric].mean for row in rows if metric in row.scores)
        for metric in metrics
    }


# ------------------------------------------------------------------------ CSV


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV file with numbers to six significant digits, and nothing for ``None``."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in row])
    return written.getvalue()


VARIANT_COLUMNS = ("method", "schedule", "score", "rule", "amount", "pair_with")


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
                lines.append(cells)
    return to_csv(["section", "setting", *VARIANT_COLUMNS, "metric", *columns], lines)


def runs_csv(runs: Sequence[Run]) -> str:
    """Every run with its scores."""
    metrics = measured_metrics(runs)
    return to_csv(
        ["experiment", "setting", "seed", *VARIANT_COLUMNS, "best_epoch", *metrics],
        [
            [
                run.name,
                run.setting,
                run.seed,
                *variant_cells(run.variant),
                run.best_epoch,
                *(run.scores.get(metric) for metric in metrics),
            ]
            for run in runs
        ],
    )


# ---------------------------------------------------------------------- LaTeX


def to_latex(rows: Sequence[Row], metrics: Sequence[str], setting: str) -> str:
    """The table of methods for a paper that loads booktabs; scores times 100, the best in bold."""
    best = best_of(rows)
    lines = [
        "% \\usepackage{booktabs}",
        f"% Profile {_escape(setting)}, test split. Scores times 100: mean over seeds and 95\\,\\%",
        "% confidence interval (Student's t); one seed has no interval.",
        f"\\begin{{tabular}}{{llr{'r' * len(metrics)}}}",
        "\\toprule",
        " & ".join(["Method", "Samples", "Seeds", *(_escape(METRIC_LABELS[m]) for m in metrics)])
        + " \\\\",
        "\\midrule",
    ]
    for row in rows:
        cells = [row.variant.method_label.capitalize(), row.variant.choice_label]
        cells = [*map(_escape, cells), str(len(row.seeds))]
        for metric in metrics:
            value = row.scores.get(metric)
            cells.append(_latex(value, value.mean == best[metric]) if value else "--")
        lines.append(" & ".join(cells) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _latex(value: Estimate, is_best: bool) -> str:
    mean = f"{100 * value.mean:.1f}"
    number = f"\\mathbf{{{mean}}}" if is_best else mean
    if value.half_width is not None:
        number += f" \\pm {100 * value.half_width:.1f}"
    return f"${number}$"


def _escape(text: str) -> str:
    for character in "\\&%$#_{}":
        replacement = "\\textbackslash " if character == "\\" else f"\\{character}"
        text = text.replace(character, replacement)
    return text
