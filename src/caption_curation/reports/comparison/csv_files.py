"""The numbers of a comparison as CSV and LaTeX files."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from caption_curation.curation.actions import NO_CURATION
from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered
from caption_curation.reports.comparison.latex import to_latex
from caption_curation.reports.comparison.noise_findings import Finding
from caption_curation.reports.comparison.sections import Section
from caption_curation.reports.comparison.tables import (
    VARIANT_COLUMNS,
    Row,
    generators_csv,
    measured_metrics,
    runs_csv,
    scores_csv,
    to_csv,
    variant_cells,
)
from caption_curation.reports.comparison.training_numbers import (
    hard_sample_overlaps,
    mean_distribution,
    pooled_lengths,
    runs_of,
)


def table_files(
    tables: Sequence[tuple[Section, Sequence[Row]]],
    in_latex: Sequence[tuple[Section, Sequence[Row]]],
    runs: Mapping[str, Sequence[Run]],
    left_out: Sequence[LeftOut],
    audits: Mapping[str, Mapping[str, Any]],
) -> dict[str, str]:
    """The content of every file of numbers, by its name in the comparison's folder.

    Args:
        tables: the sections of the page, each of one setting, with their rows.
        in_latex: those of them that are the LaTeX tables.
        runs: those of every setting.
        left_out: the other experiments.
        audits: what :func:`~.page_figures.noise_findings` gives of settings with known noise.
    """
    named = [(section.name, section.runs[0].setting, rows) for section, rows in tables]
    files = {
        "table.tex": "\n".join(
            to_latex(rows, measured_metrics(section.runs), section.runs[0].setting)
            for section, rows in in_latex
        ),
        "tables/scores.csv": scores_csv(named),
        "tables/runs.csv": runs_csv([run for found in runs.values() for run in found]),
        "tables/losses.csv": _losses_csv(runs, "losses", "nats_per_token"),
        "tables/summed_losses.csv": _losses_csv(runs, "summed_losses", "nats_per_caption"),
        "tables/hard_samples.csv": _hard_samples_csv(runs),
        "tables/training_sets.csv": _training_sets_csv(runs),
        "tables/corpus_lengths.csv": _corpus_lengths_csv(runs),
        "tables/chosen_lengths.csv": _chosen_lengths_csv(runs),
        "tables/left_out.csv": to_csv(
            ["experiment", "reason"], [(entry.name, entry.reason) for entry in left_out]
        ),
    }
    if any(row.by_generator for _, rows in tables for row in rows):
        files["tables/generators.csv"] = generators_csv(named)
    return files | ({"tables/noise.csv": _audit_csv(audits)} if audits else {})


def _losses_csv(runs: Mapping[str, Sequence[Run]], attribute: str, unit: str) -> str:
    rows = []
    for setting, variant, found in _by_variant(runs):
        for epoch, bins in mean_distribution(getattr(run, attribute) for run in found).items():
            rows += [
                [setting, *variant_cells(variant), epoch, middle, part]
                for middle, part in bins.items()
                if part
            ]
    return to_csv(["setting", *VARIANT_COLUMNS, "epoch", f"loss_{unit}", "fraction"], rows)


def _hard_samples_csv(runs: Mapping[str, Sequence[Run]]) -> str:
    rows = []
    for setting, variant, found in _by_variant(runs):
        for epochs, of in hard_sample_overlaps(found, [variant]).items():
            for fraction, overlap in of[variant].items():
                cells = [fraction, overlap.mean, overlap.half_width, overlap.seeds]
                rows.append([setting, *variant_cells(variant), *epochs, *cells])
    columns = ["fraction", "overlap_mean", "overlap_ci95_half_width", "seeds"]
    return to_csv(["setting", *VARIANT_COLUMNS, "epoch", "later", *columns], rows)


def _training_sets_csv(runs: Mapping[str, Sequence[Run]]) -> str:
    names = ("samples", "images", "captions", "texts")
    rows = [
        [setting, run.name, run.seed, *variant_cells(variant), epoch, *(of[name] for name in names)]
        for setting, variant, found in _by_variant(runs)
        for run in found
        for epoch, of in run.training_sets.items()
    ]
    return to_csv(["setting", "experiment", "seed", *VARIANT_COLUMNS, "epoch", *names], rows)


def _corpus_lengths_csv(runs: Mapping[str, Sequence[Run]]) -> str:
    rows = [
        [setting, words, counts[words]]
        for setting, found in runs.items()
        for counts in [found[0].corpus_lengths]
        for words in sorted(counts)
    ]
    return to_csv(["setting", "words", "captions"], rows)


def _chosen_lengths_csv(runs: Mapping[str, Sequence[Run]]) -> str:
    rows = []
    for setting, variant, found in _by_variant(runs):
        for epoch, counts in pooled_lengths(found).items():
            for words in sorted(counts.chosen.keys() | counts.others.keys()):
                cells = [epoch, words, counts.chosen[words], counts.others[words]]
                rows.append([setting, *variant_cells(variant), *cells])
    return to_csv(["setting", *VARIANT_COLUMNS, "epoch", "words", "chosen", "others"], rows)


def _by_variant(
    runs: Mapping[str, Sequence[Run]],
) -> Iterator[tuple[str, Variant, list[Run]]]:
    """The runs of every variant of every setting."""
    for setting, found in runs.items():
        for variant in ordered(run.variant for run in found):
            yield setting, variant, runs_of(found, variant)


def _audit_csv(audits: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[list[object]] = []
    for setting, audit in audits.items():
        found = []
        for (score, rule, amount), epochs in audit["choices"].items():
            tried = Variant(NO_CURATION, "dynamic", score, rule, amount)
            found += _finding_rows("by losses without curation", tried, epochs)
        for variant, epochs in audit["variants"].items():
            found += _finding_rows("chosen", variant, epochs)
        rows += [[setting, *row] for row in found]
    names = ("chosen", "base_rate", "precision", "recall")
    columns = [f"{name}_{part}" for name in names for part in ("mean", "ci95_half_width")]
    return to_csv(["setting", "source", *VARIANT_COLUMNS, "epoch", "kind", "seeds", *columns], rows)


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
