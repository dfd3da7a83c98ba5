"""A corpus as large as one wants: photographs' sizes, captions of random words, Karpathy's form."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tqdm import trange

PHOTOGRAPH = (640, 480)  # pixels, COCO's
GRAIN = 20  # pixels of the noise; with the quality below a file has about 80 KB
QUALITY = 88
PICTURES = 16  # different ones; every file differs all the same, by a comment
CAPTIONS = 5  # of each image
LENGTHS = (8, 14)  # words of a caption
VOCABULARY = 10_000
# COCO's splits in Karpathy's form, as parts of the training split.
VALIDATION = TEST = 5_000 / 113_287
ANNOTATIONS = "dataset.json"
SOI = b"\xff\xd8"  # how a JPEG file begins


def write_corpus(folder: Path, training_images: int) -> None:
    """Write the annotation file and the images; ``folder`` must be empty.

    Args:
        folder: the corpus's root.
        training_images: of the training split; the others have COCO's proportion to it.
    """
    rng = np.random.default_rng(0)
    sizes = {
        "train": training_images,
        "val": max(1, round(training_images * VALIDATION)),
        "test": max(1, round(training_images * TEST)),
    }
    splits = [split for split, size in sizes.items() for _ in range(size)]
    contents = [_picture(rng) for _ in range(PICTURES)]
    for number in trange(len(splits), desc="images", unit="image", disable=None):
        content = contents[number % PICTURES]
        (folder / _file_name(number)).write_bytes(SOI + _comment(number) + content[len(SOI) :])
    records = [_record(number, split, rng) for number, split in enumerate(splits)]
    content = json.dumps({"dataset": "scale", "images": records})
    (folder / ANNOTATIONS).write_text(content, encoding="utf-8")


def _picture(rng: np.random.Generator) -> bytes:
    width, height = PHOTOGRAPH
    noise = rng.integers(0, 256, (height // GRAIN, width // GRAIN, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize(PHOTOGRAPH, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 4, (height, width, 1))
    image = Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _comment(number: int) -> bytes:
    """A JPEG segment with a comment."""
    text = f"image {number}".encode()
    return b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text


def _record(number: int, split: str, rng: np.random.Generator) -> dict[str, Any]:
    # Words as frequent as in language: the n-th with 1/n.
    words = VOCABULARY ** rng.random((CAPTIONS, LENGTHS[1]))
    lengths = rng.integers(*LENGTHS, CAPTIONS, endpoint=True)
    captions = [
        " ".join(f"word{int(word)}" for word in row[:length])
        for row, length in zip(words, lengths, strict=True)
    ]
    return {
        "cocoid": number,
        "filename": _file_name(number),
        "split": split,
        "sentences": [{"raw": caption} for caption in captions],
    }


def _file_name(number: int) -> str:
    return f"COCO_{number:012d}.jpg"
