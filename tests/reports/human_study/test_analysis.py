"""Which annotations count, and the numbers of figures 9a and 9b, with expectations by hand."""

from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from caption_curation.human_study.annotations.records import Annotation, append
from caption_curation.reports.human_study.analysis import (
    category_counts,
    errors_against_clipscore,
    errors_against_loss,
    truth_of,
)
from caption_curation.reports.human_study.collect import (
    AnnotatedImage,
    annotation_files,
    annotations_by_image,
    sufficiently_annotated,
    usable_annotations,
)
from caption_curation.support.errors import InputError
from tests.human_study.records import annotation, study_image

IMAGES = [
    study_image("a", 0.5, "low", 2.0),
    study_image("b", 0.7, "low", 1.0),
    study_image("c", 1.5, "high", 0.5),
    study_image("d", 2.0, "high", 1.5),
]
AGE, NUMBER, TEXT = "people/age", "general/number", "general/text"


def annotated_images() -> list[AnnotatedImage]:
    marks: dict[str, list[tuple[str, ...]]] = {
        "a": [(), (), (AGE,)],
        "b": [(), ()],
        "c": [(NUMBER, TEXT), (NUMBER,)],
        "d": [(AGE, NUMBER, TEXT), (NUMBER,), ()],
    }
    return [
        AnnotatedImage(
            image,
            tuple(
                annotation(image.image_id, code, *categories)
                for code, categories in zip("PQR", marks[image.image_id], strict=False)
            ),
        )
        for image in IMAGES
    ]


def test_categories_are_counted_by_group() -> None:
    counts = category_counts(annotated_images())
    assert counts[AGE] == {"low": 1, "high": 1}
    assert counts[NUMBER] == {"low": 0, "high": 4}
    assert counts[TEXT] == {"low": 0, "high": 2}
    assert counts["no_error"] == {"low": 4, "high": 1}
    assert sum(sum(of_category.values()) for of_category in counts.values()) == 13


def test_what_two_annotators_marked() -> None:
    assert [image.marked_by(2) for image in annotated_images()] == [[], [], [NUMBER], [NUMBER]]
    assert annotated_images()[3].marked_by(1) == [NUMBER, AGE, TEXT]


def test_errors_against_the_loss() -> None:
    found = errors_against_loss(annotated_images(), default_rng(0))
    assert list(found.errors) == pytest.approx([1 / 3, 0, 3 / 2, 4 / 3])
    assert found.low.errors.value == pytest.approx(1 / 6)
    assert found.high.errors.value == pytest.approx(17 / 12)
    assert found.low.score == pytest.approx(0.6)
    assert found.rank.value == pytest.approx(0.6)  # ranks 1 2 3 4 and 2 1 4 3: 1 - 6·4/60
    low, high = found.high.errors.interval or (0, 0)
    assert (low, high) == pytest.approx((4 / 3, 3 / 2))  # a resample of two is one, both, or mixed


def test_errors_against_the_clipscore_by_its_own_halves() -> None:
    found = errors_against_clipscore(annotated_images(), default_rng(0))
    assert found
    # CLIPScores: a 2.0, b 1.0, c 0.5, d 1.5; the lower half is b and c.
    assert found.low.errors.value == pytest.approx(3 / 4)
    assert found.high.errors.value == pytest.approx(5 / 6)
    assert found.rank.value == pytest.approx(1 - 6 * (4 + 1 + 9 + 0) / 60)
    images = [AnnotatedImage(study_image("x", 1.0), (annotation("x", "P"),))]
    assert errors_against_clipscore(images, default_rng(0)) is None


def test_does_the_loss_know_which_images_are_wrong() -> None:
    found = truth_of(IMAGES, {"a": [], "b": [TEXT], "c": [], "d": [NUMBER, TEXT]}, default_rng(0))
    assert found
    assert found.errors == 3
    assert found.wrong["low"].value == found.wrong["high"].value == 0.5
    # Wrong b 0.7 and d 2.0, right a 0.5 and c 1.5: three of the four pairs are in order.
    assert found.by_loss.value == pytest.approx(0.75)
    # The wrong one has the lower CLIPScore: b below a, d below a; not below c.
    assert found.by_clipscore
    assert found.by_clipscore.value == pytest.approx(0.5)
    high = truth_of(IMAGES, {"a": [], "b": [], "c": [TEXT], "d": [TEXT]}, default_rng(0))
    assert high
    assert high.by_loss.value == 1
    assert high.by_clipscore
    assert high.by_clipscore.value == pytest.approx(0.75)  # all pairs but d above b
    assert (high.wrong["low"].value, high.wrong["high"].value) == (0, 1)
    assert truth_of(IMAGES, {}, default_rng(0)) is None
    all_right = truth_of(IMAGES, {image.image_id: [] for image in IMAGES}, default_rng(0))
    assert all_right
    assert (all_right.by_loss.value, all_right.by_loss.interval) == (None, None)


# ------------------------------------------------------------- which annotations count


def write(folder: Path, code: str, *annotations: Annotation) -> Path:
    for made in annotations:
        append(folder / f"{code}.jsonl", made)
    return folder / f"{code}.jsonl"


def test_annotations_that_do_not_belong_are_told_and_left_out(tmp_path: Path) -> None:
    good = annotation("a", "A", AGE)
    files = [
        write(
            tmp_path,
            "A",
            good,
            annotation("b", "A", category_version="0"),
            annotation("c", "A", category_version="0"),
            annotation("elsewhere", "A"),
            annotation("d", "A", set=2),
        ),
        write(tmp_path, "B", annotation("a", "A")),
        write(tmp_path, "name with blanks", annotation("a", "A")),
    ]
    with files[0].open("a") as lines:
        lines.write('{"set": 1')
    usable, problems = usable_annotations(files, IMAGES)
    assert usable == [good]
    assert len(problems) == 6
    torn, version, foreign, other_set, annotator, code = problems
    assert "line 6" in torn
    assert "A.jsonl.damaged" in torn
    assert "2 annotation(s) not used: made under version '0'" in version
    assert "1 annotation(s) not used: of images that are not in set 1" in foreign
    assert "not in set 2" in other_set
    assert "B.jsonl" in annotator
    assert "'A'" in annotator
    assert "name with blanks.jsonl: not used" in code


def test_images_need_enough_annotations(tmp_path: Path) -> None:
    made = [
        annotation(name, code)
        for name, codes in {"a": "PQR", "d": "PQR", "b": "PQ"}.items()
        for code in codes
    ]
    by_image = annotations_by_image(IMAGES, made)
    assert {name: len(of_image) for name, of_image in by_image.items()} == {
        "a": 3,
        "b": 2,
        "c": 0,
        "d": 3,
    }
    assert [
        image.image.image_id for image in sufficiently_annotated(IMAGES[::-1], by_image, 3)
    ] == ["a", "d"]
    assert len(sufficiently_annotated(IMAGES, by_image, 2)) == 3
    with pytest.raises(InputError, match="no image has 4 annotations, at most 3"):
        sufficiently_annotated(IMAGES, by_image, 4)


def test_people_and_programs_are_not_mixed(tmp_path: Path) -> None:
    people, automatic = tmp_path / "annotations", tmp_path / "automatic"
    with pytest.raises(InputError, match="nobody has annotated yet"):
        annotation_files(people, automatic)
    program = write(automatic, "automatic-1", annotation("a", "automatic-1"))
    assert annotation_files(people, automatic) == ([program], True)
    person = write(people, "A", annotation("a", "A"))
    assert annotation_files(people, automatic) == ([person], False)


def test_a_group_without_kept_images_has_no_mean() -> None:
    found = errors_against_loss(annotated_images()[:2], default_rng(0))
    assert found.high.errors.value is None
    assert found.low.errors.n == 2
    assert not np.isnan(found.low.score)
