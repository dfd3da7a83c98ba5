"""Drawing images: samplers, seeds, batches, and images that must not be used."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from caption_curation.generator import (
    BlackImage,
    NonFiniteImage,
    Sampler,
    count_truncated,
    generate,
    load_generator,
    make_sampler,
)
from caption_curation.scratch_generator import noise_schedule

PROMPTS = ["a red picture", "all of it is blue", "a white picture"]
SEEDS = [11, 2**62, 13]


def draw(generator: Any, prompts: list[str], seeds: list[int], **changes: Any) -> list[Image.Image]:
    options: dict[str, Any] = {
        "steps": 4,
        "guidance": 2.0,
        "negative_prompt": "",
        "size": (32, 32),
    }
    return generate(generator, prompts, seeds, **{**options, **changes})


def pixels(images: list[Image.Image]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([np.asarray(image, dtype=np.float64) for image in images])


@pytest.fixture(scope="module")
def generator(tiny_generator: Path) -> Any:
    return load_generator(tiny_generator, sampler="dpm_solver")


# ------------------------------------------------------------------ seeds and batches


def test_same_seed_same_bytes(tiny_generator: Path, generator: Any) -> None:
    first = draw(generator, PROMPTS, SEEDS)
    again = draw(load_generator(tiny_generator, sampler="dpm_solver"), PROMPTS, SEEDS)
    assert [image.tobytes() for image in first] == [image.tobytes() for image in again]
    assert {(image.mode, image.size) for image in first} == {("RGB", (32, 32))}


def test_image_does_not_depend_on_its_batch(generator: Any) -> None:
    together = pixels(draw(generator, PROMPTS, SEEDS))
    alone = pixels([draw(generator, [p], [s])[0] for p, s in zip(PROMPTS, SEEDS, strict=True)])
    assert np.abs(together - alone).max() <= 1  # rounding differs with the batch's size
    assert np.abs(together[0] - together[1]).max() > 10


def test_size_is_width_and_height(generator: Any) -> None:
    assert draw(generator, PROMPTS[:1], SEEDS[:1], size=(40, 32))[0].size == (40, 32)


def test_negative_prompt_is_read_with_guidance_only(generator: Any) -> None:
    def difference(guidance: float) -> float:
        images = [
            pixels(draw(generator, PROMPTS, SEEDS, guidance=guidance, negative_prompt=negative))
            for negative in ("", "all of it is green")
        ]
        return float(np.abs(images[0] - images[1]).max())

    assert difference(1.0) == 0
    assert difference(8.0) > 0


# --------------------------------------------------------------------------- samplers


class Oracle:
    """The perfect denoiser of data with one point: it knows the latents behind all noise."""

    def __init__(self, schedule: Any, point: torch.Tensor) -> None:
        self.signal, self.point = schedule.alphas_cumprod, point
        self.prediction = schedule.config.prediction_type

    def __call__(self, noisy: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        signal: torch.Tensor = self.signal[int(timestep)].clamp(min=1e-9)
        noise = (noisy - signal.sqrt() * self.point) / (1 - signal).sqrt()
        if self.prediction == "epsilon":
            return noise
        return signal.sqrt() * noise - (1 - signal).sqrt() * self.point


def schedule_of(prediction: str) -> Any:
    """Ours (v-prediction, zero terminal SNR), or that of Stable Diffusion 1.5 (epsilon)."""
    from diffusers import PNDMScheduler

    if prediction == "v_prediction":
        return noise_schedule()
    return PNDMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        skip_prk_steps=True,
        steps_offset=1,
    )


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("name", ["dpm_solver", "ddim", "pndm"])
def test_sampler_finds_what_the_denoiser_knows(name: Sampler, prediction: str) -> None:
    schedule = schedule_of(prediction)
    sampler = make_sampler(name, schedule)
    random = torch.Generator().manual_seed(0)
    point, sample = torch.randn(2, 1, 4, 8, 8, generator=random, dtype=torch.float64)
    oracle = Oracle(schedule, point)
    sampler.set_timesteps(20)
    for timestep in sampler.timesteps:
        sample = sampler.step(oracle(sample, timestep), timestep, sample).prev_sample
    # PNDM and DDIM of Stable Diffusion 1.5 end one timestep short of no noise.
    assert (sample - point).abs().max() < 0.15


@pytest.mark.parametrize("name", ["dpm_solver", "ddim", "pndm"])
def test_samplers_agree_with_many_steps(
    tiny_generator: Path, generator: Any, name: Sampler
) -> None:
    """They solve one differential equation (Song et al. 2021), each in its own way."""
    other = load_generator(tiny_generator, sampler=name)
    expected = pixels(draw(generator, PROMPTS, SEEDS, steps=60, guidance=1.0))
    got = pixels(draw(other, PROMPTS, SEEDS, steps=60, guidance=1.0))
    of_other_seeds = np.roll(expected, 1, axis=0)
    assert np.abs(got - expected).mean() < 0.3 * np.abs(got - of_other_seeds).mean()


# ----------------------------------------------------------- images not to be used


def with_safety_checker(base: Path, folder: Path, threshold: float) -> Path:
    """A copy of a model with a real, tiny safety checker; it objects above ``threshold``."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    shutil.copytree(base, folder)
    vision = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "image_size": 16,
        "patch_size": 8,
        "projection_dim": 8,
    }
    text = {**vision, "vocab_size": 10}
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(vision_config=vision, text_config=text, projection_dim=8)
    )
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(threshold)
        checker.special_care_embeds_weights.fill_(2.0)
    checker.save_pretrained(folder / "safety_checker")
    square = {"height": 16, "width": 16}
    CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=square).save_pretrained(
        folder / "feature_extractor"
    )
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    index["requires_safety_checker"] = True
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


def test_image_that_the_safety_checker_blackens_is_not_returned(
    tiny_generator: Path, tmp_path: Path
) -> None:
    strict = with_safety_checker(tiny_generator, tmp_path / "strict", threshold=-2.0)
    with pytest.raises(BlackImage) as caught:
        draw(load_generator(strict, sampler="ddim"), PROMPTS[:2], SEEDS[:2])
    assert caught.value.positions == [0, 1]
    for part in (*PROMPTS[:2], *map(str, SEEDS[:2])):
        assert part in str(caught.value)
    mild = with_safety_checker(tiny_generator, tmp_path / "mild", threshold=2.0)
    assert len(draw(load_generator(mild, sampler="ddim"), PROMPTS[:2], SEEDS[:2])) == 2


def test_black_image_of_a_broken_decoder_is_not_returned(tiny_generator: Path) -> None:
    generator = load_generator(tiny_generator, sampler="ddim")
    with torch.no_grad():
        generator.vae.decoder.conv_out.bias.fill_(-100.0)
    with pytest.raises(BlackImage, match="seed 11, prompt 'a red picture'"):
        draw(generator, PROMPTS[:1], SEEDS[:1])


def test_image_that_is_not_finite_is_named(tiny_generator: Path) -> None:
    generator = load_generator(tiny_generator, sampler="ddim")
    decode = generator.vae.decode

    def decode_second_badly(latents: torch.Tensor, **options: Any) -> Any:
        latents[1, 0, 0, 0] = float("inf")
        return decode(latents, **options)

    generator.vae.decode = decode_second_badly
    with pytest.raises(NonFiniteImage) as caught:
        draw(generator, PROMPTS, SEEDS)
    assert caught.value.positions == [1]
    assert PROMPTS[1] in str(caught.value) and PROMPTS[0] not in str(caught.value)


def test_prompts_that_are_cut_are_counted(generator: Any) -> None:
    fits, cut = "picture " * 75, "picture " * 76  # and the tokens of start and end
    assert count_truncated(generator, [fits, cut, "a", cut]) == 2
    assert count_truncated(generator, []) == 0
