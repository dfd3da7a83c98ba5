"""Samples are judged as they were made: good ones right, spoilt ones wrong, each in its way."""

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from caption_curation.config.corpora import DemoWorldSource
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import Scene, Thing
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import World, make_world
from caption_curation.ground_truth.judge import FALSE_CAPTION, OVER_LONG, UNREADABLE, GroundTruth
from caption_curation.samples import Sample, samples_of

RINGS = Scene("white", "small", "two", (Thing("ring", "red"),))


@pytest.fixture(scope="module")
def world() -> World:
    source = DemoWorldSource.model_validate(
        {
            "source": "demo_world",
            "seed": 3,
            "image_size": 32,
            "images": {"train": 200, "val": 0, "test": 0},
            "noise": {"wrong_caption": 0.1, "mismatched_image": 0.1, "long_caption": 0.1},
        }
    )
    return make_world(source, DEFAULT, ["train"])


def test_photographs_are_judged_by_what_was_planted(world: World) -> None:
    truth = GroundTruth(world.scene_records())
    expected = {
        "wrong_caption": (FALSE_CAPTION,),
        "mismatched_image": (FALSE_CAPTION,),
        "long_caption": (OVER_LONG,),
    }
    seen: Counter[str] = Counter()
    for sample in samples_of(world.corpus(["train"]).splits["train"]):
        kind = world.noise.get(sample.sample_id)
        assert truth.faults(sample) == (expected[kind] if kind else ()), (kind, sample)
        seen[kind or "good"] += 1
    assert seen == {
        "good": 700, "wrong_caption": 100, "mismatched_image": 100, "long_caption": 100,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("shown", "caption", "faults"),
    [
        (RINGS, "two red rings on white", ()),
        # What the caption does not tell may be as it likes.
        (replace(RINGS, background="black"), "two red rings and nothing else", ()),
        (
            replace(RINGS, background="black"),
            "two red rings on white",
            ("wrong in the image: background",),
        ),
        (replace(RINGS, layout="one"), "two red rings on white", ("wrong in the image: count",)),
        (
            replace(RINGS, things=(Thing("bar", "blue"),)),
            "two red rings on white",
            ("wrong in the image: colours, shapes",),
        ),
    ],
)
def test_a_synthetic_image_is_judged_by_what_its_caption_tells(
    tmp_path: Path, shown: Scene, caption: str, faults: tuple[str, ...]
) -> None:
    # The photograph shows something else altogether.
    photograph = Scene("brown", "large", "one", (Thing("cross", "green"),))
    truth = GroundTruth([{"image_id": "x", "shown": asdict(photograph)}])
    file = tmp_path / "synthetic.png"
    render(shown, DEFAULT, 32).save(file)

    sample = Sample("x#0", "x", "x.jpg", caption, replicate=0)
    assert truth.faults(sample, file) == faults
    assert truth.faults(replace(sample, replicate=None)) == (FALSE_CAPTION,)


def test_a_caption_that_is_no_sentence_of_the_world_is_wrong(world: World) -> None:
    """An action may write one; it must not end the run."""
    truth = GroundTruth(world.scene_records())
    sample = samples_of(world.corpus(["train"]).splits["train"])[0]
    assert truth.faults(replace(sample, caption="on a white")) == (UNREADABLE,)
    assert truth.faults(replace(sample, caption="on a white " * 20)) == (UNREADABLE, OVER_LONG)
