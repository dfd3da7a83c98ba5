"""The comparison as a folder: a page that needs nothing but itself, figures, CSV and LaTeX."""

import io
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from jinja2 import Environment
from PIL import Image

from caption_curation.config.languages import ENGLISH
from caption_curation.curation.rules import amount_label
from caption_curation.curation.scores import SCORES
from caption_curation.experiments.comparability import LeftOut
from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import (
    mismatched_control,
    ordered,
    random_control,
    representatives,
)
from caption_curation.metrics.languages import not_computed_in, tokenizer_name
from caption_curation.paper import numbers as paper
from caption_curation.pictures.reading import read_picture
from caption_curation.reports.comparison.arithmetic import (
    arithmetic_lines,
    run_arithmetic,
    unpaired_remarks,
)
from caption_curation.reports.comparison.changed_captions import changed_captions
from caption_curation.reports.comparison.csv_files import table_files
from caption_curation.reports.comparison.held_for import generators_sentence, listed, uncounted
from caption_curation.reports.comparison.noise_findings import (
    KINDS,
)
from caption_curation.reports.comparison.over_images import Resampled, resample_runs
from caption_curation.reports.comparison.page_figures import (
    PageFigure,
    audit_figures,
    chosen_figures,
    corpus_figures,
    figures_by_setting,
    loss_figures,
    noise_findings,
    section_figures,
)
from caption_curation.reports.comparison.sections import (
    Section,
    runs_by_setting,
    setting_slugs,
    split,
    with_reference,
)
from caption_curation.reports.comparison.tables import (
    NONE,
    best_variants,
    measured_metrics,
    missing_scores,
    score_rows,
)
from caption_curation.reports.comparison.training_numbers import training_set_means
from caption_curation.reports.page.html import check_page_folder, template_environment
from caption_curation.reports.page.labels import METRIC_LABELS, NOISE_LABELS
from caption_curation.rng import rng_for
from caption_curation.support.outputs import atomic_folder

DOTS_PER_INCH = 300
PNG_COLOURS = 64


def write_comparison(
    folder: Path,
    *,
    title: str,
    sections: Sequence[Section],
    runs: Sequence[Run],
    left_out: Sequence[LeftOut],
    command: str,
) -> list[str]:
    """Write ``index.html``, ``figures/``, ``tables/`` and ``table.tex``; the same bytes every time.

    The folder is written under another name first, and replaces the old one as a whole.

    Args:
        folder: where to; an existing folder is replaced if it is a comparison.
        title: of the page.
        sections: in order, each of one or several settings; the first one's tables are those in
            LaTeX.
        runs: all that are shown; differences are taken to those of the same setting.
        left_out: the other experiments.
        command: that makes this page again.

    Returns:
        What was left out and what the runs do not allow to say, a line each; the page has them.
    """
    of_setting = runs_by_setting(runs)
    slugs = setting_slugs(of_setting)
    resampled: dict[str, Resampled] = {}
    for comparable in of_setting.values():
        # From the start for each, so that its intervals are those of a page of its own.
        resampled |= resample_runs(comparable, rng_for("comparison", "test images"))
    tables = []
    for section in chain.from_iterable(split(section, slugs) for section in sections):
        comparable = of_setting[section.runs[0].setting]
        shown = with_reference(section, comparable)
        tables.append((shown, score_rows(shown.runs, comparable, resampled)))
    with_paper = next((rows for _, rows in tables if any(row.paper for row in rows)), None)
    notes = [f"{entry.name}: {entry.reason}" for entry in left_out]
    for setting, comparable in of_setting.items():
        begin = f"{setting}: " if len(of_setting) > 1 else ""
        notes += [f"{begin}{remark}" for remark in _remarks(comparable)]
    audits = {
        setting: audit for setting, found in of_setting.items() if (audit := noise_findings(found))
    }
    representing = {
        setting: representatives(
            [
                row.variant
                for section, rows in tables
                if section.runs[0].setting == setting
                for row in rows
            ],
            Counter(run.variant for run in found),
        )
        for setting, found in of_setting.items()
    }
    captions = {}
    for setting, found in of_setting.items():
        captions[setting], without = changed_captions(found, representing[setting])
        notes += without
    of_sections = [section_figures(section, rows) for section, rows in tables]
    losses = figures_by_setting(
        runs, lambda found: loss_figures(found, representing[found[0].setting])
    )
    lengths = corpus_figures(of_setting)
    chosen = figures_by_setting(runs, chosen_figures)
    noise = figures_by_setting(runs, lambda found: audit_figures(audits.get(found[0].setting, {})))
    files = table_files(
        tables, tables[: len(split(sections[0], slugs))], of_setting, left_out, audits
    )
    page = (
        _environment()
        .get_template("comparison.html")
        .render(
            title=title,
            settings=list(of_setting),
            runs=runs,
            seeds=sorted({run.seed for run in runs}),
            arithmetic=arithmetic_lines(of_setting),
            run_arithmetic=run_arithmetic(of_setting),
            generators=sorted({run.generator for run in runs if run.generator is not None}),
            sections=[
                {
                    "section": section,
                    "rows": rows,
                    "metrics": measured_metrics(section.runs),
                    "best": best_variants(rows),
                    "paper_remarks": paper.remarks("table_2") if rows is with_paper else (),
                    "generators": generators_sentence(rows),
                    "figures": figures,
                }
                for (section, rows), figures in zip(tables, of_sections, strict=True)
            ],
            metric_labels=METRIC_LABELS,
            noise_labels=NOISE_LABELS,
            losses=list(chain.from_iterable(losses.values())),
            lengths=[*lengths, *chain.from_iterable(chosen.values())],
            training_sets={
                setting: means
                for setting, found in of_setting.items()
                if (means := training_set_means(found, representing[setting]))
            },
            changed_captions={setting: of for setting, of in captions.items() if of},
            audits=audits,
            noise_figures=noise,
            kinds=KINDS,
            files=sorted(files),
            notes=notes,
            command=command,
        )
    )
    with atomic_folder(folder) as partial:
        for part in ("figures", "tables"):
            (partial / part).mkdir()
        for name, text in {**files, "index.html": page + "\n"}.items():
            (partial / name).write_text(text, encoding="utf-8", newline="")
        of_page = [lengths, *losses.values(), *chosen.values(), *noise.values()]
        for figure in chain(*of_sections, *of_page):
            _save(figure, partial / "figures")
    return notes


def check_folder(folder: Path) -> None:
    """Refuse what is something else: :func:`write_comparison` would replace it.

    Raises:
        InputError: naming the file or folder.
    """
    check_page_folder(folder, {"index.html", "table.tex"}, "comparison")


def _environment() -> Environment:
    return template_environment(
        "caption_curation.reports.comparison",
        {
            "score": lambda value: f"{100 * value:.1f}",
            "difference": lambda value: f"{100 * value:+z.1f}".replace("-", "\N{MINUS SIGN}"),
            "share": lambda value: (
                f"{100 * value:.{0 if value >= 0.0995 else 1}f}\N{NO-BREAK SPACE}%"
            ),
            "count": lambda value: f"{value:,.0f}",
            "amount": lambda key: amount_label(key[1], key[2]),
            "score_name": lambda score: SCORES[score].title,
        },
    )


def _remarks(runs: Sequence[Run]) -> list[str]:
    """What the runs, of one setting, do not allow to say."""
    language = runs[0].language
    reasons = not_computed_in(language)
    remarks = [
        f"{METRIC_LABELS[metric]}: not computed by {_names(names)}"
        + (f": {reasons[metric]}" if metric in reasons else "")
        for metric, names in missing_scores(runs).items()
    ]
    if language != ENGLISH:
        remarks.append(f"captions are in {language}; their tokens: {tokenizer_name(language)}")
    old = [run.name for run in runs if not (run.summed_losses and run.training_sets)]
    if old:
        remarks.append(
            "summed losses, hard samples and training sets: not written by the version that made "
            f"{_names(old)}; `dvc repro evaluate` in it writes them"
        )
    seeds_of = {
        variant: {run.seed for run in runs if run.variant == variant}
        for variant in ordered(run.variant for run in runs)
    }
    remarks += [
        f"{variant.label}: 1 seed, so there is no interval over seeds"
        for variant, seeds in seeds_of.items()
        if len(seeds) == 1
    ]
    remarks += uncounted(runs)
    if NONE not in seeds_of:
        remarks.append("there is no experiment without curation: no differences to it")
    else:
        unpaired = {run.seed for run in runs} - seeds_of[NONE]
        if unpaired:
            shown = listed(unpaired)
            remarks.append(f"no experiment without curation with seed {shown}: not in differences")
    remarks += unpaired_remarks(runs)
    for variant, own in seeds_of.items():
        control = random_control(variant)
        if control in seeds_of and (lacking := own - seeds_of[control]):
            remarks.append(
                f"{variant.label}: no random control with seed {listed(lacking)}: not in "
                "differences"
            )
    remarks += [
        f"{variant.label}: the random control chooses as many samples as the "
        f"{SCORES[imitated].title} would, which is another number: no differences to it"
        for variant in seeds_of
        if (control := mismatched_control(variant, seeds_of))
        and (imitated := SCORES[str(control.score)].same_number_as)
    ]
    if unrecorded := [run.name for run in runs if run.images is None]:
        remarks.append(
            f"scores of single images: not recorded by {_names(unrecorded)}, so there are no "
            "intervals over test images"
        )
    return remarks


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _save(figure: PageFigure, folder: Path) -> None:
    """Write a figure as PNG and SVG."""
    (folder / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8", newline="")
    pixels = io.BytesIO()
    figure.figure.savefig(pixels, dpi=DOTS_PER_INCH, facecolor="white")
    # A figure has few colours; a palette of them is a third of the size, for git.
    few = read_picture(pixels).quantize(PNG_COLOURS, dither=Image.Dither.NONE)
    few.save(folder / f"{figure.name}.png", dpi=(DOTS_PER_INCH, DOTS_PER_INCH), optimize=True)
