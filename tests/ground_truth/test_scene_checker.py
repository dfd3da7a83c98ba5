"""The checker knows every scene, through JPEG, blur and noise, and is not fooled by near misses."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, replace
from io import BytesIO
from typing import TypeVar

import numpy as np
import pytest
from numpy.random import default_rng
from PIL import Image, ImageFilter

from caption_curation.demo_world.rendering import placed_things, render, render_things
from caption_curation.demo_world.scenes import SHAPES, Layout, Scene, Thing, random_scene
from caption_curation.demo_world.style import DEFAULT
from caption_curation.ground_truth.scene_checker import Facts, SceneChecker

Change = Callable[[Image.Image], Image.Image]
Name = TypeVar("Name", bound=str)
COLOURS, BACKGROUNDS = list(DEFAULT.palette), list(DEFAULT.backgrounds)


def scenes(number: int, seed: int) -> list[Scene]:
    rng = default_rng(seed)
    return [random_scene(rng, COLOURS, BACKGROUNDS) for _ in range(number)]


@pytest.fixture(scope="module")
def checker() -> SceneChecker:
    return SceneChecker(DEFAULT)


def unchanged(image: Image.Image) -> Image.Image:
    return image


def jpeg(image: Image.Image) -> Image.Image:
    buffer = BytesIO()
    image.save(buffer, format="JPEG", quality=95, subsampling=0)
    return Image.open(buffer)


def blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(image.width / 32))


def noisy(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image, dtype=float)
    pixels += default_rng(pixels.sum().astype(int)).normal(0, 20, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def blurred_and_noisy(image: Image.Image) -> Image.Image:
    return noisy(blurred(image))


def moved(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.roll(np.asarray(image), (1, -1), axis=(0, 1)))


@pytest.mark.parametrize("image_size", [32, 48, 64])
@pytest.mark.parametrize("change", [unchanged, jpeg, blurred, noisy, blurred_and_noisy, moved])
def test_recognises_renderings(checker: SceneChecker, image_size: int, change: Change) -> None:
    told = scenes(250, seed=image_size)
    right = [
        checker.check(change(render(scene, DEFAULT, image_size)), scene).all_right for scene in told
    ]
    assert np.mean(right) >= 0.99


def test_recognises_the_size_too(checker: SceneChecker) -> None:
    told = scenes(200, seed=1)
    assert [checker.recognise(jpeg(render(scene, DEFAULT, 32))) for scene in told] == told


def test_takes_arrays(checker: SceneChecker) -> None:
    (scene,) = scenes(1, seed=2)
    assert checker.check(np.asarray(render(scene, DEFAULT, 32)), scene).all_right


ALL_RIGHT = Facts(background=True, count=True, colours=True, shapes=True, relation=True)


def other(value: Name, among: Sequence[Name], shift: int) -> Name:
    return among[(among.index(value) + 1 + shift % (len(among) - 1)) % len(among)]


def neighbours(scene: Scene, shift: int) -> list[tuple[str, Scene]]:
    """Scenes that differ from ``scene`` in one fact, with that fact's name."""
    first, rest = scene.things[0], scene.things[1:]
    recoloured = replace(first, colour=other(first.colour, COLOURS, shift))
    reshaped = replace(first, shape=other(first.shape, SHAPES, shift))
    found = [
        ("background", replace(scene, background=other(scene.background, BACKGROUNDS, shift))),
        ("colours", replace(scene, things=(recoloured, *rest))),
        ("shapes", replace(scene, things=(reshaped, *rest))),
    ]
    if rest:
        opposite: Layout = "stacked" if scene.layout == "beside" else "beside"
        found += [
            ("relation", replace(scene, things=scene.things[::-1])),
            ("relation", replace(scene, layout=opposite)),
        ]
        if rest[0].colour != first.colour and rest[0].shape != first.shape:
            swapped = (replace(first, colour=rest[0].colour), replace(rest[0], colour=first.colour))
            found.append(("relation", replace(scene, things=swapped)))
    else:
        layouts: tuple[Layout, ...] = ("one", "two", "three")
        found.append(("count", replace(scene, layout=other(scene.layout, layouts, shift))))
    # A recoloured or reshaped object may turn a pair into two of a kind, which is no scene, or
    # leave the set of colours or shapes as it was.
    return [
        (fact, near)
        for fact, near in found
        if len(set(near.things)) == len(near.things)
        and (fact != "colours" or _colours(near) != _colours(scene))
        and (fact != "shapes" or _shapes(near) != _shapes(scene))
    ]


def _colours(scene: Scene) -> set[str]:
    return {thing.colour for thing in scene.things}


def _shapes(scene: Scene) -> set[str]:
    return {thing.shape for thing in scene.things}


def test_names_the_one_fact_that_is_wrong(checker: SceneChecker) -> None:
    seen = set()
    for shift, told in enumerate(scenes(200, seed=3)):
        for fact, shown in neighbours(told, shift):
            facts = checker.check(blurred_and_noisy(render(shown, DEFAULT, 32)), told)
            assert facts == replace(ALL_RIGHT, **{fact: False}), (fact, told, shown)
            assert not facts.all_right
            seen.add(fact)
    assert seen == {"background", "count", "colours", "shapes", "relation"}


def test_a_missing_object_is_missed(checker: SceneChecker) -> None:
    for told in scenes(200, seed=4):
        placed = placed_things(told)
        if len(placed) > 1:
            partial = render_things(placed[1:], told.size, told.background, DEFAULT, 32)
            assert not checker.check(noisy(partial), told).count, told


def test_a_further_object_is_noticed(checker: SceneChecker) -> None:
    extra = (Thing("cross", "pink"), (0.2, 0.8))
    for told in scenes(200, seed=5):
        if told.layout in ("one", "two"):
            placed = [*placed_things(told), extra]
            crowded = render_things(placed, told.size, told.background, DEFAULT, 32)
            assert not checker.check(noisy(crowded), told).count, told


def test_pictures_of_nothing_are_not_right(checker: SceneChecker) -> None:
    told = scenes(50, seed=6)
    rng = default_rng(7)
    for scene in told:
        empty = render_things([], scene.size, scene.background, DEFAULT, 32)
        assert not checker.check(noisy(empty), scene).all_right
        static = rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)
        assert not checker.check(static, scene).all_right


def test_facts_know_when_all_are_right() -> None:
    assert ALL_RIGHT.all_right
    for position in range(5):
        values = [index != position for index in range(5)]
        assert not Facts(*values).all_right
        assert astuple(Facts(*values)).count(False) == 1
