"""The numbers of a comparison as CSV and LaTeX files."""

from collections.abc import Mapping, Sequence
from typing import Any

from caption_curation.curation.actions import NO_CURATION
from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered
from caption_curation.reports.comparison.noise_findings import Finding
from caption_curation.reports.comparison.page_figures import mean_distribution, pooled_lengths
from caption_curation.reports.comparison.sections import Section
from caption_curation.reports.comparison.tables import (
    VARIANT_COLUMNS,
    Row,
    measured_metrics,
    runs_csv,
    scores_csv,
    to_csv,
    to_latex,
    variant_cells,
)


def table_files(
    tables: Sequence[tuple[Section, Sequence[Row]]],
    runs: Sequence[Run],
    left_out: Sequence[LeftOut],
    audit: Mapping[str, Any],
) -> dict[str, str]:
    """The content of every file of numbers, by its name in the comparison's folder.

    Args:
        tables: the sections of the page with their rows; the first is the LaTeX table.
        runs: all comparable ones.
        left_out: the other experiments.
        audit: as :func:`~.page_figures.noise_findings` gives it.
    """
    section, rows = tables[0]
    files = {
        "table.tex": to_latex(rows, measured_metrics(section.runs), runs[0].profile),
        "tables/scores.csv": scores_csv((section.name, rows) for section, rows in tables),
        "tables/runs.csv": runs_csv(runs),
        "tables/losses.csv": _losses_csv(runs),
        "tables/caption_lengths.csv": _lengths_csv(runs),
        "tables/left_out.csv": to_csv(
            ["experiment", "reason"], [(entry.name, entry.reason) for entry in left_out]
        ),
    }
    return files | ({"tables/noise.csv": _audit_csv(audit)} if audit else {})


def _losses_csv(runs: Sequence[Run]) -> str:
    rows = []
    for variant in ordered(run.variant for run in runs):
        for epoch, bins in mean_distribution(
            [run for run in runs if run.variant == variant]
        ).items():
            rows += [
                [*variant_cells(variant), epoch, middle, part]
                for middle, part in bins.items()
                if part
            ]
    return to_csv([*VARIANT_COLUMNS, "epoch", "loss_nats_per_token", "fraction"], rows)


def _lengths_csv(runs: Sequence[Run]) -> str:
    rows = []
    for variant in ordered(run.variant for run in runs):
        pooled = pooled_lengths([run for run in runs if run.variant == variant])
        for epoch, counts in pooled.items():
            for words in sorted(counts.chosen.keys() | counts.others.keys()):
                cells = [epoch, words, counts.chosen[words], counts.others[words]]
                rows.append([*variant_cells(variant), *cells])
    return to_csv([*VARIANT_COLUMNS, "epoch", "words", "chosen", "others"], rows)


def _audit_csv(audit: Mapping[str, Any]) -> str:
    rows = []
    for (score, rule, amount), epochs in audit["choices"].items():
        tried = Variant(NO_CURATION, "dynamic", score, rule, amount)
        rows += _finding_rows("by losses without curation", tried, epochs)
    for variant, epochs in audit["variants"].items():
        rows += _finding_rows("chosen", variant, epochs)
    names = ("chosen", "base_rate", "precision", "recall")
    columns = [f"{name}_{part}" for name in names for part in ("mean", "ci95_half_width")]
    return to_csv(["source", *VARIANT_COLUMNS, "epoch", "kind", "seeds", *columns], rows)


def _finding_rows(
    source: str, variant: Variant, epochs: Mapping[int, Mapping[str, Finding]]
) -> list[list[object]]:
    rows = []
    for epoch, of_kind in epochs.items():
        for kind, finding in of_kind.items():
            cells: list[object] = [
                source,
                *variant_cells(variant),
                epoch,
                kind,
                finding.chosen.seeds,
            ]
            for value in (finding.chosen, finding.base_rate, finding.precision, finding.recall):
                cells += [value.mean, value.half_width] if value else [None, None]
            rows.append(cells)
    return rows
