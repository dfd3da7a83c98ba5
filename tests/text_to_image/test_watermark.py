"""Synthetic images carry no watermark, visible or not (the paper's ethics statement)."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from caption_curation.config.experiment import Synthesis
from caption_curation.text_to_image.image_store import ImageRequest, Recipe, image_key, open_store
from caption_curation.text_to_image.synthesis.requests import image_generator

SIZE = 32
SYNTHESIS = Synthesis(sampler="ddim", steps=2, guidance=2.0, negative_prompt="")
RECIPE = Recipe(
    generator="5e8f",
    sampler=SYNTHESIS.sampler,
    steps=SYNTHESIS.steps,
    guidance=SYNTHESIS.guidance,
    negative_prompt=SYNTHESIS.negative_prompt,
    size=(SIZE, SIZE),
    jpeg_quality=95,
    torch="2.13.0",
    diffusers="0.42.1",
    transformers="5.23.0",
)


def test_stored_pixels_are_those_of_the_decoder(
    tiny_generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing writes into an image on its way from the autoencoder to the file but JPEG itself."""
    from diffusers import AutoencoderKL

    decoded: list[Any] = []
    decode = AutoencoderKL.decode

    def recorded(self: AutoencoderKL, *arguments: Any, **options: Any) -> Any:
        result = decode(self, *arguments, **options)
        decoded.append(result[0].detach().clone())
        return result

    monkeypatch.setattr(AutoencoderKL, "decode", recorded)
    requests = [ImageRequest("a red picture", 11), ImageRequest("all of it is blue", 12)]
    wanted = {image_key(RECIPE, request): request for request in requests}
    with open_store(tmp_path / "cache") as store:
        store.obtain(RECIPE, wanted, image_generator(tiny_generator, SYNTHESIS, SIZE, 2), 2)
        store.link_images(wanted, tmp_path / "images")

    (values,) = decoded  # (2, 3, 32, 32), in [-1, 1]
    pixels = ((values / 2 + 0.5).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    for key, expected in zip(wanted, pixels, strict=True):
        encoded = BytesIO()
        Image.fromarray(expected).save(encoded, "JPEG", quality=RECIPE.jpeg_quality)
        with Image.open(tmp_path / "images" / f"{key}.jpg") as stored, Image.open(encoded) as own:
            assert np.array_equal(np.asarray(stored), np.asarray(own))
            assert not stored.getexif()
