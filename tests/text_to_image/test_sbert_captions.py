"""The caption that is closest to the mean of an image's captions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from caption_curation import paths
from caption_curation.config.corpora import DemoWorldSource, PlantedNoise, SplitSizes
from caption_curation.config.experiment import Prompt
from caption_curation.demo_world.style import DEFAULT
from caption_curation.demo_world.world import make_world
from caption_curation.samples import (
    CaptionedImage,
    Sample,
    read_json_lines,
    write_json_lines,
)
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.sbert_captions import closest_to_mean, encode, sbert_captions
from caption_curation.text_to_image.synthesis.requests import requests_of
from stages import sbert_captions as stage
from tests.conftest import REPOSITORY
from tests.small_run import set_parameters

ENCODER = REPOSITORY / "data" / "demo_models" / "sentence_encoder"
AGREEING = (
    "a big red circle left of a small blue bar on white",
    "a small blue bar right of a big red circle",
    "a red circle is left of a blue bar on a white background",
)
ODD = "three green crosses on black"


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.dot(first, second) / np.sqrt(np.dot(first, first) * np.dot(second, second)))


def test_is_the_caption_with_the_largest_cosine() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 3, 5, 7):
        embeddings = rng.normal(size=(size, 16)) * rng.uniform(0.1, 10, size=(size, 1))
        mean = np.sum(embeddings, axis=0) / size
        cosines = [cosine(embedding, mean) for embedding in embeddings]
        assert closest_to_mean(embeddings) == cosines.index(max(cosines))


def test_close_is_a_matter_of_direction_not_of_distance() -> None:
    # The mean is (1.5, 0.5). (1, 1) is the nearest point, but (0.5, 0.1) has the nearest direction.
    embeddings = np.array([[1.0, 1.0], [3.0, 0.4], [0.5, 0.1]])
    assert closest_to_mean(embeddings) == 2


def test_of_equal_captions_the_first() -> None:
    assert closest_to_mean(np.array([[0.0, 1.0], [1.0, 0.9], [1.0, 0.9]])) == 1


def test_rounding_does_not_choose_between_two_captions() -> None:
    # Two vectors of one length are equally close to their mean.
    angles = np.random.default_rng(1).uniform(0, np.pi / 2, size=(200, 2))
    for first, second in angles:
        pair = np.array([[np.cos(first), np.sin(first)], [np.cos(second), np.sin(second)]])
        assert closest_to_mean(pair.astype(np.float32)) == 0


def test_a_planted_odd_caption_is_never_chosen() -> None:
    """The real encoder, against the definition computed without any of our code."""
    images = [
        CaptionedImage(str(place), "", (*AGREEING[:place], ODD, *AGREEING[place:]))
        for place in range(len(AGREEING) + 1)
    ]
    chosen = sbert_captions(images, ENCODER)
    vectors = dict(zip([*AGREEING, ODD], encode([*AGREEING, ODD], ENCODER), strict=True))
    for image in images:
        rows = np.stack([vectors[caption] for caption in image.captions]).astype(np.float64)
        cosines = [cosine(row, rows.sum(axis=0) / len(rows)) for row in rows]
        expected = image.captions[cosines.index(max(cosines))]
        assert chosen[image.image_id] == expected != ODD


def test_the_demos_encoder_avoids_wrong_captions_in_scenes_that_it_has_not_seen() -> None:
    source = DemoWorldSource(
        source="demo_world",
        seed=4242,
        image_size=32,
        images=SplitSizes(train=200, val=0, test=0),
        noise=PlantedNoise(wrong_caption=0.3, mismatched_image=0.0, long_caption=0.0),
    )
    world = make_world(source, DEFAULT, ["train"])
    images = world.corpus(["train"]).splits["train"]
    chosen = sbert_captions(images, ENCODER)
    ids = {f"{image.image_id}#{image.captions.index(chosen[image.image_id])}" for image in images}
    wrong = {record["sample_id"] for record in world.noise_records()}
    assert len(wrong) == 0.3 * 5 * len(images)
    assert len(ids & wrong) < 0.1 * len(images)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    set_parameters(tmp_path, {"prompt.mode": "sbert"})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo_models").symlink_to(ENCODER.parent)
    images = [CaptionedImage("a", "a.jpg", (ODD, *AGREEING)), CaptionedImage("b", "b.jpg", (ODD,))]
    for split in ("train", "val"):
        write_json_lines(paths.CORPUS / f"{split}.jsonl", images)
    return tmp_path


def test_the_stage_writes_a_caption_of_every_image(workspace: Path) -> None:
    stage.main("train")
    first, second = read_json_lines(paths.sbert_captions("train"))
    assert first["image_id"] == "a"
    assert first["caption"] in AGREEING
    assert second == {"image_id": "b", "caption": ODD}


def test_without_such_prompts_the_stage_does_nothing(workspace: Path) -> None:
    (workspace / "params.yaml").write_text((REPOSITORY / "params.yaml").read_text())
    code = (
        "import json, sys; from stages import sbert_captions; "
        "sbert_captions.main('train'); print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"torch", "transformers", "sentence_transformers"} & set(json.loads(done.stdout))
    assert read_json_lines(paths.sbert_captions("train")) == []


def test_an_encoder_that_is_not_there_is_named(workspace: Path) -> None:
    (workspace / "data" / "demo_models").unlink()
    with pytest.raises(InputError, match="data/demo_models/sentence_encoder: there is no such"):
        stage.main("train")
    assert not paths.sbert_captions("train").exists()


def test_an_encoder_whose_weights_could_run_code_is_refused(workspace: Path) -> None:
    (workspace / "data" / "demo_models").unlink()
    folder = workspace / "data" / "demo_models" / "sentence_encoder"
    folder.mkdir(parents=True)
    for name in ("modules.json", "config.json", "tokenizer.json", "pytorch_model.bin"):
        (folder / name).touch()
    with pytest.raises(InputError, match=r"pytorch_model\.bin is refused"):
        stage.main("train")


def test_prompts_are_made_from_the_chosen_caption() -> None:
    samples = [
        Sample("a#0", "a", None, ODD, 0),
        Sample("a#1", "a", None, AGREEING[0], 1),
    ]
    images = [CaptionedImage("a", "a.jpg", (ODD, *AGREEING))]
    prompt = Prompt(mode="sbert", joining="verbatim", styler="a drawing", overflow="truncate")
    requests = requests_of(
        samples, images, prompt, {"a": AGREEING[2]}, candidates=1, generator_seed=0
    )
    assert {name: request.prompt for name, request in requests.items()} == {
        ("a#0", 1): f"{AGREEING[2]} a drawing",
        ("a#1", 1): f"{AGREEING[2]} a drawing",
    }
    assert requests["a#0", 1].seed != requests["a#1", 1].seed
