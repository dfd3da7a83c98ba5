"""Every family of generators keeps the contract: tiny random models of the real architectures."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from caption_curation.config.experiment import Prompt, Synthesis
from caption_curation.config.profile import Generator
from caption_curation.model_files import weights_digest
from caption_curation.support.errors import InputError
from caption_curation.support.sections import read_yaml
from caption_curation.text_to_image.bases.published import copy_published
from caption_curation.text_to_image.drawing import denoiser
from caption_curation.text_to_image.family import GENERATORS, abilities_of, refuse_unsupported
from caption_curation.text_to_image.image_store import ImageRequest
from caption_curation.text_to_image.synthesis.overflow import fit_requests, load_token_limit
from tests.conftest import REPOSITORY
from tests.text_to_image.tiny_generators import MAKERS, SIZE, write_generator

PROMPTS = ["a red picture", "all of it is blue", "a white picture"]
SEEDS = [11, 2**62, 13]
NOISE = ("stable_diffusion", "stable_diffusion_xl", "pix_art_sigma")
# Of the pipelines' own settings, those that the families change.
CHANGED: dict[str, dict[str, Any]] = {
    "stable_diffusion_3": {"max_sequence_length": 256},
    "pix_art_sigma": {"clean_caption": False, "use_resolution_binning": False},
    "sana": {"use_resolution_binning": False},
}


@dataclass(frozen=True)
class Model:
    """A tiny generator that was obtained as a user's is."""

    family: str
    folder: Path

    def load(self, sampler: str = "native") -> Any:
        """It, ready to draw."""
        return GENERATORS.load(self.family).load_generator(self.folder, sampler=sampler)

    def draw(
        self, generator: Any, prompts: Sequence[str], seeds: Sequence[int], **changes: Any
    ) -> list[Image.Image | None]:
        """Images of prompts."""
        settings: dict[str, Any] = {
            "in_windows": [False] * len(prompts),
            "steps": 3,
            "guidance": 2.0,
            "negative_prompt": "",
            "size": (SIZE, SIZE),
            "pad_to": 1,
        }
        drawn: list[Image.Image | None] = GENERATORS.load(self.family).generate(
            generator, prompts, seeds, **{**settings, **changes}
        )
        return drawn


@pytest.fixture(scope="module", params=MAKERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One of each family."""
    folder = tmp_path_factory.mktemp(request.param)
    copy_published(write_generator(request.param, folder / "theirs"), folder / "ours")
    shutil.rmtree(folder / "theirs")
    return Model(request.param, folder / "ours")


@pytest.fixture(scope="module")
def generator(model: Model) -> Any:
    return model.load()


def pixels(images: Sequence[Image.Image | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([np.asarray(image, dtype=np.float64) for image in images])


# ----------------------------------------------------------------------------- drawing


def test_images_are_those_of_the_plain_pipeline(model: Model, generator: Any) -> None:
    import diffusers

    plain = getattr(diffusers, abilities_of(model.folder).pipeline).from_pretrained(
        model.folder, dtype=torch.float32, safety_checker=None
    )
    negative = {} if model.family == "flux" else {"negative_prompt": ["blue"] * 3}
    expected = plain(
        PROMPTS,
        generator=[torch.Generator().manual_seed(seed) for seed in SEEDS],
        num_inference_steps=3,
        guidance_scale=2.0,
        width=SIZE,
        height=SIZE,
        **negative,
        **CHANGED.get(model.family, {}),
    ).images
    drawn = model.draw(generator, PROMPTS, SEEDS, negative_prompt="blue" if negative else "")
    assert [image and image.tobytes() for image in drawn] == [image.tobytes() for image in expected]


def test_an_image_has_its_own_seed_whatever_its_batch(model: Model, generator: Any) -> None:
    together = pixels(model.draw(generator, PROMPTS, SEEDS))
    alone = pixels(
        [
            model.draw(generator, [prompt], [seed])[0]
            for prompt, seed in zip(PROMPTS, SEEDS, strict=True)
        ]
    )
    padded = pixels(model.draw(generator, PROMPTS, SEEDS, pad_to=5))
    again = pixels(model.draw(model.load(), PROMPTS, SEEDS))
    assert together.shape == (3, SIZE, SIZE, 3)
    assert np.abs(together - alone).max() <= 1  # rounding differs with the batch's size
    assert np.abs(together - padded).max() <= 1
    assert np.array_equal(together, again)
    others = pixels(model.draw(generator, PROMPTS, [7, 8, 9]))
    assert min(np.abs(one - other).max() for one, other in zip(together, others, strict=True)) > 5


def test_prompts_matter(model: Model, generator: Any) -> None:
    one, other = pixels(model.draw(generator, PROMPTS[:2], [1, 1]))
    assert not np.array_equal(one, other)


def test_an_image_that_is_not_finite_is_none(model: Model) -> None:
    generator = model.load()
    decode = generator.vae.decode

    def decode_second_badly(latents: torch.Tensor, **options: Any) -> Any:
        latents = latents.clone()
        latents[1, 0, 0, 0] = float("nan")
        return decode(latents, **options)

    generator.vae.decode = decode_second_badly
    first, second, third = model.draw(generator, PROMPTS, SEEDS)
    assert second is None
    assert first and third


def test_every_allowed_sampler_draws(model: Model) -> None:
    samplers = abilities_of(model.folder).samplers
    assert samplers == (
        ("native", "dpm_solver", "ddim", "pndm") if model.family in NOISE else ("native",)
    )
    drawn = {name: model.draw(model.load(name), PROMPTS[:1], [1], steps=4)[0] for name in samplers}
    assert all(drawn.values())
    # Models that follow a flow have no noise schedule; of the others, PNDM goes other ways.
    assert len({image.tobytes() for image in drawn.values() if image}) >= min(2, len(samplers))


def test_the_network_of_a_family_is_found(model: Model, generator: Any) -> None:
    names = {name for name in ("unet", "transformer") if hasattr(generator, name)}
    assert denoiser(generator) is getattr(generator, names.pop())


# ------------------------------------------------------------------------ long prompts


def test_a_prompt_is_read_to_the_limit_and_no_further(model: Model, generator: Any) -> None:
    limit = load_token_limit(model.folder)
    # Sana's tokenizer has a token for each letter, and one for each blank.
    word = "a " if model.family == "sana" else "red "

    def prompt(words: int, last: str) -> str:
        return (word * words + last).strip()

    room = next(number for number in range(1000) if not limit.fits(prompt(number, "red"))) - 1
    assert limit.count_tokens(prompt(room, "red")) == limit.max_tokens or model.family == "sana"
    fitting = [prompt(room, "red"), prompt(room, "it")]
    beyond = [prompt(room + 3, "red"), prompt(room + 3, "it")]
    assert all(limit.fits(text) for text in fitting) and not any(map(limit.fits, beyond))
    one, other = pixels(model.draw(generator, fitting, [1, 1]))
    assert not np.array_equal(one, other)
    one, other = pixels(model.draw(generator, beyond, [1, 1]))
    assert np.array_equal(one, other)


def test_the_styler_is_kept_within_each_limit(model: Model) -> None:
    limit = load_token_limit(model.folder)
    prompt = prompt_settings(overflow="keep_styler", styler="a picture")
    long = "a red picture " * 400 + "a picture"
    fitted, too_long = fit_requests({"a": ImageRequest(long, 1)}, prompt, limit)
    assert too_long == 1
    assert fitted["a"].prompt.endswith(" a picture")
    assert limit.max_tokens - 10 < limit.count_tokens(fitted["a"].prompt) <= limit.max_tokens


# ---------------------------------------------------------------------------- refusals


def prompt_settings(**changes: str) -> Prompt:
    values = {"mode": "concat", "joining": "verbatim", "styler": "", "overflow": "truncate"}
    return Prompt.model_validate(values | changes)


def synthesis_settings(**changes: Any) -> Synthesis:
    values = {"sampler": "native", "steps": 2, "guidance": 2.0, "negative_prompt": ""}
    return Synthesis.model_validate(values | changes)


def section(**changes: Any) -> Generator:
    demo = read_yaml(REPOSITORY / "profiles" / "demo.yaml")["generator"]
    tuning = demo["fine_tuning"] | {"steps": changes.pop("steps", 0)}
    return Generator.model_validate(demo | {"fine_tuning": tuning} | changes)


def refusal(folder: Path, **asked: Any) -> str:
    with pytest.raises(InputError) as caught:
        refuse_unsupported(folder, **asked)
    return str(caught.value)


def test_what_it_has_is_not_refused(model: Model) -> None:
    refuse_unsupported(
        model.folder,
        synthesis=synthesis_settings(),
        prompt=prompt_settings(overflow="keep_styler"),
        section=section(),
    )


def test_all_that_it_does_not_have_is_named(model: Model) -> None:
    able = abilities_of(model.folder)
    message = refusal(
        model.folder,
        synthesis=synthesis_settings(sampler="ddim", negative_prompt="blur"),
        prompt=prompt_settings(overflow="chunk"),
        section=section(image_size=33, steps=7),
    )
    assert f"{able.pipeline} does not have" in message
    assert f"image_size = 33; allowed: multiples of {able.pixels}" in message
    is_flow = model.family in ("stable_diffusion_3", "flux", "sana")
    assert ("sampler = 'ddim'; allowed: native" in message) == is_flow
    assert ("negative_prompt = 'blur'" in message) == (model.family == "flux")
    assert ("overflow = 'chunk'" in message) == (model.family != "stable_diffusion")
    untrainable = model.family in ("pix_art_sigma", "flux", "sana")
    assert ("fine_tuning.steps = 7" in message) == untrainable


def test_flux_schnell_knows_no_guidance_and_reads_256_tokens(tmp_path: Path) -> None:
    folder = write_generator("flux", tmp_path / "model")
    assert abilities_of(folder).reader.max_tokens == 512
    refuse_unsupported(folder, synthesis=synthesis_settings(guidance=3.5))
    file = folder / "transformer" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"guidance_embeds": False}))
    assert abilities_of(folder).reader.max_tokens == 256
    assert "guidance = 3.5: it knows none" in refusal(
        folder, synthesis=synthesis_settings(guidance=3.5)
    )
    refuse_unsupported(folder, synthesis=synthesis_settings(guidance=1.0))


def test_stable_diffusion_3_without_t5_reads_what_clip_reads(tmp_path: Path) -> None:
    folder = write_generator("stable_diffusion_3", tmp_path / "model")
    index = json.loads((folder / "model_index.json").read_text())
    index |= {"text_encoder_3": [None, None], "tokenizer_3": [None, None]}
    (folder / "model_index.json").write_text(json.dumps(index))
    for part in ("text_encoder_3", "tokenizer_3"):
        shutil.rmtree(folder / part)
    copy_published(folder, tmp_path / "ours")
    assert load_token_limit(tmp_path / "ours").max_tokens == 77
    without = Model("stable_diffusion_3", tmp_path / "ours")
    assert all(without.draw(without.load(), PROMPTS, SEEDS))


# -------------------------------------------------------------------------------- files


def test_weights_of_a_model_are_the_same_every_time(model: Model, tmp_path: Path) -> None:
    copy_published(write_generator(model.family, tmp_path / "theirs"), tmp_path / "ours")
    assert weights_digest(tmp_path / "ours") == weights_digest(model.folder)


def test_missing_parts_of_every_encoder_are_named(tmp_path: Path) -> None:
    folder = write_generator("stable_diffusion_3", tmp_path / "model")
    (folder / "text_encoder_3" / "model.safetensors").unlink()
    (folder / "transformer" / "config.json").unlink()
    with pytest.raises(InputError) as caught:
        copy_published(folder, tmp_path / "ours")
    for part in (
        "text_encoder_3/model.safetensors or text_encoder_3/model-*.safetensors is missing",
        "transformer/config.json is missing",
    ):
        assert part in str(caught.value)
    assert not (tmp_path / "ours").exists()


def test_weights_in_several_files_are_read_whole(tmp_path: Path) -> None:
    folder = write_generator("stable_diffusion_3", tmp_path / "model")
    whole = Model("stable_diffusion_3", folder)
    expected = pixels(whole.draw(whole.load(), PROMPTS, SEEDS))
    pipeline = whole.load()
    shutil.rmtree(folder / "transformer")
    pipeline.transformer.save_pretrained(folder / "transformer", max_shard_size="20KB")
    shards = sorted((folder / "transformer").glob("*.safetensors"))
    assert len(shards) > 1
    copy_published(folder, tmp_path / "ours")
    ours = Model("stable_diffusion_3", tmp_path / "ours")
    assert np.array_equal(pixels(ours.draw(ours.load(), PROMPTS, SEEDS)), expected)
    shards[1].unlink()
    with pytest.raises(InputError, match=rf"(?s)transformer: files .*{shards[1].name}"):
        copy_published(folder, tmp_path / "again")
