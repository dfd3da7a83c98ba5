"""The numbers of the human study as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from caption_curation.human_study.annotations.categories import CATEGORIES, NO_ERROR
from caption_curation.reports.human_study.figures import MARKED_BY
from caption_curation.reports.human_study.findings import Findings


def categories_csv(findings: Findings) -> str:
    """One row per category, ``no_error`` last, with the number of annotations that mark it."""
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
    """One row per image that was kept, by ascending loss."""
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
                annotated.image.image_id,
                annotated.image.set,
                annotated.image.group,
                annotated.image.loss,
                annotated.image.clipscore,
                len(annotated.annotations),
                annotated.mean_errors,
                " ".join(annotated.marked_by(MARKED_BY)),
                " ".join(verdicts[annotated.image.image_id]) if verdicts else None,
            ]
            for annotated in findings.kept
        ),
    )


def annotators_csv(findings: Findings) -> str:
    """One row per annotator."""
    return _csv(
        ["annotator", "images", "mean_errors", "without_error", "missed", "false_alarms", "remark"],
        (
            [
                annotator.code,
                annotator.images,
                annotator.mean_errors,
                annotator.without_error,
                annotator.missed,
                annotator.false_alarms,
                annotator.remark,
            ]
            for annotator in findings.annotators
        ),
    )


def correlations_csv(findings: Findings) -> str:
    """One row per rank correlation, with what it is of; fields without a number are empty."""
    return _csv(
        ["of", "spearman_rho", "n", "low", "high"],
        (
            [name, rank.value, rank.n, *(rank.interval or (None, None))]
            for name, rank in findings.correlations.items()
        ),
    )


def annotations_per_image_csv(findings: Findings) -> str:
    """How many images have how many annotations."""
    return _csv(["annotations", "images"], findings.annotations_per_image.items())


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([header, *rows])
    return written.getvalue()
