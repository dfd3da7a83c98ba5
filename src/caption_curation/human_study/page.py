"""The page about the human study, which needs nothing but itself."""

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from caption_curation.human_study.categories import CATEGORIES, CATEGORY_IDS, NO_ERROR
from caption_curation.human_study.collect import JudgedImage
from caption_curation.human_study.figures import MARKED_BY, SMALL_SIDE, label_of, rho_words
from caption_curation.human_study.findings import Findings

LONGEST_SIDE = 256  # pixels; larger photographs are made smaller for the page


def build_page(findings: Findings, figures: Mapping[str, str]) -> str:
    """The page, as HTML; text that comes from data is escaped by the template engine.

    Args:
        findings: what to show.
        figures: ``figure_9a`` and ``figure_9b``, as SVG.
    """
    environment = Environment(
        loader=PackageLoader("caption_curation.human_study"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value: (
        "–" if value is None else f"{value:.2f}".replace("-", "−")
    )
    environment.filters["share"] = lambda value: "–" if value is None else f"{100 * value:.0f} %"
    environment.filters["rho"] = rho_words
    environment.filters["label"] = label_of
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
        **_picture(one.image.file),
        "image": one.image,
        "marked": one.marked_by(MARKED_BY),
    }


def _picture(path: Path) -> dict[str, Any]:
    """An image as a data URI, made smaller if it is large, and whether it is a small drawing."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    drawn = max(image.size) <= SMALL_SIDE
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    written = io.BytesIO()
    image.save(written, "PNG" if drawn else "JPEG", quality=85)
    data = base64.b64encode(written.getvalue()).decode()
    return {"uri": f"data:image/{'png' if drawn else 'jpeg'};base64,{data}", "is_drawing": drawn}
