"""Drawing, training and scoring at the published sizes on a GPU, with random weights."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import families
from benchmarks.random_models import (
    BLIP_BASE,
    STABLE_DIFFUSION_15,
    BlipSize,
    DiffusionSize,
    random_captioner,
    random_generator,
)
from benchmarks.results import Outcome, Row, alternating
from benchmarks.scoring import PROMPT, files_of_their_own, losses_of
from caption_curation.captioner.model.captioner import Captioner
from caption_curation.captioner.training.epoch import new_optimizer, train_epoch
from caption_curation.compute.devices import prepare_device
from caption_curation.config.experiment import Training
from caption_curation.config.profile import Augmentation, FineTuning, RandAugment
from caption_curation.experiments.planning.model_bytes import CAPTIONERS
from caption_curation.experiments.planning.work import GENERATING, SCORING, TRAINING
from caption_curation.samples import CaptionedImage, Sample, samples_of
from caption_curation.shown_images import shown_files
from caption_curation.text_to_image.drawing import image_dtype, make_sampler
from caption_curation.text_to_image.families.stable_diffusion import generate, load_generator

GUIDANCE = 7.5
BLIP_NAMES = ["Salesforce/blip-image-captioning-base", *CAPTIONERS]
# Dense bfloat16 with float32 accumulation, in TFLOP/s, from NVIDIA's data sheets, by a part of the
# name that torch gives the card.
PEAKS = {
    "H200": 989.5,
    "H100 80GB HBM3": 989.5,
    "A100": 312.0,
    "L40S": 362.0,
}
CAPTIONS = (
    "two dogs run after a ball on the beach",
    "a brown dog and a black one are playing by the sea",
    "dogs chase something across wet sand while people watch",
    "an animal jumps over a small wave to catch a red ball",
    "the beach is empty but for two dogs at play",
)


@dataclass(frozen=True)
class Sizes:
    """What is measured: models, batches, and how often.

    ``photographs`` is a number, ``photograph_size`` width and height in pixels; ``steps`` are of
    the sampler, each measured on its own.
    """

    diffusion: DiffusionSize
    image_size: int
    images: int  # drawn at a time
    steps: tuple[int, ...]
    blip: BlipSize
    photographs: int
    photograph_size: tuple[int, int]
    training_batch: int  # pairs
    scoring_batch: int  # images
    repetitions: int


FULL = Sizes(
    diffusion=STABLE_DIFFUSION_15,
    image_size=512,
    images=16,
    steps=(25, 50),
    blip=BLIP_BASE,
    photographs=256,
    photograph_size=(640, 480),
    training_batch=128,  # as in the paper; parts of it where memory does not suffice
    scoring_batch=32,
    repetitions=3,
)


def measure() -> Outcome:
    """The published sizes, on the first GPU."""
    if not torch.cuda.is_available():
        return Outcome([], not_measured="no GPU on this machine")
    name = torch.cuda.get_device_name()
    peak = next((peak for part, peak in PEAKS.items() if part in name), None)
    notes = [
        "random weights, no safety checker; networks are compiled before they are timed; training "
        "and scoring in the precision that the project uses on this card"
    ]
    if peak is None:
        notes.append(f"the bf16 peak of {name} is not known here, so no share of it is shown")
    others, missing = other_captioners(FULL)
    rows = [*drawing(FULL, peak), *families.generators(CAPTIONS, FULL.repetitions)]
    return Outcome([*rows, *captioning(FULL), *others], [*notes, *missing])


# ----------------------------------------------------------------------------- drawing


def teraflop(size: DiffusionSize, image_size: int) -> tuple[float, float]:
    """TFLOP of one step of the denoiser (without guidance), and of decoding, for one image.

    They are counted on tensors without data.
    """
    from diffusers import AutoencoderKL
    from diffusers import UNet2DConditionModel as UNet

    with torch.device("meta"):
        unet, autoencoder = UNet(**size.unet), AutoencoderKL(**size.autoencoder)
        side = image_size // 2 ** (len(autoencoder.config.block_out_channels) - 1)
        latents = torch.empty(1, unet.config.in_channels, side, side)
        text = torch.empty(1, 77, unet.config.cross_attention_dim)
        calls: list[Callable[[], object]] = [
            lambda: unet(latents, torch.empty(1), encoder_hidden_states=text),
            lambda: autoencoder.decode(latents),
        ]
        counted = []
        for call in calls:
            with torch.inference_mode(), FlopCounterMode(display=False) as counter:
                call()
            counted.append(counter.get_total_flops() / 1e12)
    return counted[0], counted[1]


def drawing(sizes: Sizes, peak: float | None) -> list[Row]:
    """Images per second of the project's generator against the plain pipeline's.

    Args:
        sizes: what to draw.
        peak: of the device in TFLOP/s; None: no row about it.
    """
    step, decoding = teraflop(sizes.diffusion, sizes.image_size)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        pipeline = random_generator(sizes.diffusion, CAPTIONS)
        pipeline.to(dtype=image_dtype(prepare_device())).save_pretrained(folder)
        del pipeline
        ours = load_generator(folder, sampler="dpm_solver")
        plain = plain_pipeline(folder, ours.device)
    for steps in sizes.steps:
        ways = {
            "ours": lambda steps=steps: draw(ours, sizes, steps),
            "plain": lambda steps=steps: draw_plainly(plain, sizes, steps),
        }
        alternating(ways, 1)  # compiles the networks
        seconds = alternating(ways, sizes.repetitions)
        what = f"Stable Diffusion 1.5, {sizes.image_size} px, {steps} steps, guidance"
        against = f"diffusers' pipeline in {_short(plain.dtype)}, same batch ({sizes.images})"
        rates = {way: [sizes.images / value for value in values] for way, values in seconds.items()}
        of = {
            "work": GENERATING,
            "models": ["stable-diffusion-v1-5/stable-diffusion-v1-5"],
            "image_size": sizes.image_size,
            "steps": steps,
            "guidance": True,
        }
        rows.append(Row(what, "images/s", rates["ours"], against, rates["plain"], "higher", of))
        if peak:
            share = 100 * (2 * steps * step + decoding) / peak
            shares = {way: [rate * share for rate in values] for way, values in rates.items()}
            what = f"{what}: share of the card's {peak:.0f} TFLOP/s in bf16"
            rows.append(Row(what, "%", shares["ours"], against, shares["plain"], "higher"))
    return rows


def draw(generator: Any, sizes: Sizes, steps: int) -> list[Image.Image | None]:
    """A batch by the project's generator."""
    return generate(
        generator,
        [". ".join(CAPTIONS)] * sizes.images,
        list(range(sizes.images)),
        in_windows=[False] * sizes.images,
        steps=steps,
        guidance=GUIDANCE,
        negative_prompt="",
        size=(sizes.image_size, sizes.image_size),
        pad_to=sizes.images,
    )


def plain_pipeline(folder: Path, device: torch.device) -> Any:
    """The pipeline as diffusers' documentation loads it, with the same sampler."""
    from diffusers import StableDiffusionPipeline

    plain = StableDiffusionPipeline.from_pretrained(folder, dtype=image_dtype(device)).to(device)
    plain.scheduler = make_sampler("dpm_solver", plain.scheduler)
    plain.set_progress_bar_config(disable=True)
    return plain


def draw_plainly(plain: Any, sizes: Sizes, steps: int) -> list[Image.Image]:
    """The same batch by a call of the pipeline."""
    images: list[Image.Image] = plain(
        [". ".join(CAPTIONS)] * sizes.images,
        generator=[torch.Generator("cpu").manual_seed(seed) for seed in range(sizes.images)],
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        width=sizes.image_size,
        height=sizes.image_size,
    ).images
    return images


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


# -------------------------------------------------------------------------- captioning


def captioning(sizes: Sizes) -> list[Row]:
    """Pairs per second in training and in scoring."""
    device = prepare_device()
    captioner = random_captioner(sizes.blip, [PROMPT, *CAPTIONS])
    captioner = replace(captioner, model=captioner.model.to(device), device=device)
    size = f"BLIP-base, {captioner.image_size} px"
    with tempfile.TemporaryDirectory() as name:
        samples, files = photographs(Path(name), sizes)
        own = files_of_their_own(samples, files)
        train(captioner, samples[: sizes.training_batch], files, sizes)  # warms up
        training = alternating(
            {"train": lambda: train(captioner, samples, files, sizes)}, sizes.repetitions
        )["train"]
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: losses_of(captioner, samples, files, sizes.scoring_batch),
            "plain": lambda: losses_of(
                captioner, samples, own, sizes.scoring_batch * len(CAPTIONS)
            ),
        }
        alternating(ways, 1)
        scoring = alternating(ways, sizes.repetitions)
    rates = {
        name: [len(samples) / seconds for seconds in values]
        for name, values in {**scoring, "training": training}.items()
    }
    of = {"models": BLIP_NAMES, "image_size": captioner.image_size, "adapter": False}
    return [
        Row(
            f"training {size}, with reading and augmentation",
            "pairs/s",
            rates["training"],
            better="higher",
            of={"work": TRAINING, **of},
        ),
        Row(
            f"scoring {size}, with reading: image encoded once",
            "pairs/s",
            rates["ours"],
            "encoded once per caption",
            rates["plain"],
            "higher",
            {"work": SCORING, **of},
        ),
    ]


def other_captioners(sizes: Sizes) -> tuple[list[Row], list[str]]:
    """The same of captioners of the other families, and why one is not measured."""
    with tempfile.TemporaryDirectory() as name:
        samples, files = photographs(Path(name), sizes)
        return families.captioners(
            samples,
            files,
            training_batch=sizes.training_batch,
            scoring_batch=sizes.scoring_batch,
            repetitions=sizes.repetitions,
        )


def photographs(folder: Path, sizes: Sizes) -> tuple[list[Sample], dict[str, Path]]:
    """Samples of noisy JPEG files in ``folder``, and the file that each shows, by sample id."""
    rng = np.random.default_rng(0)
    width, height = sizes.photograph_size
    images = []
    for number in range(sizes.photographs):
        image = CaptionedImage(str(number), f"{number}.jpg", CAPTIONS)
        coarse = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        picture.save(folder / image.file_name, quality=90)
        images.append(image)
    samples = samples_of(images, folder)
    return samples, shown_files(samples)


def train(
    captioner: Captioner, samples: Sequence[Sample], files: dict[str, Path], sizes: Sizes
) -> float:
    """An epoch with BLIP's augmentation; the mean loss."""
    fine_tuning = FineTuning(
        batch_size=sizes.training_batch,
        last_batch="train",
        learning_rate=1e-5,
        weight_decay=0.05,
        max_tokens=40,
        augmentation=Augmentation(
            smallest_crop=0.5,
            horizontal_flip=True,
            rand_augment=RandAugment(operations=2, magnitude=5, autocontrast="whiten"),
        ),
    )
    return train_epoch(
        captioner,
        new_optimizer(captioner, fine_tuning.weight_decay),
        samples,
        files,
        epoch=1,
        seed=0,
        training=Training(epochs=1, schedule_epochs=5, label_smoothing=0.1, prompt=PROMPT),
        fine_tuning=fine_tuning,
    )
