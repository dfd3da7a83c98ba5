"""Pretraining of the demo's sentence encoder, at a size that takes seconds."""

from pathlib import Path

import numpy as np
import pytest

from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.pretraining import SentenceEncoderPretraining
from caption_curation.demo_models.sentence_encoder import pretrain_sentence_encoder
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import make_world
from caption_curation.pretrained import obtain_model
from caption_curation.samples import CaptionedImage
from caption_curation.text_to_image.sbert_captions import REQUIRED_FILES, encode


def world(seed: int, images: int) -> list[CaptionedImage]:
    source = DemoWorldSource(
        source="demo_world",
        seed=seed,
        image_size=32,
        images=SplitSizes(train=images, val=0, test=0),
        noise=PlantedNoise(wrong_caption=0.0, mismatched_image=0.0, long_caption=0.0),
    )
    return make_world(source, DEFAULT, ["train"]).corpus(["train"]).splits["train"]


def pretrained(folder: Path, steps: int) -> Path:
    settings = SentenceEncoderPretraining(
        seed=0,
        vocabulary_size=300,
        hidden_size=32,
        layers=1,
        heads=2,
        max_tokens=32,
        steps=steps,
        batch_size=16,
        learning_rate=0.005,
    )
    encoder = pretrain_sentence_encoder(world(1, 150), settings)
    encoder.save_pretrained(str(folder), create_model_card=False)
    return folder


def partners_found(encoder: Path) -> float:
    """How often a caption is nearest to another one of its image, among 50 unseen images'."""
    unseen = world(2, 50)
    first, second = (encode([image.captions[n] for image in unseen], encoder) for n in (0, 1))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True)
    return float(np.mean((first @ second.T).argmax(axis=1) == np.arange(len(unseen))))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrained(tmp_path_factory.mktemp("encoder") / "model", steps=120)


def test_it_learns_that_captions_of_one_image_agree(trained: Path, tmp_path: Path) -> None:
    untrained = pretrained(tmp_path / "model", steps=1)
    assert partners_found(trained) > max(0.5, partners_found(untrained) + 0.1)


def test_it_is_complete_and_without_code_or_pickles(trained: Path) -> None:
    assert obtain_model(trained, required=REQUIRED_FILES) == trained
    kinds = {file.suffix for file in trained.rglob("*") if file.is_file()}
    assert kinds == {".json", ".safetensors"}


def test_the_same_training_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (pretrained(tmp_path / name, steps=3) for name in ("one", "other"))
    for file in first.rglob("*"):
        if file.is_file():
            assert file.read_bytes() == (second / file.relative_to(first)).read_bytes()
