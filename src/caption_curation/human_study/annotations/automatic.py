"""Annotations without people, for the demo: its checker knows what is wrong with every image.

The verdict on an image is what a perfect annotator would mark. Simulated annotators err at stated
rates, so that agreement and everything else that is computed from annotations can be tried out, and
tested against known rates. None of it says anything about people.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np
from PIL import Image

from caption_curation.demo_world.rendering import placed_things
from caption_curation.demo_world.scenes import Scene, Thing
from caption_curation.ground_truth.scene_checker import Facts, SceneChecker
from caption_curation.human_study.annotations.categories import CATEGORY_VERSION, CHECKED
from caption_curation.human_study.annotations.records import Annotation

NUMBER = "general/number"
COLOUR = "general/colour"
POSITION = "general/position"
SCENE = "general/scene_event_location"

COMMENT = "automatic: from the scene checker, not from a person"
NEVER = "1970-01-01T00:00:00+00:00"  # outputs are the same in every run, so no clock is read


def verdict(checker: SceneChecker, image: Image.Image, described: Scene) -> tuple[str, ...]:
    """The categories of the errors in an image of the demo world, in the order of the list.

    Args:
        checker: for the world's style.
        image: to judge.
        described: the scene that its references describe.
    """
    return errors(checker.recognise(image), described, checker.check(image, described))


def errors(shown: Scene, described: Scene, facts: Facts) -> tuple[str, ...]:
    """What is wrong with the scene ``shown``; empty if and only if all ``facts`` are right.

    The main object is the only kind of object of a scene, or the left or upper one of a pair.
    Described objects that are missing are first matched with additional ones of the same shape,
    which then have the wrong colour. Those that remain are paired up: something else is shown in
    place of an object, or nothing is, or there is something extra.
    """
    roles: dict[Thing, str] = {described.things[0]: "main_object"}
    if len(described.things) > 1:
        roles[described.things[1]] = "other_objects"
    expected = Counter(thing for thing, _ in placed_things(described))
    found = Counter(thing for thing, _ in placed_things(shown))
    missing, extra = list((expected - found).elements()), list((found - expected).elements())
    kept = {thing for thing in roles if found[thing]}
    marked = set()
    for thing in list(missing):
        other = next((candidate for candidate in extra if candidate.shape == thing.shape), None)
        if other:
            marked.add(COLOUR)
            kept.add(thing)
            missing.remove(thing)
            extra.remove(other)
    for thing in missing:
        if extra:
            marked.add(f"{roles[thing]}/wrong")
            extra.pop()
        elif thing not in kept:
            marked.add(f"{roles[thing]}/inexistent")
    for thing in extra:
        is_main = thing.shape == described.things[0].shape
        marked.add(f"{'main_object' if is_main else 'other_objects'}/extra")
    if not facts.count:
        marked.add(NUMBER)
    if not facts.background:
        marked.add(SCENE)
    if not facts.relation and len(kept) == len(roles):
        marked.add(POSITION)
    return tuple(category for category in CHECKED if category in marked)


def simulate(
    image_ids: Iterable[tuple[int, str, tuple[str, ...]]],
    *,
    annotator: str,
    miss: float,
    false_alarm: float,
    rng: np.random.Generator,
) -> list[Annotation]:
    """Annotations by somebody who errs in each category independently.

    Args:
        image_ids: set, id and verdict of each image.
        annotator: the code.
        miss: probability that an error that is there is not marked.
        false_alarm: probability that an error of ``CHECKED`` that is not there is marked.
        rng: decides which errors are missed and which false ones are marked.
    """
    annotations = []
    for number, image_id, wrong in image_ids:
        chances = rng.random(len(CHECKED))
        marked = tuple(
            category
            for category, chance in zip(CHECKED, chances, strict=True)
            if (chance >= miss if category in wrong else chance < false_alarm)
        )
        annotations.append(
            Annotation(
                set=number,
                image_id=image_id,
                annotator=annotator,
                categories=marked,
                no_error=not marked,
                comment=COMMENT,
                category_version=CATEGORY_VERSION,
                shown_at=NEVER,
                saved_at=NEVER,
            )
        )
    return annotations
