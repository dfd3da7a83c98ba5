"""The page about the human study: one self-contained HTML file."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from caption_curation.human_study.annotations.categories import CATEGORIES, CATEGORY_IDS, NO_ERROR
from caption_curation.reports.human_study.collect import AnnotatedImage
from caption_curation.reports.human_study.figures import MARKED_BY, format_rho, label_of
from caption_curation.reports.human_study.findings import Findings
from caption_curation.reports.page.html import embedded_picture, template_environment

LONGEST_SIDE = 256  # pixels; larger images are scaled down for the page


def build_page(findings: Findings, figures: Mapping[str, str]) -> str:
    """The page, as HTML; text that comes from data is escaped by the template engine.

    Args:
        findings: what to show.
        figures: ``figure_9a`` and ``figure_9b``, as SVG.
    """
    environment = template_environment(
        "caption_curation.reports.human_study",
        {
            "number": lambda value: "–" if value is None else f"{value:.2f}".replace("-", "−"),
            "share": lambda value: "–" if value is None else f"{100 * value:.0f} %",
            "rho": format_rho,
            "label": label_of,
        },
    )
    counts = findings.counts
    ordered = sorted(CATEGORY_IDS, key=lambda name: -sum(counts[name].values()))
    marked = [name for name in ordered if sum(counts[name].values())]
    content = {
        "findings": findings,
        "figures": {name: Markup(svg) for name, svg in figures.items()},
        "marked": marked,
        "unmarked": [label_of(category.id) for category in CATEGORIES if category.id not in marked],
        "no_error": sum(counts[NO_ERROR].values()),
        "marked_by": MARKED_BY,
        "examples": {
            heading: [_example(annotated) for annotated in images]
            for heading, images in findings.examples.items()
        },
        "comments": [
            annotation
            for annotated in findings.kept
            for annotation in annotated.annotations
            if annotation.comment.strip() and not findings.is_automatic
        ],
    }
    return environment.get_template("human_study.html").render(content) + "\n"


def _example(annotated: AnnotatedImage) -> dict[str, Any]:
    return {
        **embedded_picture(annotated.image.file, LONGEST_SIDE),
        "image": annotated.image,
        "marked": annotated.marked_by(MARKED_BY),
    }
