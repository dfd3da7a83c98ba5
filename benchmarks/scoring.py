"""Scoring: each image encoded once for its captions, against once for every caption."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.random_models import BLIP_BASE, random_captioner
from benchmarks.results import Outcome, Row, alternating
from caption_curation.captioner.families.blip import decoder_logits, encode_images
from caption_curation.captioner.model.captioner import (
    Captioner,
    CaptionTokens,
    load_captioner,
    next_token_logits,
    shared_image_logits,
)
from caption_curation.captioner.scoring import sample_losses
from caption_curation.compute.devices import prepare_device
from caption_curation.samples import Sample, SampleLoss

PROMPT = "a picture of "  # BLIP's
CAPTIONS = 5  # of an image
TOKENS = 16  # of a caption, BLIP's prompt included: about the mean of COCO's
REPETITIONS = 3
DEMO_CAPTIONER = Path(__file__).resolve().parent.parent / "data" / "demo_models" / "captioner"
DEMO_IMAGES = 100
DEMO_IMAGE_SIZE = 32  # pixels

Way = Callable[[Captioner, torch.Tensor, torch.Tensor, CaptionTokens], torch.Tensor]


# ------------------------------------------------------------- three ways to the same logits


def once_per_caption(
    captioner: Captioner, pixels: torch.Tensor, of_image: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """Logits as if every caption had an image of its own.

    Args:
        captioner: in evaluation mode.
        pixels: (images, 3, size, size).
        of_image: int64 (captions,): the place of each caption's image in ``pixels``.
        tokens: of the captions.

    Returns:
        (captions, tokens, vocabulary).
    """
    return next_token_logits(captioner, pixels[of_image], tokens)


def once_per_image(
    captioner: Captioner, pixels: torch.Tensor, of_image: torch.Tensor, tokens: CaptionTokens
) -> torch.Tensor:
    """The same, each image encoded once, but its keys and values computed for every caption."""
    return decoder_logits(captioner, encode_images(captioner, pixels)[of_image], tokens)


WAYS: dict[str, Way] = {
    "once per caption": once_per_caption,
    "once per image": once_per_image,
    "keys and values shared too": shared_image_logits,
}


# --------------------------------------------------------------------------- measuring


def random_batch(
    captioner: Captioner, images: int
) -> tuple[torch.Tensor, torch.Tensor, CaptionTokens]:
    """Pixels, each caption's image, and the tokens of ``CAPTIONS`` captions for every image."""
    rng = torch.Generator().manual_seed(0)
    size = captioner.image_size
    pixels = torch.randn(images, 3, size, size, generator=rng)
    of_image = torch.arange(images).repeat_interleave(CAPTIONS)
    shape = (len(of_image), TOKENS)
    words = captioner.model.config.text_config.vocab_size
    inputs, targets = (torch.randint(words, shape, generator=rng) for _ in range(2))
    return pixels, of_image, CaptionTokens(inputs, torch.ones_like(inputs), targets)


@torch.inference_mode()
def flops(captioner: Captioner, images: int) -> dict[str, float]:
    """Floating-point operations of every way of scoring ``images`` images' captions."""
    captioner.model.eval()
    batch = random_batch(captioner, images)
    counted = {}
    for name, way in WAYS.items():
        with FlopCounterMode(display=False) as counter:
            way(captioner, *batch)
        counted[name] = float(counter.get_total_flops())
    return counted


@torch.inference_mode()
def seconds(captioner: Captioner, images: int, repetitions: int) -> dict[str, list[float]]:
    """Seconds of every way of scoring ``images`` images' captions."""
    captioner.model.eval()
    batch = random_batch(captioner, images)
    ways = {name: lambda way=way: way(captioner, *batch) for name, way in WAYS.items()}
    return alternating(ways, repetitions)


def drawn_samples(folder: Path, images: int) -> tuple[list[Sample], dict[str, Path]]:
    """Samples of random pictures in ``folder``, and the file that each shows, by sample id."""
    rng = np.random.default_rng(0)
    samples, files = [], {}
    for number in range(images):
        file = folder / f"{number}.png"
        shape = (DEMO_IMAGE_SIZE, DEMO_IMAGE_SIZE, 3)
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(file)
        for place in range(CAPTIONS):
            sample = Sample(
                f"{number}#{place}",
                str(number),
                file.name,
                f"{place + 1} red rings on a white wall",
            )
            samples.append(sample)
            files[sample.sample_id] = file
    return samples, files


def files_of_their_own(samples: Sequence[Sample], files: dict[str, Path]) -> dict[str, Path]:
    """The same pictures, but under another name for every sample: each is encoded on its own."""
    own = {}
    for sample in samples:
        file = files[sample.sample_id]
        own[sample.sample_id] = file.with_name(f"{sample.sample_id}{file.suffix}")
        os.link(file, own[sample.sample_id])
    return own


def losses_of(
    captioner: Captioner, samples: Sequence[Sample], files: dict[str, Path], batch_size: int
) -> list[SampleLoss]:
    """The losses by the project's own function; ``batch_size`` in images."""
    return sample_losses(
        captioner,
        samples,
        files,
        prompt=PROMPT,
        max_tokens=40,
        label_smoothing=0.1,
        batch_size=batch_size,
    )


def measure() -> Outcome:
    """BLIP-base in operations and seconds, and the demo's captioner in seconds."""
    device = prepare_device()
    base = random_captioner(BLIP_BASE, [f"{PROMPT}a red ring"])
    counted, taken = flops(base, 1), seconds(base, 1, REPETITIONS)
    del base
    baseline, once, shared = WAYS
    what = f"{CAPTIONS} captions of an image, BLIP-base, 384 px"
    rows = []
    for name in (once, shared):
        against = f"encoded {baseline}"
        row = (f"{what}: {'encoded ' if name == once else ''}{name}",)
        rows.append(Row(*row, "GFLOP", [counted[name] / 1e9], against, [counted[baseline] / 1e9]))
        rows.append(Row(*row, "s, one core", taken[name], against, taken[baseline]))

    demo = load_captioner(DEMO_CAPTIONER, DEMO_IMAGE_SIZE, device)
    with tempfile.TemporaryDirectory() as folder:
        samples, files = drawn_samples(Path(folder), DEMO_IMAGES)
        own = files_of_their_own(samples, files)
        # As many captions at a time either way.
        demo_seconds = alternating(
            {
                once: lambda: losses_of(demo, samples, files, 20),
                baseline: lambda: losses_of(demo, samples, own, 20 * CAPTIONS),
            },
            REPETITIONS,
        )
    rows.append(
        Row(
            f"{len(samples)} captions of {DEMO_IMAGES} images, the demo's captioner, with reading "
            f"and resizing: encoded {once}",
            "s",
            demo_seconds[once],
            f"encoded {baseline}",
            demo_seconds[baseline],
        )
    )
    return Outcome(
        rows,
        [
            f"captions of {TOKENS} tokens; the project encodes each image once and shares its keys "
            "and values too"
        ],
    )
