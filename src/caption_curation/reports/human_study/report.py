"""The report of a human study as a folder: a page, figures and tables."""

from pathlib import Path

from caption_curation.human_study.parameters import HumanStudy
from caption_curation.human_study.study.sets import ANNOTATIONS, AUTOMATIC, VERDICTS
from caption_curation.reports.human_study import tables
from caption_curation.reports.human_study.figures import make_figures
from caption_curation.reports.human_study.findings import Findings, analyse_study
from caption_curation.reports.human_study.page import build_page
from caption_curation.reports.page.html import write_page_folder
from caption_curation.reports.page.style import to_svg
from caption_curation.samples import read_json_lines
from caption_curation.support.errors import InputError


def write_report(study: Path, folder: Path, settings: HumanStudy) -> Findings:
    """Write index.html, figures as PNG and SVG, and tables as CSV.

    Args:
        study: the folder of a study with annotations.
        folder: replaced by the report; it may hold an older one.
        settings: how many annotations an image needs, and how the demo's annotators err.

    Raises:
        InputError: there is no study, nobody has annotated, or ``folder`` holds something else.
    """
    _check_replaceable(folder)
    file = study / VERDICTS
    verdicts = {
        record["image_id"]: record["categories"]
        for record in (read_json_lines(file) if file.exists() else [])
    }
    findings = analyse_study(
        study,
        people=study / ANNOTATIONS,
        automatic=study / AUTOMATIC,
        verdicts=verdicts,
        at_least=settings.annotations_per_image,
        stated_rates=settings.automatic.annotators,
    )
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
    write_page_folder(folder, texts, {name: figure for name, (figure, _) in figures.items()})
    return findings


def summary(findings: Findings, folder: Path) -> str:
    """What was not used, how much was kept, and where the page lies, in lines."""
    kept = f"{len(findings.kept)} of {findings.images} images are kept"
    return "\n".join([*findings.problems, kept, str(folder / "index.html")])


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something else: the report would replace it."""
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if files and not {"index.html", "figure_10.svg"} <= files:
        raise InputError(f"{folder} is no report of a human study; name another folder")
