"""The demo's text encoder learns what captions of several worlds say."""

from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.profile import TextEncoderSize
from caption_curation.demo_models.text_encoder import UNKNOWN, classes_of, pretrain_text_encoder
from caption_curation.demo_world.scenes import Scene
from caption_curation.demo_world.style import DEFAULT, SHIFTED, Style
from caption_curation.demo_world.world import make_world
from caption_curation.text_to_image.bases.scratch import build_text_encoder, train_tokenizer


def captioned(style: Style, images: int) -> tuple[list[Scene], list[str]]:
    source = DemoWorldSource(
        source="demo_world",
        seed=5,
        image_size=32,
        images=SplitSizes(train=images, val=0, test=0),
        noise=PlantedNoise(wrong_caption=0.0, mismatched_image=0.0, long_caption=0.0),
    )
    world = make_world(source, style, ["train"])
    captions = [". ".join(image.captions) for image in world.corpus(["train"]).splits["train"]]
    return [image.scene for image in world.images], captions


def test_classes_are_those_of_all_worlds() -> None:
    scenes = captioned(DEFAULT, 60)[0] + captioned(SHIFTED, 60)[0]

    classes = classes_of(scenes)

    assert set(classes.colours) == set(DEFAULT.palette) | set(SHIFTED.palette)
    assert set(classes.backgrounds) == set(DEFAULT.backgrounds) | set(SHIFTED.backgrounds)
    for scene in scenes:
        targets = classes.targets(scene)
        known = [value for value in targets if value != UNKNOWN]
        # A scene with one kind of object has no second shape and colour to predict.
        assert len(targets) - len(known) == (0 if len(scene.things) == 2 else 2)
        assert all(
            value < count
            for value, count in zip(targets, classes.counts, strict=True)
            if value != UNKNOWN
        )
        assert classes.backgrounds[targets[0]] == scene.background
        assert classes.colours[targets[4]] == scene.things[0].colour


def test_encoder_learns_to_tell_the_facts_of_its_prompts() -> None:
    scenes, prompts = captioned(DEFAULT, 200)
    tokenizer = train_tokenizer(prompts, 700)
    size = TextEncoderSize(hidden_size=64, layers=1, heads=4, vocabulary_size=700)

    accuracy = pretrain_text_encoder(
        build_text_encoder(size, tokenizer),
        tokenizer,
        prompts,
        scenes,
        steps=120,
        batch_size=32,
        learning_rate=0.003,
        seed=0,
    )

    # Guessing the most frequent class of each fact gets about a quarter right.
    assert accuracy > 0.5
