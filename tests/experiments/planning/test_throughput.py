"""Short runs of the real work on the demo's models."""

from math import isfinite
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation.config.params import Params, load_params
from caption_curation.experiments.planning.throughput import measure_captioner, measure_generator
from caption_curation.model_files import weights_digest
from caption_curation.samples import CaptionedImage, samples_of
from caption_curation.shown_images import shown_files
from caption_curation.text_to_image.image_store import ImageRequest, image_seed
from caption_curation.text_to_image.image_store.image_files import encode_image
from caption_curation.text_to_image.synthesis.requests import image_generator, recipe_of
from tests.conftest import REPOSITORY

MODELS = REPOSITORY / "data/demo_models"


@pytest.fixture(scope="module")
def params() -> Params:
    """Of the demo, with batches of two images and two steps of sampling."""
    params = load_params(REPOSITORY)
    small: dict[str, Any] = params.model_dump()
    small["profile"]["generator"]["synthesis_batch_size"] = 2
    small["profile"]["captioner"]["fine_tuning"]["batch_size"] = 2
    small["profile"]["captioner"]["inference_batch_size"] = 2
    small["experiment"]["synthesis"]["steps"] = 2
    return Params.model_validate(small)


def test_drawing_is_timed_on_the_images_that_would_be_stored(params: Params) -> None:
    requests = [ImageRequest("a red ring", image_seed(str(i), 0)) for i in range(4)]
    speed = measure_generator(params, MODELS / "generator", requests)
    assert isfinite(speed.per_second) and speed.per_second > 0
    section, synthesis = params.profile.generator, params.experiment.synthesis
    recipe = recipe_of(synthesis, section, "none", "native")
    draw = image_generator(MODELS / "generator", synthesis, section.image_size, 2)
    sizes = [
        len(encode_image(image, recipe, request, attempt=0))
        for start in (0, 2)
        for request, image in zip(
            requests[start : start + 2], draw(requests[start : start + 2]), strict=True
        )
        if image is not None
    ]
    assert speed.image_bytes == sum(sizes) / 4


def test_the_captioner_is_timed_and_not_changed(params: Params, tmp_path: Path) -> None:
    images = [CaptionedImage(str(i), f"{i}.jpg", ("a red ring", "one ring")) for i in range(3)]
    for image in images:
        Image.effect_noise((32, 32), 60).convert("RGB").save(tmp_path / image.file_name)
    samples = samples_of(images, tmp_path)
    files = shown_files(samples)
    before = weights_digest(MODELS / "captioner")
    speed = measure_captioner(params, MODELS / "captioner", samples, files)
    assert set(speed) == {"train the captioner", "score the samples", "caption images"}
    assert all(isfinite(rate) and rate > 0 for rate in speed.values())
    assert weights_digest(MODELS / "captioner") == before
