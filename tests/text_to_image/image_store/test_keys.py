"""What a key covers, and that keys and seeds are the same everywhere and forever."""

import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from caption_curation.config.experiment import Synthesis
from caption_curation.config.profile import Generator
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.image_store import ImageRequest, Recipe, image_key, image_seed
from caption_curation.text_to_image.image_store.keys import attempt_seed
from caption_curation.text_to_image.synthesis.requests import recipe_of
from tests.conftest import REPOSITORY

RECIPE = Recipe(
    generator="5e8f",
    sampler="dpm_solver",
    steps=12,
    guidance=3.0,
    negative_prompt="",
    size=(512, 384),
    jpeg_quality=95,
    torch="2.13.0",
    diffusers="0.42.1",
    transformers="5.23.0",
)
REQUEST = ImageRequest("a café. a dog", 7)
OTHER_VALUES: dict[str, Any] = {
    "generator": "5e90",
    "sampler": "ddim",
    "steps": 13,
    "guidance": 3.5,
    "negative_prompt": "blurry",
    "size": (384, 512),
    "jpeg_quality": 94,
    "torch": "2.13.1",
    "diffusers": "0.42.2",
    "transformers": "5.24.0",
    "arithmetic": "portable",
}


def test_key_is_the_hash_of_canonical_json() -> None:
    canonical = (
        '{"recipe":{"diffusers":"0.42.1","generator":"5e8f","guidance":3.0,"jpeg_quality":95,'
        '"negative_prompt":"","sampler":"dpm_solver","size":[512,384],"steps":12,'
        '"torch":"2.13.0","transformers":"5.23.0"},'
        '"request":{"prompt":"a caf\\u00e9. a dog","seed":7}}'
    )
    assert image_key(RECIPE, REQUEST) == hashlib.sha256(canonical.encode()).hexdigest()


def test_keys_are_those_of_images_that_people_have() -> None:
    # Computed before there were windows: these images must not be generated again.
    before = "2e8dae5141ac5feed83bfc3209ecfb2082f01b42202fa9db426cae0b5c65a456"
    assert image_key(RECIPE, REQUEST) == before
    assert image_key(RECIPE, replace(REQUEST, in_windows=True)) != before


KEPT = Path(__file__).with_name("kept_keys.json")
VERSIONS = {"torch": "2.13.0", "diffusers": "0.42.1", "transformers": "5.23.0"}


@pytest.mark.parametrize("kept", json.loads(KEPT.read_text()), ids=lambda kept: kept["key"][:8])
def test_images_of_stable_diffusion_keep_their_keys(
    kept: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of when there was no other family: the first four name files of the demo's first runs."""
    monkeypatch.setattr(
        "caption_curation.text_to_image.synthesis.requests.version", VERSIONS.__getitem__
    )
    demo = yaml.safe_load((REPOSITORY / "profiles" / "demo.yaml").read_text())["generator"]
    section = Generator.model_validate(demo | {"image_size": kept["size"]})
    synthesis = Synthesis.model_validate(kept["synthesis"])
    recipe = recipe_of(synthesis, section, kept["generator"], kept["arithmetic"])
    assert image_key(recipe, ImageRequest(**kept["request"])) == kept["key"]


def test_an_attempts_seed_is_its_own() -> None:
    seeds = {attempt_seed(seed, attempt) for seed in range(50) for attempt in range(4)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert attempt_seed(2**62, 0) == 2**62


@pytest.mark.parametrize("field", [field.name for field in fields(Recipe)])
def test_every_field_of_the_recipe_changes_the_key(field: str) -> None:
    other = replace(RECIPE, **{field: OTHER_VALUES[field]})
    assert image_key(other, REQUEST) != image_key(RECIPE, REQUEST)


def test_prompt_and_seed_change_the_key() -> None:
    keys = {
        image_key(RECIPE, request)
        for request in (REQUEST, replace(REQUEST, prompt="a café. a cat"), replace(REQUEST, seed=8))
    }
    assert len(keys) == 3


def test_prompt_that_fits_into_no_jpeg_comment_is_bad_input() -> None:
    with pytest.raises(InputError, match="70000 characters"):
        image_key(RECIPE, ImageRequest("x" * 70_000, 0))


def test_seed_depends_on_image_and_replicate_alone() -> None:
    digest = hashlib.sha256(b"image\x1f391895\x1f2").digest()
    assert image_seed("391895", 2) == int.from_bytes(digest[:8], "big") >> 1


def test_seed_of_another_generator_is_another() -> None:
    requests = [("7", 0, 1), ("7", 0, 2), ("7", 1, 1), ("8", 0, 1)]
    assert [image_seed(*of, generator_seed=0) for of in requests] == [
        image_seed(*of) for of in requests
    ]
    seeds = {image_seed(*of, generator_seed=number) for number in range(50) for of in requests}
    assert len(seeds) == 200
    digest = hashlib.sha256(b"image of a generator\x1f3\x1f391895\x1f2").digest()
    assert image_seed("391895", 2, generator_seed=3) == int.from_bytes(digest[:8], "big") >> 1


def test_seeds_differ_between_images_and_replicates() -> None:
    seeds = {image_seed(str(image), replicate) for image in range(200) for replicate in range(5)}
    assert len(seeds) == 1000
    assert all(0 <= seed < 2**63 for seed in seeds)
    # 63 bits, not fewer: some of a thousand have the highest one.
    assert any(seed >= 2**62 for seed in seeds)
