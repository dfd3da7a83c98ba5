"""The page about a corpus, which needs nothing but itself."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from caption_curation.image_index import present_files
from caption_curation.reports.corpus.examples import IMAGES_SHOWN, Duplicates
from caption_curation.reports.corpus.numbers import Captions, Sizes, as_json
from caption_curation.reports.page.caption_lengths import caption_lengths
from caption_curation.reports.page.html import (
    embedded_picture,
    template_environment,
    write_page_folder,
)
from caption_curation.reports.page.style import WIDTH, to_svg

LONGEST_SIDE = 192  # pixels; larger photographs are made smaller for the page
KINDS = {
    "bytes": "equal files",
    "pixels": "equal pixels in different files",
    "near": "near copies",
}


@dataclass(frozen=True)
class CorpusReport:
    """Everything that the page is made from.

    Attributes:
        summary: data/corpus/summary.json.
        findings: data/corpus_findings/summary.json.
        captions: of each split as the experiments use it.
        sizes: of all images.
        generator_lengths: number of words → captions, of the corpus that the generator learns
            from, if that is another one.
        duplicates: what to show of data/corpus_findings/duplicates.jsonl.
        photographs: the folder that their files are in.
    """

    summary: Mapping[str, Any]
    findings: Mapping[str, Any]
    captions: Mapping[str, Captions]
    sizes: Sizes
    generator_lengths: Counter[int] | None
    duplicates: Duplicates
    photographs: Path


def write_report(report: CorpusReport, folder: Path) -> None:
    """Write the page, its numbers as corpus.json, and its figure as PNG and SVG."""
    figure, described = build_figure(report)
    svg = to_svg(figure, described)
    numbers = json.dumps(build_json(report), indent=2, ensure_ascii=False) + "\n"
    texts = {
        "index.html": build_page(report, svg),
        "corpus.json": numbers,
        "caption_lengths.svg": svg,
    }
    write_page_folder(folder, texts, {"caption_lengths": figure})


def build_figure(report: CorpusReport) -> tuple[Figure, str]:
    """How long the captions are, of two corpora or of the splits of one; and in plain words."""
    if report.generator_lengths is None:
        lengths = {split: of.lengths for split, of in report.captions.items()}
        described = "Length of the captions of each split, in words"
    else:
        lengths = {
            "this corpus": report.captions["train"].lengths,
            "the generator’s corpus": report.generator_lengths,
        }
        described = "Length of the training captions of this corpus and the generator’s, in words"
    return caption_lengths(lengths, WIDTH), described


def build_json(report: CorpusReport) -> dict[str, Any]:
    """The content of corpus.json; see docs/reference/files.md."""
    generator = report.generator_lengths
    return {
        "corpus": report.summary,
        "captions": {split: as_json(of) for split, of in report.captions.items()},
        "images": as_json(report.sizes),
        "generator_caption_lengths": None if generator is None else dict(sorted(generator.items())),
        "findings": report.findings,
    }


def build_page(report: CorpusReport, figure: str) -> str:
    """The page, as HTML; text that comes from data is escaped, and the figure, an SVG, is not."""
    environment = template_environment(
        "caption_curation.reports.corpus",
        {
            "count": lambda value: f"{value:,}",
            "share": lambda value: f"{100 * value:.1f} %",
            "mean": lambda value: f"{value:.1f}",
        },
    )
    content = {
        "summary": report.summary,
        "findings": report.findings,
        "captions": report.captions,
        "sizes": report.sizes,
        "two_corpora": report.generator_lengths is not None,
        "figure": Markup(figure),
        "kinds": KINDS,
        "groups": [_group(report, group) for group in report.duplicates.pictures],
        "texts": report.duplicates.captions,
        "mended": _mended(report.summary),
    }
    return environment.get_template("corpus.html").render(content) + "\n"


def _group(report: CorpusReport, group: Mapping[str, Any]) -> dict[str, Any]:
    """A group with small pictures: of each split at least one, as far as there is room."""
    first: dict[str, Any] = {}
    for image in group["images"]:
        first.setdefault(image["split"], image)
    others = [image for image in group["images"] if image is not first[image["split"]]]
    shown = [*first.values(), *others][:IMAGES_SHOWN]
    files = present_files(report.photographs / image["file_name"] for image in shown)
    return {
        "kind": KINDS[group["kind"]],
        "leak": group["leak"],
        "difference": group["difference"],
        "more": len(group["images"]) - len(shown),
        "images": [
            {
                "split": image["split"],
                "image_id": image["image_id"],
                "caption": image["caption"],
                **embedded_picture(file, LONGEST_SIDE),
            }
            for image, file in zip(shown, files, strict=True)
        ],
    }


def _mended(summary: Mapping[str, Any]) -> dict[str, int]:
    """What was wrong with captions and was put right, in words, with how often."""
    return {
        what: summary[key]
        for key, what in {
            "normalised_captions": "captions with control characters or irregular white space, "
            "which became single blanks",
            "dropped_empty_captions": "captions without a word, which were dropped",
            "repaired_rows": "rows of a table that lacked a delimiter, which were repaired",
        }.items()
        if summary.get(key)
    }
