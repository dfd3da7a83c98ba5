"""The human study as a page, figures and tables: a stage, and a command for any study."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from caption_curation.human_study.parameters import load_human_study
from caption_curation.reports.human_study import tables
from caption_curation.reports.human_study.figures import make_figures
from caption_curation.reports.human_study.findings import analyse_study
from caption_curation.reports.human_study.page import build_page
from caption_curation.reports.page.html import write_page_folder
from caption_curation.reports.page.style import to_svg
from caption_curation.samples import read_json_lines
from caption_curation.support.errors import InputError
from stages import human_study, run


def main(*arguments: str) -> None:
    """Write index.html, figures as PNG and SVG, and tables as CSV."""
    options = _parse(arguments)
    _check_replaceable(options.out)
    settings = load_human_study()
    file = options.study / human_study.VERDICTS
    verdicts = {
        record["image_id"]: record["categories"]
        for record in (read_json_lines(file) if file.exists() else [])
    }
    findings = analyse_study(
        options.study,
        people=options.study / human_study.ANNOTATIONS,
        automatic=options.study / human_study.AUTOMATIC,
        verdicts=verdicts,
        at_least=settings.annotations_per_image,
        stated_rates=settings.automatic.annotators,
    )
    for problem in findings.problems:
        print(problem)
    figures = make_figures(findings)
    svgs = {name: to_svg(figure, text) for name, (figure, text) in figures.items()}
    texts = {
        "index.html": build_page(findings, svgs),
        **{f"{name}.svg": svg for name, svg in svgs.items()},
        "annotations_per_image.csv": tables.annotations_per_image_csv(findings),
        "annotators.csv": tables.annotators_csv(findings),
        "categories.csv": tables.categories_csv(findings),
        "correlations.csv": tables.correlations_csv(findings),
        "images.csv": tables.images_csv(findings, verdicts),
    }
    write_page_folder(options.out, texts, {name: figure for name, (figure, _) in figures.items()})
    print(f"{len(findings.kept)} of {findings.images} images are kept")
    print(options.out / "index.html")


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something else: the report would replace it."""
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if files and not {"index.html", "figure_10.svg"} <= files:
        raise InputError(f"--out: {folder} is no report of a human study; name another folder")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.human_study.analysis", description="Analyse a study's annotations."
    )
    for name, default, text in (
        ("--study", human_study.STUDY, "as stages.build_study makes it, with annotations"),
        ("--out", human_study.REPORT, "replaced by the report"),
    ):
        parser.add_argument(
            name,
            type=Path,
            default=default,
            metavar="FOLDER",
            help=f"{text} (default: %(default)s)",
        )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(main, *sys.argv[1:])
