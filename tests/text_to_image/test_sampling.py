"""Sampling images: samplers, seeds, batches, and images that must not be used."""

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from caption_curation.text_to_image.bases.scratch import noise_schedule
from caption_curation.text_to_image.drawing import Sampler, make_sampler
from caption_curation.text_to_image.families.stable_diffusion import generate, load_generator
from caption_curation.text_to_image.windows import encode_in_windows, tokens_in_windows

PROMPTS = ["a red picture", "all of it is blue", "a white picture"]
SEEDS = [11, 2**62, 13]


def images_of(
    generator: Any, prompts: list[str], seeds: list[int], **changes: Any
) -> list[Image.Image | None]:
    options: dict[str, Any] = {
        "in_windows": [False] * len(prompts),
        "steps": 4,
        "guidance": 2.0,
        "negative_prompt": "",
        "size": (32, 32),
        "pad_to": 1,
    }
    return generate(generator, prompts, seeds, **{**options, **changes})


def bytes_of(images: Sequence[Image.Image | None]) -> list[bytes]:
    return [image.tobytes() for image in images if image]


def pixels(images: Sequence[Image.Image | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.stack([np.asarray(image, dtype=np.float64) for image in images])


@pytest.fixture(scope="module")
def generator(tiny_generator: Path) -> Any:
    return load_generator(tiny_generator, sampler="dpm_solver")


# ------------------------------------------------------------------ seeds and batches


def test_same_seed_same_bytes(tiny_generator: Path, generator: Any) -> None:
    first = images_of(generator, PROMPTS, SEEDS)
    again = images_of(load_generator(tiny_generator, sampler="dpm_solver"), PROMPTS, SEEDS)
    assert bytes_of(first) == bytes_of(again)
    assert {(image.mode, image.size) for image in first if image} == {("RGB", (32, 32))}


def test_images_are_those_of_the_plain_pipeline(tiny_generator: Path, generator: Any) -> None:
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(tiny_generator, dtype=torch.float32)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    long = "a red picture " * 40  # which the pipeline cuts
    expected = pipeline(
        [*PROMPTS, long],
        generator=[torch.Generator().manual_seed(seed) for seed in (*SEEDS, 14)],
        num_inference_steps=4,
        guidance_scale=2.0,
        negative_prompt=["blue"] * 4,
        width=32,
        height=32,
    ).images
    generated = images_of(generator, [*PROMPTS, long], [*SEEDS, 14], negative_prompt="blue")
    assert bytes_of(generated) == bytes_of(expected)


def test_image_does_not_depend_on_its_batch(generator: Any) -> None:
    together = pixels(images_of(generator, PROMPTS, SEEDS))
    alone = pixels([images_of(generator, [p], [s])[0] for p, s in zip(PROMPTS, SEEDS, strict=True)])
    assert np.abs(together - alone).max() <= 1  # rounding differs with the batch's size
    assert np.abs(together[0] - together[1]).max() > 10


def test_padding_a_batch_changes_no_image(generator: Any) -> None:
    padded = pixels(images_of(generator, PROMPTS, SEEDS, pad_to=5))
    assert np.abs(padded - pixels(images_of(generator, PROMPTS, SEEDS))).max() <= 1
    five = [*PROMPTS, PROMPTS[-1], PROMPTS[-1]], [*SEEDS, SEEDS[-1], SEEDS[-1]]
    assert np.array_equal(padded, pixels(images_of(generator, *five))[:3])


def test_size_is_width_and_height(generator: Any) -> None:
    (image,) = images_of(generator, PROMPTS[:1], SEEDS[:1], size=(40, 32))
    assert image and image.size == (40, 32)


def test_negative_prompt_is_read_with_guidance_only(generator: Any) -> None:
    def difference(guidance: float) -> float:
        images = [
            pixels(
                images_of(generator, PROMPTS, SEEDS, guidance=guidance, negative_prompt=negative)
            )
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
    rng = torch.Generator().manual_seed(0)
    point, sample = torch.randn(2, 1, 4, 8, 8, generator=rng, dtype=torch.float64)
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
    expected = pixels(images_of(generator, PROMPTS, SEEDS, steps=60, guidance=1.0))
    got = pixels(images_of(other, PROMPTS, SEEDS, steps=60, guidance=1.0))
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


def test_image_that_the_safety_checker_objects_to_is_black(
    tiny_generator: Path, tmp_path: Path
) -> None:
    strict = with_safety_checker(tiny_generator, tmp_path / "strict", threshold=-2.0)
    images = images_of(load_generator(strict, sampler="ddim"), PROMPTS[:2], SEEDS[:2])
    assert [image and image.getbbox() for image in images] == [None, None]
    mild = with_safety_checker(tiny_generator, tmp_path / "mild", threshold=2.0)
    images = images_of(load_generator(mild, sampler="ddim"), PROMPTS[:2], SEEDS[:2])
    assert all(image and image.getbbox() for image in images)


def test_image_that_is_not_finite_is_none(tiny_generator: Path) -> None:
    generator = load_generator(tiny_generator, sampler="ddim")
    decode = generator.vae.decode
    expected = images_of(generator, PROMPTS, SEEDS)

    def decode_second_badly(latents: torch.Tensor, **options: Any) -> Any:
        latents[1, 0, 0, 0] = float("inf")
        return decode(latents, **options)

    generator.vae.decode = decode_second_badly
    first, second, third = images_of(generator, PROMPTS, SEEDS)
    assert second is None
    assert bytes_of([first, third]) == bytes_of([expected[0], expected[2]])


# -------------------------------------------------------------- prompts in windows

WORDS = ["a", "red", "picture,", "all", "of", "it", "is", "green.", "white", "and", "blue"]
FITS = " ".join((WORDS * 10)[:60])
LONG = " ".join((WORDS * 10)[:100])  # two windows of 75 tokens
LONGER = " ".join((WORDS * 30)[:170])  # three


def states_by_hand(generator: Any, prompt: str, windows: int) -> torch.Tensor:
    """The states of a prompt, its windows put together token by token."""
    limit = generator.tokenizer.model_max_length
    start, end = generator.tokenizer.bos_token_id, generator.tokenizer.eos_token_id
    _, *content, _ = generator.tokenizer(prompt, verbose=False).input_ids
    parts = []
    for window in range(windows):
        ids = content[window * (limit - 2) : (window + 1) * (limit - 2)]
        row = [start, *ids, end]
        row += [generator.tokenizer.pad_token_id] * (limit - len(row))
        with torch.no_grad():
            parts.append(generator.text_encoder(torch.tensor([row]))[0])
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize("negative", ["", "blue", LONG, LONGER], ids=["none", "1", "2", "3"])
@pytest.mark.parametrize("limit", [77, 20])
def test_windows_are_read_one_by_one(
    generator: Any, monkeypatch: pytest.MonkeyPatch, negative: str, limit: int
) -> None:
    monkeypatch.setattr(generator.tokenizer, "model_max_length", limit)
    prompts = [LONG, LONG.replace("red", "blue")]
    tokens = [tokens_in_windows(generator.tokenizer, prompt) for prompt in prompts]
    content = len(generator.tokenizer(LONG, verbose=False).input_ids) - 2
    windows = math.ceil(content / (limit - 2))
    assert [windowed.shape for windowed in tokens] == [(windows, limit)] * 2
    states = encode_in_windows(generator, tokens, negative)
    for row, prompt in enumerate(prompts):
        expected = states_by_hand(generator, prompt, windows)
        torch.testing.assert_close(states["prompt_embeds"][row : row + 1], expected)
    expected = states_by_hand(generator, negative, windows)
    torch.testing.assert_close(states["negative_prompt_embeds"], expected.expand(2, -1, -1))


def test_prompts_in_windows_do_not_depend_on_their_batch(generator: Any) -> None:
    prompts, seeds = [LONG, FITS, LONGER, LONG, "a"], [1, 2, 3, 4, 5]
    in_windows = [True, False, True, True, False]
    options = {"negative_prompt": "blue", "guidance": 4.0}
    together = images_of(generator, prompts, seeds, in_windows=in_windows, **options)
    alone = [
        images_of(generator, [prompt], [seed], in_windows=[windows], **options)[0]
        for prompt, seed, windows in zip(prompts, seeds, in_windows, strict=True)
    ]
    assert np.abs(pixels(together) - pixels(alone)).max() <= 1
    padded = images_of(generator, prompts, seeds, in_windows=in_windows, pad_to=4, **options)
    assert np.abs(pixels(together) - pixels(padded)).max() <= 1


@pytest.mark.parametrize("guidance", [1.0, 4.0])
def test_the_end_of_a_long_prompt_matters_in_windows_only(generator: Any, guidance: float) -> None:
    prompts, seeds = [LONG, f"{LONG} white"], [7, 7]
    cut = pixels(images_of(generator, prompts, seeds, guidance=guidance))
    read = pixels(images_of(generator, prompts, seeds, guidance=guidance, in_windows=[True, True]))
    assert np.array_equal(cut[0], cut[1])
    assert not np.array_equal(read[0], read[1])
    assert not np.array_equal(read[0], cut[0])
