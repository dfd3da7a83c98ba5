"""Annotations without people, for the demo: its checker knows what is wrong with every image.

The verdict on an image is what a flawless annotator would mark. Simulated annotators err at stated
rates, so that agreement and all that is computed of annotations can be tried out, and tested
against rates that are known. None of it says anything about people.
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
NEVER = "1970-01-01T00:00:00+00:00"  # outputs are the same in every run, so they have no clock


def verdict(checker: SceneChecker, image: Image.Image, told: Scene) -> tuple[str, ...]:
    """The categories of the errors in a picture of the demo world, in the list's order.

    Args:
        checker: of the world's style.
        image: the picture.
        told: the scene that its references tell.
    """
    return errors(checker.recognise(image), told, checker.check(image, told))


def errors(shown: Scene, told: Scene, facts: Facts) -> tuple[str, ...]:
    """What is wrong with the scene ``shown``; nothing exactly if all ``facts`` are right.

    The main object is the only kind of a scene, or a pair's left or upper one. Objects that are not
    there as told are matched with shown ones of their shape, which have another colour then; what
    is left is put in each other's place: something else is there, or nothing, or too much.
    """
    roles: dict[Thing, str] = {told.things[0]: "main_object"}
    if len(told.things) > 1:
        roles[told.things[1]] = "other_objects"
    wanted = Counter(thing for thing, _ in placed_things(told))
    found = Counter(thing for thing, _ in placed_things(shown))
    missing, further = list((wanted - found).elements()), list((found - wanted).elements())
    kept = {thing for thing in roles if found[thing]}
    marked = set()
    for thing in list(missing):
        other = next((one for one in further if one.shape == thing.shape), None)
        if other:
            marked.add(COLOUR)
            kept.add(thing)
            missing.remove(thing)
            further.remove(other)
    for thing in missing:
        if further:
            marked.add(f"{roles[thing]}/wrong")
            further.pop()
        elif thing not in kept:
            marked.add(f"{roles[thing]}/inexistent")
    for thing in further:
        is_main = thing.shape == told.things[0].shape
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
    """Annotations by somebody who errs, in each category on its own.

    Args:
        image_ids: set, id and verdict of each image.
        annotator: the code.
        miss: probability that an error which is there is not marked.
        false_alarm: probability that one which is not there is marked, of those in ``CHECKED``.
        rng: decides.
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
