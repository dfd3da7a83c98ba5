"""Do annotators agree, and does anyone mark everything or nothing?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from nltk.metrics.agreement import AnnotationTask
from numpy.typing import NDArray

from caption_curation.human_study.annotations.categories import CATEGORY_IDS, CHECKED
from caption_curation.human_study.annotations.records import Annotation
from caption_curation.reports.human_study.collect import AnnotatedImage

EVERYTHING = len(CATEGORY_IDS) / 2  # marked categories per image that count as "everything"

Marks = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha (1: perfect, 0: chance level); ``None`` where all values are equal.

    Attributes:
        by_category: for the decision whether a category is marked in an image.
        overall: for all these decisions together; a unit is a pair of image and category.
        any_error: for the decision whether an image has any error.
    """

    by_category: Mapping[str, float | None]
    overall: float | None
    any_error: float | None


@dataclass(frozen=True)
class Annotator:
    """What one annotator did in all images, including those that are left out of the analysis.

    Attributes:
        code: the annotator's.
        images: how many were annotated.
        mean_errors: categories marked per image.
        without_error: the fraction of images marked "no error".
        remark: says if everything or nothing was marked; empty otherwise.
        missed: the fraction of errors, as known to a program, that were not marked.
        false_alarms: the fraction of errors known not to be there that were marked. Both are
            ``None`` where no verdicts are known.
    """

    code: str
    images: int
    mean_errors: float
    without_error: float
    remark: str
    missed: float | None
    false_alarms: float | None


def agreement(kept: Sequence[AnnotatedImage]) -> Agreement:
    """Krippendorff's alpha for nominal data, with annotators who saw different images."""
    codes = sorted({annotation.annotator for image in kept for annotation in image.annotations})
    # (categories, annotators, images): 1 marked, 0 not marked, NaN not annotated
    marks = np.full((len(CATEGORY_IDS), len(codes), len(kept)), np.nan)
    for column, image in enumerate(kept):
        for annotation in image.annotations:
            marks[:, codes.index(annotation.annotator), column] = [
                category in annotation.categories for category in CATEGORY_IDS
            ]
    return Agreement(
        by_category={
            category: alpha(of_category)
            for category, of_category in zip(CATEGORY_IDS, marks, strict=True)
        },
        overall=alpha(np.concatenate(list(marks), axis=1)),
        any_error=alpha(marks.max(axis=0)),
    )


def alpha(values: Marks) -> float | None:
    """Krippendorff's alpha for nominal data.

    Args:
        values: shape (annotators, units), NaN where an annotator has not judged a unit.

    Returns:
        ``None`` if all comparable judgements are equal: then disagreement by chance is impossible,
        and alpha is undefined.
    """
    comparable = values[:, (~np.isnan(values)).sum(axis=0) >= 2]
    if len(np.unique(comparable[~np.isnan(comparable)])) < 2:
        return None
    judgements = [
        (annotator, unit, value)
        for (annotator, unit), value in np.ndenumerate(comparable)
        if not np.isnan(value)
    ]
    # AnnotationTask's default distance is the one for nominal data.
    return float(AnnotationTask(judgements).alpha())


def annotators(
    annotations: Sequence[Annotation], verdicts: Mapping[str, Sequence[str]]
) -> list[Annotator]:
    """What each annotator did, by code.

    Args:
        annotations: of all images.
        verdicts: by image id, the errors that are there, if a program knows.
    """
    by_code: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_code.setdefault(annotation.annotator, []).append(annotation)
    return [_annotator(code, made, verdicts) for code, made in sorted(by_code.items())]


def annotations_per_image(by_image: Mapping[str, Sequence[Annotation]]) -> dict[int, int]:
    """How many images have how many annotations, from 0 on."""
    counts = Counter(len(annotations) for annotations in by_image.values())
    return {number: counts[number] for number in range(max(counts) + 1)}


def _annotator(
    code: str, made: Sequence[Annotation], verdicts: Mapping[str, Sequence[str]]
) -> Annotator:
    mean_errors = sum(len(annotation.categories) for annotation in made) / len(made)
    remark = ""
    if mean_errors == 0:
        remark = "marks nothing"
    elif mean_errors >= EVERYTHING:
        remark = "marks everything"
    there, missed, absent, false = 0, 0, 0, 0
    for annotation in made:
        if annotation.image_id in verdicts:
            wrong, marked = set(verdicts[annotation.image_id]), set(annotation.categories)
            right = set(CHECKED) - wrong
            there, missed = there + len(wrong), missed + len(wrong - marked)
            absent, false = absent + len(right), false + len(right & marked)
    return Annotator(
        code=code,
        images=len(made),
        mean_errors=mean_errors,
        without_error=sum(annotation.no_error for annotation in made) / len(made),
        remark=remark,
        missed=missed / there if there else None,
        false_alarms=false / absent if absent else None,
    )
