"""Captions are read as they were meant, in every wording, and nothing else is."""

import pytest
from numpy.random import default_rng

from caption_curation.demo_world.scenes import random_scene
from caption_curation.demo_world.style import DEFAULT, SHIFTED, Style
from caption_curation.demo_world.wording import LONG_CAPTION_WORDS, Statement, describe, ramble
from caption_curation.ground_truth.caption_reader import CaptionReader

STYLES = [pytest.param(DEFAULT, id="default"), pytest.param(SHIFTED, id="shifted")]


def facts(statement: Statement) -> tuple[object, ...]:
    """All that a caption states."""
    scene = statement.scene
    return (
        scene.layout,
        scene.things,
        scene.size if statement.states_size else None,
        scene.background if statement.states_background else None,
    )


@pytest.mark.parametrize("style", STYLES)
def test_what_was_described_is_read(style: Style) -> None:
    reader, rng = CaptionReader(style), default_rng(0)
    for _ in range(500):
        scene = random_scene(rng, list(style.palette), list(style.backgrounds))
        for told in describe(scene, style, rng):
            assert facts(reader.read(told.text)) == facts(told), told.text


def test_an_over_long_caption_states_everything() -> None:
    reader, rng = CaptionReader(DEFAULT), default_rng(0)
    for _ in range(100):
        scene = random_scene(rng, list(DEFAULT.palette), list(DEFAULT.backgrounds))
        text = ramble(scene, DEFAULT, rng)
        assert len(text.split()) >= LONG_CAPTION_WORDS
        assert facts(reader.read(text)) == (
            scene.layout, scene.things, scene.size, scene.background,
        )  # fmt: skip


@pytest.mark.parametrize("caption", ["", "a dog", "a purple circle and nothing else", "a red"])
def test_other_captions_are_refused(caption: str) -> None:
    with pytest.raises(ValueError, match="not a caption of the demo world"):
        CaptionReader(DEFAULT).read(caption)
