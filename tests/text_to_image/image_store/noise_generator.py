"""A cheap generator of noise images for tests, and a process that runs it, several at once.

Run as ``python noise_generator.py DVC_CACHE LOG FIRST_SEED END_SEED BLOCKED_SEED MEET``: obtains
the images of the seeds [FIRST_SEED, END_SEED) in batches of four and prints the counts as JSON.
Every generated seed is a line in LOG. At BLOCKED_SEED, it writes ``LOG.blocked`` and generates no
more. With MEET above 1, its first image waits until that many processes are generating.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from caption_curation.support.claims import Claims
from caption_curation.text_to_image.image_store import (
    ImageRequest,
    ImageStore,
    Recipe,
    image_key,
    open_store,
)

RECIPE = Recipe(
    generator="5e8f",
    sampler="ddim",
    steps=12,
    guidance=3.0,
    negative_prompt="",
    size=(24, 16),
    jpeg_quality=95,
    torch="2.13.0",
    diffusers="0.42.1",
    transformers="5.23.0",
)
BATCH_SIZE = 4


def requests_for(seeds: range) -> dict[str, ImageRequest]:
    """One request for each seed, by key."""
    wanted = [ImageRequest(f"an image of {seed}", seed) for seed in seeds]
    return {image_key(RECIPE, request): request for request in wanted}


def claimed_slots(store: ImageStore) -> list[str]:
    """The first digits of keys that somebody has claimed."""
    folder = store.folder / "claims"
    claimed = []
    for file in folder.iterdir():
        if claim := Claims(folder).claim(file.stem):
            claim.close()
        else:
            claimed.append(file.stem)
    return claimed


def noise_image(request: ImageRequest) -> Image.Image:
    """A noise image of the recipe's size that the seed determines."""
    width, height = RECIPE.size
    noise = np.random.default_rng(request.seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def noise_images(batch: Sequence[ImageRequest]) -> list[Image.Image]:
    """The noise images of a batch."""
    return [noise_image(request) for request in batch]


def main(dvc_cache: Path, log: Path, seeds: range, blocked: int, meet: int) -> None:
    """Obtain the images, as described above."""

    def generate(batch: Sequence[ImageRequest]) -> Iterator[Image.Image]:
        log.with_name(f"{os.getpid()}.generating").touch()
        while len(list(log.parent.glob("*.generating"))) < meet:
            time.sleep(0.02)
        for request in batch:
            if request.seed == blocked:
                log.with_name(f"{log.name}.blocked").touch()
                time.sleep(600)
            with log.open("a") as lines:
                lines.write(f"{request.seed}\n")
            yield noise_image(request)

    with open_store(dvc_cache) as store:
        counts = store.obtain(RECIPE, requests_for(seeds), generate, BATCH_SIZE)
    print(json.dumps(asdict(counts)))


if __name__ == "__main__":
    cache_folder, log_file, *numbers = sys.argv[1:]
    first, end, blocked_seed, meeting = map(int, numbers)
    main(Path(cache_folder), Path(log_file), range(first, end), blocked_seed, meeting)
