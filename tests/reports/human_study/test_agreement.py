"""Agreement against published numbers and against sums by hand."""

from itertools import combinations

import numpy as np
import pytest

from caption_curation.human_study.annotations.categories import CATEGORY_IDS
from caption_curation.reports.human_study.agreement import (
    agreement,
    alpha,
    annotations_per_image,
    annotators,
)
from caption_curation.reports.human_study.collect import AnnotatedImage
from tests.human_study.records import annotation, study_image

NONE = np.nan


def test_alpha_is_that_of_krippendorffs_examples() -> None:
    """Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), sections A and C."""
    binary = np.array([[0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]])
    assert alpha(binary.astype(float)) == pytest.approx(0.095, abs=0.0005)
    incomplete = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
            [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
        ]
    )
    assert alpha(incomplete) == pytest.approx(0.743, abs=0.0005)


def test_alpha_is_undefined_where_nothing_can_differ() -> None:
    assert alpha(np.zeros((3, 5))) is None
    assert alpha(np.array([[1.0, NONE], [NONE, 0.0]])) is None  # no image was seen by both
    assert alpha(np.array([[1.0, 0.0], [1.0, 0.0]])) == pytest.approx(1.0)


def alpha_by_hand(units: list[list[int]]) -> float:
    """1 - observed / expected disagreement, from the pairs themselves."""
    values = [value for unit in units for value in unit]
    observed = sum(
        2 * (a != b) / (len(unit) - 1) for unit in units for a, b in combinations(unit, 2)
    ) / len(values)
    expected = sum(2 * (a != b) for a, b in combinations(values, 2)) / (
        len(values) * (len(values) - 1)
    )
    return 1 - observed / expected


def test_agreement_by_category_overall_and_on_any_error() -> None:
    age, text = "people/age", "general/text"
    marks: dict[
        str, list[tuple[str, ...]]
    ] = {  # by image: what A, B and C marked; C did not see the last image
        "p": [(age,), (age,), (age, text)],
        "q": [(), (), ()],
        "r": [(text,), (), ()],
        "s": [(age,), (text,)],
    }
    images = [
        AnnotatedImage(
            study_image(image_id, 1.0),
            tuple(
                annotation(image_id, code, *categories)
                for code, categories in zip("ABC", of_image, strict=False)
            ),
        )
        for image_id, of_image in marks.items()
    ]
    found = agreement(images)
    ages = [[1, 1, 1], [0, 0, 0], [0, 0, 0], [1, 0]]
    texts = [[0, 0, 1], [0, 0, 0], [1, 0, 0], [0, 1]]
    others = 23 * [[0, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0]]
    assert found.by_category[age] == pytest.approx(alpha_by_hand(ages))
    assert found.by_category[text] == pytest.approx(alpha_by_hand(texts))
    assert sum(value is None for value in found.by_category.values()) == 23
    assert found.overall == pytest.approx(alpha_by_hand(ages + texts + others))
    any_error = [[1, 1, 1], [0, 0, 0], [1, 0, 0], [1, 1]]
    assert found.any_error == pytest.approx(alpha_by_hand(any_error))


def test_who_marks_everything_or_nothing_is_pointed_out() -> None:
    made = [
        annotation("x", "all", *CATEGORY_IDS),
        annotation("y", "all", *CATEGORY_IDS[:3]),
        annotation("x", "none"),
        annotation("y", "none"),
        annotation("x", "some", *CATEGORY_IDS[:2]),
        annotation("y", "some"),
    ]
    everything, nothing, normal = annotators(made, {})
    assert (everything.code, everything.remark) == ("all", "marks everything")  # 14 on average
    assert (nothing.code, nothing.remark) == ("none", "marks nothing")
    assert (normal.remark, normal.mean_errors, normal.without_error) == ("", 1.0, 0.5)
    assert normal.missed is None
    assert normal.false_alarms is None


def test_annotations_are_counted_by_image() -> None:
    made = annotation("x", "A")
    assert annotations_per_image({"x": [made], "y": [], "z": [made], "w": [made] * 3}) == {
        0: 1,
        1: 2,
        2: 0,
        3: 1,
    }
