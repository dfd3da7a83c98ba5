"""The demo's automatic annotators: verdicts by hand, and error rates that are recovered."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.random import default_rng

from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import Scene, Thing, random_scene
from caption_curation.demo_world.style import DEFAULT
from caption_curation.ground_truth.scene_checker import Facts, SceneChecker, compare
from caption_curation.human_study.annotations.automatic import errors, simulate, verdict
from caption_curation.human_study.annotations.categories import CHECKED
from caption_curation.reports.human_study.agreement import annotators

RED_DISC, BLUE_BAR = Thing("circle", "red"), Thing("bar", "blue")
GREEN_DISC, PINK_RING = Thing("circle", "green"), Thing("ring", "pink")
TWO_DISCS = Scene("black", "small", "two", (RED_DISC,))
PAIR = Scene("white", "small", "beside", (RED_DISC, BLUE_BAR))


@pytest.mark.parametrize(
    ("described", "shown", "expected"),
    [
        (TWO_DISCS, TWO_DISCS, set()),
        (TWO_DISCS, replace(TWO_DISCS, size="large"), set()),  # nobody can tell it for sure
        (TWO_DISCS, replace(TWO_DISCS, background="grey"), {"general/scene_event_location"}),
        (TWO_DISCS, replace(TWO_DISCS, things=(GREEN_DISC,)), {"general/colour"}),
        (TWO_DISCS, replace(TWO_DISCS, things=(PINK_RING,)), {"main_object/wrong"}),
        (TWO_DISCS, replace(TWO_DISCS, layout="one"), {"general/number"}),
        (
            TWO_DISCS,
            replace(TWO_DISCS, layout="three"),
            {"general/number", "main_object/extra"},
        ),
        (PAIR, replace(PAIR, things=(BLUE_BAR, RED_DISC)), {"general/position"}),
        (PAIR, replace(PAIR, layout="stacked"), {"general/position"}),
        (PAIR, replace(PAIR, things=(RED_DISC, PINK_RING)), {"other_objects/wrong"}),
        (PAIR, replace(PAIR, things=(PINK_RING, BLUE_BAR)), {"main_object/wrong"}),
        (
            PAIR,
            Scene("white", "small", "one", (RED_DISC,)),
            {"general/number", "other_objects/inexistent"},
        ),
        (
            PAIR,
            Scene("white", "small", "one", (BLUE_BAR,)),
            {"general/number", "main_object/inexistent"},
        ),
        (
            Scene("white", "small", "one", (RED_DISC,)),
            PAIR,
            {"general/number", "other_objects/extra"},
        ),
    ],
)
def test_verdicts_on_images(described: Scene, shown: Scene, expected: set[str]) -> None:
    found = verdict(SceneChecker(DEFAULT), render(shown, DEFAULT, 32), described)
    assert set(found) == expected
    assert list(found) == [category for category in CHECKED if category in found]


def test_an_object_too_much_that_fits_no_scene_is_a_matter_of_number() -> None:
    facts = Facts(background=True, count=False, colours=True, shapes=True, relation=True)
    assert errors(TWO_DISCS, TWO_DISCS, facts) == ("general/number",)


def test_an_image_has_no_error_exactly_if_all_facts_are_right() -> None:
    rng = default_rng(0)
    # Few kinds, so that many pairs of scenes differ in little or nothing.
    scenes = [random_scene(rng, ["red", "blue"], ["white", "black"]) for _ in range(120)]
    right = 0
    for described in scenes:
        for shown in scenes:
            facts = compare(shown, described, only_that=True)
            assert (errors(shown, described, facts) == ()) == facts.all_right, (described, shown)
            right += facts.all_right
    assert right > len(scenes)


def test_stated_error_rates_are_recovered() -> None:
    rng = default_rng(1)
    verdicts = [
        (1, str(number), tuple(np.array(CHECKED)[rng.random(len(CHECKED)) < 0.3]))
        for number in range(2000)
    ]
    known = {image_id: wrong for _, image_id, wrong in verdicts}
    made = [
        annotation
        for code, miss, false_alarm in (("careful", 0.05, 0.01), ("hasty", 0.4, 0.1))
        for annotation in simulate(
            verdicts,
            annotator=code,
            miss=miss,
            false_alarm=false_alarm,
            rng=default_rng([2, len(code)]),
        )
    ]
    careful, hasty = annotators(made, known)
    # About 6,000 errors are there and 14,000 are not: three standard deviations are 0.02 at most.
    assert careful.missed == pytest.approx(0.05, abs=0.02)
    assert hasty.missed == pytest.approx(0.4, abs=0.02)
    assert careful.false_alarms == pytest.approx(0.01, abs=0.01)
    assert hasty.false_alarms == pytest.approx(0.1, abs=0.01)


def test_a_flawless_annotator_repeats_the_verdicts() -> None:
    verdicts = [(1, "a", ("general/number",)), (2, "b", ())]
    made = simulate(verdicts, annotator="x", miss=0, false_alarm=0, rng=default_rng(0))
    assert [
        (annotation.set, annotation.image_id, annotation.categories, annotation.no_error)
        for annotation in made
    ] == [
        (1, "a", ("general/number",), False),
        (2, "b", (), True),
    ]
    assert all("automatic" in annotation.comment for annotation in made)
    contrary = simulate(verdicts, annotator="x", miss=1, false_alarm=1, rng=default_rng(0))
    assert contrary[1].categories == CHECKED
    assert set(contrary[0].categories) == set(CHECKED) - {"general/number"}
