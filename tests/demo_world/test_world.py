"""The demo world: true captions, and exactly the noise that was asked for."""

import re
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, JpegImagePlugin

from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.demo_world.scenes import Scene, scene_from_json
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import RenderedImage, World, make_world, render_images
from caption_curation.ground_truth.scene_checker import SceneChecker
from caption_curation.support.errors import InputError

SPLITS = ("train", "val", "test")
NO_NOISE = {"wrong_caption": 0.0, "mismatched_image": 0.0, "long_caption": 0.0}
NOISE = {"wrong_caption": 0.13, "mismatched_image": 0.11, "long_caption": 0.07}


def source(
    train: int = 200,
    val: int = 20,
    test: int = 30,
    *,
    noise: dict[str, float] = NOISE,
    seed: int = 5,
    image_size: int = 32,
) -> DemoWorldSource:
    return DemoWorldSource(
        source="demo_world",
        seed=seed,
        image_size=image_size,
        images=SplitSizes(train=train, val=val, test=test),
        noise=PlantedNoise(**noise),
    )


@pytest.fixture(scope="module")
def noisy() -> World:
    return make_world(source(), DEFAULT, SPLITS)


@pytest.fixture(scope="module")
def clean() -> World:
    return make_world(source(noise=NO_NOISE), DEFAULT, SPLITS)


# ------------------------------------------- captions read back, by other rules than they were made

COLOURS = {name: name for name in ("red", "yellow", "green", "cyan", "blue", "pink")} | {
    "turquoise": "cyan"
}
SHAPES = {"disc": "circle", "strip": "bar", "hoop": "ring", "crosse": "cross"} | {
    name: name for name in ("circle", "triangle", "cross", "bar", "ring")
}
SIZES = {"small": "small", "little": "small", "large": "large", "big": "large"}
BACKGROUNDS = {
    "white": "white",
    "grey": "grey",
    "black": "black",
    "dark": "black",
    "brown": "brown",
}
RELATIONS = {
    "left of": ("beside", False),
    "right of": ("beside", True),
    "above": ("stacked", False),
    "over": ("stacked", False),
    "below": ("stacked", True),
    "under": ("stacked", True),
}
OBJECT = re.compile(rf"\b({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})s?\b")


def facts(caption: str) -> dict[str, Any]:
    """What a caption tells: things in order, layout, and size and background where it does."""
    stated: dict[str, Any] = {}
    mentions = list(OBJECT.finditer(caption))
    things = [(SHAPES[match[2]], COLOURS[match[1]]) for match in mentions]
    if len(mentions) == 2:
        between = caption[mentions[0].end() : mentions[1].start()]
        (relation,) = [phrase for phrase in RELATIONS if re.search(rf"\b{phrase}\b", between)]
        stated["layout"], turned = RELATIONS[relation]
        stated["things"] = things[::-1] if turned else things
    else:
        (stated["things"],) = [things]
        assert len(things) == 1, caption
        numbers = {"two": "two", "pair of": "two", "three": "three"}
        named = [layout for word, layout in numbers.items() if re.search(rf"\b{word}\b", caption)]
        stated["layout"] = named[0] if named else "one"
    words = caption.split()
    sizes, backgrounds = (
        {table[word] for word in words if word in table} for table in (SIZES, BACKGROUNDS)
    )
    assert len(sizes) <= 1 and len(backgrounds) <= 1, caption
    if sizes:
        stated["size"] = sizes.pop()
    if backgrounds:
        stated["background"] = backgrounds.pop()
    return stated


def is_true(caption: str, scene: Scene) -> bool:
    things = [(thing.shape, thing.colour) for thing in scene.things]
    actual = {
        "things": things,
        "layout": scene.layout,
        "size": scene.size,
        "background": scene.background,
    }
    return all(actual[fact] == value for fact, value in facts(caption).items())


def by_sample(world: World) -> dict[str, tuple[RenderedImage, str]]:
    return {
        f"{image.image_id}#{position}": (image, caption)
        for image in world.images
        for position, caption in enumerate(image.captions)
    }


# ------------------------------------------------------------------------------ captions and scenes


def test_five_true_captions_tell_every_fact(clean: World) -> None:
    for image in clean.images:
        assert len(set(image.captions)) == 5
        assert all(is_true(caption, image.shown) for caption in image.captions)
        stated = {fact for caption in image.captions for fact in facts(caption)}
        assert stated == {"things", "layout", "size", "background"}


def test_some_captions_leave_facts_out(clean: World) -> None:
    stated = Counter(
        fact for image in clean.images for caption in image.captions for fact in facts(caption)
    )
    samples = stated["layout"]
    assert stated["things"] == samples == 5 * len(clean.images)
    assert 0.2 < stated["size"] / samples < 0.8
    assert 0.2 < stated["background"] / samples < 0.8


def test_captions_are_plain_lower_case_and_fit_clip(clean: World) -> None:
    for image in clean.images:
        assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", caption) for caption in image.captions)
        assert len(re.findall(r"\w+|\.", ". ".join(image.captions))) <= 62
        assert max(len(caption.split()) for caption in image.captions) < 20


def test_all_layouts_shapes_colours_and_backgrounds_appear(clean: World) -> None:
    scenes = [image.scene for image in clean.images]
    assert {scene.layout for scene in scenes} == {"one", "two", "three", "beside", "stacked"}
    assert {scene.background for scene in scenes} == set(DEFAULT.backgrounds)
    assert {thing.colour for scene in scenes for thing in scene.things} == set(DEFAULT.palette)
    assert len({thing.shape for scene in scenes for thing in scene.things}) == 5
    pairs = [scene for scene in scenes if scene.layout in ("beside", "stacked")]
    assert all(len(set(scene.things)) == 2 for scene in pairs)


def test_ids_are_unique_and_scenes_have_a_json_form(noisy: World) -> None:
    assert len({image.image_id for image in noisy.images}) == 250
    for image, record in zip(noisy.images, noisy.scene_records(), strict=True):
        assert set(record) == {"image_id", "split", "scene", "shown"}
        assert scene_from_json(record["scene"]) == image.scene
        assert scene_from_json(record["shown"]) == image.shown


# ------------------------------------------------------------------------------------ planted noise


def test_exactly_the_rates_of_the_profile(noisy: World) -> None:
    kinds = Counter(noisy.noise.values())
    assert kinds == {
        "wrong_caption": round(0.13 * 1000),
        "mismatched_image": 5 * round(0.11 * 200),
        "long_caption": round(0.07 * 1000),
    }
    records = noisy.noise_records()
    assert len({record["sample_id"] for record in records}) == len(records) == sum(kinds.values())
    assert {record["kind"] for record in records} == set(kinds)


def test_noise_is_noise_and_the_rest_is_true(noisy: World, clean: World) -> None:
    before = by_sample(clean)
    for sample_id, (image, caption) in by_sample(noisy).items():
        match noisy.noise.get(sample_id):
            case "wrong_caption":
                assert image.shown == image.scene
                assert not is_true(caption, image.shown)
            case "mismatched_image":
                assert caption == before[sample_id][1]
                assert is_true(caption, image.scene)
                assert not is_true(caption, image.shown)
            case "long_caption":
                assert image.shown == image.scene
                assert is_true(caption, image.shown)
                assert 30 <= len(caption.split()) < 60
            case None:
                assert (image.shown, caption) == (image.scene, before[sample_id][1])
                assert is_true(caption, image.shown)


def test_a_mismatched_image_makes_all_its_samples_noise(noisy: World) -> None:
    for image in noisy.images:
        kinds = {noisy.noise.get(f"{image.image_id}#{position}") for position in range(5)}
        assert ("mismatched_image" in kinds) == (image.shown != image.scene)
        assert "mismatched_image" not in kinds or len(kinds) == 1


def test_only_the_training_split_is_noisy(noisy: World) -> None:
    training = {image.image_id for image in noisy.images if image.split == "train"}
    assert {sample_id.split("#")[0] for sample_id in noisy.noise} <= training


def test_wrong_captions_are_captions_of_other_images(noisy: World, clean: World) -> None:
    texts = {
        caption for image in clean.images if image.split == "train" for caption in image.captions
    }
    samples = by_sample(noisy)
    wrong = [sample_id for sample_id, kind in noisy.noise.items() if kind == "wrong_caption"]
    assert all(samples[sample_id][1] in texts for sample_id in wrong)


@pytest.mark.parametrize(
    "noise",
    [
        NOISE | {"wrong_caption": 0.9},
        {"wrong_caption": 0.5, "mismatched_image": 0.3, "long_caption": 0.3},
    ],
)
def test_rates_that_leave_no_room(noise: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must not exceed 1"):
        make_world(source(noise=noise), DEFAULT, SPLITS)


def test_noise_may_take_everything() -> None:
    noise = {"wrong_caption": 0.5, "mismatched_image": 0.2, "long_caption": 0.3}
    assert len(make_world(source(train=50, noise=noise), DEFAULT, SPLITS).noise) == 250


def test_no_caption_can_be_wrong_in_a_world_of_one_image() -> None:
    noise = NO_NOISE | {"wrong_caption": 0.4}
    with pytest.raises(InputError, match="needs more training images"):
        make_world(source(train=1, noise=noise), DEFAULT, ("train",))


# -------------------------------------------------------------------------- seeds, splits and files


def of_split(world: World, split: str) -> list[RenderedImage]:
    return [image for image in world.images if image.split == split]


def test_splits_do_not_depend_on_the_size_of_others(noisy: World) -> None:
    other = make_world(source(val=7, test=90), DEFAULT, SPLITS)
    assert of_split(other, "train") == of_split(noisy, "train")
    assert other.noise == noisy.noise
    assert of_split(other, "test")[:30] == of_split(noisy, "test")
    grown = make_world(source(train=300), DEFAULT, SPLITS)
    assert of_split(grown, "val") == of_split(noisy, "val")
    assert [image.scene for image in of_split(grown, "train")[:200]] == [
        image.scene for image in of_split(noisy, "train")
    ]


def test_a_world_without_the_other_splits_has_the_same_training_split(noisy: World) -> None:
    assert make_world(source(), DEFAULT, ("train",)).images == of_split(noisy, "train")


def test_the_seed_changes_scenes_and_noise(noisy: World) -> None:
    other = make_world(source(seed=6), DEFAULT, SPLITS)
    same = [a.scene == b.scene for a, b in zip(noisy.images, other.images, strict=True)]
    assert sum(same) < 25
    assert set(other.noise) != set(noisy.noise)
    # Nor do the splits of one seed resemble one another.
    assert [image.scene for image in of_split(noisy, "val")] != [
        image.scene for image in of_split(noisy, "test")[:20]
    ]


def test_files_are_jpeg_of_full_colour_resolution_and_repeat(tmp_path: Path) -> None:
    small = make_world(source(train=20, val=2, test=2, image_size=40), DEFAULT, SPLITS)
    for name in ("first", "second"):
        render_images(small, DEFAULT, 40, tmp_path / name)
    for image in small.images:
        first = (tmp_path / "first/images" / image.file_name).read_bytes()
        assert first == (tmp_path / "second/images" / image.file_name).read_bytes()
        with Image.open(BytesIO(first)) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (40, 40))
            assert JpegImagePlugin.get_sampling(picture) == 0  # 4:4:4


def test_files_show_what_the_ground_truth_says(noisy: World, tmp_path: Path) -> None:
    render_images(noisy, DEFAULT, 32, tmp_path)
    checker = SceneChecker(DEFAULT)
    for image in noisy.images:
        with Image.open(tmp_path / "images" / image.file_name) as picture:
            assert checker.check(picture, image.shown).all_right
            if image.shown != image.scene:
                assert checker.recognise(picture) != image.scene
