"""The page about the human study, which needs nothing but itself."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from caption_curation.human_study.annotations.categories import CATEGORIES, CATEGORY_IDS, NO_ERROR
from caption_curation.reports.human_study.collect import JudgedImage
from caption_curation.reports.human_study.figures import MARKED_BY, label_of, rho_words
from caption_curation.reports.human_study.findings import Findings
from caption_curation.reports.page.html import embedded_picture, template_environment

LONGEST_SIDE = 256  # pixels; larger photographs are made smaller for the page


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
            "rho": rho_words,
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
        "unmarked": [label_of(one.id) for one in CATEGORIES if one.id not in marked],
        "no_error": sum(counts[NO_ERROR].values()),
        "marked_by": MARKED_BY,
        "examples": {
            heading: [_example(one) for one in images]
            for heading, images in findings.examples.items()
        },
        "comments": [
            annotation
            for one in findings.judged
            for annotation in one.annotations
            if annotation.comment.strip() and not findings.is_automatic
        ],
    }
    return environment.get_template("human_study.html").render(content) + "\n"


def _example(one: JudgedImage) -> dict[str, Any]:
    return {
        **embedded_picture(one.image.file, LONGEST_SIDE),
        "image": one.image,
        "marked": one.marked_by(MARKED_BY),
    }
