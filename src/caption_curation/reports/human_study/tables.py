"""The numbers of the human study as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from caption_curation.human_study.annotations.categories import CATEGORIES, NO_ERROR
from caption_curation.reports.human_study.figures import MARKED_BY
from caption_curation.reports.human_study.findings import Findings


def categories_csv(findings: Findings) -> str:
    """One row a category, ``no_error`` last, with the number of annotations that mark it."""
    counts = findings.counts
    alphas = {**findings.agreement.by_category, NO_ERROR: findings.agreement.any_error}
    names = [*(category.id for category in CATEGORIES), NO_ERROR]
    return _csv(
        ["category", "low_loss", "high_loss", "annotations", "fraction", "alpha"],
        (
            [
                name,
                counts[name]["low"],
                counts[name]["high"],
                sum(counts[name].values()),
                sum(counts[name].values()) / findings.total,
                alphas[name],
            ]
            for name in names
        ),
    )


def images_csv(findings: Findings, verdicts: Mapping[str, Sequence[str]]) -> str:
    """One row an image that was kept, by ascending loss."""
    return _csv(
        [
            "image_id",
            "set",
            "group",
            "loss",
            "clipscore",
            "annotations",
            "mean_errors",
            f"marked_by_{MARKED_BY}",
            "verdict",
        ],
        (
            [
                one.image.image_id,
                one.image.set,
                one.image.group,
                one.image.loss,
                one.image.clipscore,
                len(one.annotations),
                one.mean_errors,
                " ".join(one.marked_by(MARKED_BY)),
                " ".join(verdicts[one.image.image_id]) if verdicts else None,
            ]
            for one in findings.judged
        ),
    )


def annotators_csv(findings: Findings) -> str:
    """One row an annotator."""
    return _csv(
        ["annotator", "images", "mean_errors", "without_error", "missed", "false_alarms", "remark"],
        (
            [
                one.code,
                one.images,
                one.mean_errors,
                one.without_error,
                one.missed,
                one.false_alarms,
                one.remark,
            ]
            for one in findings.annotators
        ),
    )


def correlations_csv(findings: Findings) -> str:
    """One row a rank correlation, by what it is of; empty fields where there is no number."""
    return _csv(
        ["of", "spearman_rho", "n", "low", "high"],
        (
            [name, one.value, one.n, *(one.interval or (None, None))]
            for name, one in findings.correlations.items()
        ),
    )


def annotations_per_image_csv(findings: Findings) -> str:
    """How many images have how many annotations."""
    return _csv(["annotations", "images"], findings.annotations_per_image.items())


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([header, *rows])
    return written.getvalue()
