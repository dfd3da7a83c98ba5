"""A workspace whose first epochs have been run by the stages, with pictures to look at."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from caption_curation import paths
from caption_curation.samples import CaptionedImage
from tests.human_study.page_sets import MARKUP
from tests.small_epochs import hash_of, run_epoch, write_workspace

FORMULA = '=HYPERLINK("http://elsewhere.example", "a dog")'
CAPTIONED = [
    CaptionedImage(f"i{n}", f"i{n}.jpg", tuple(f"i{n} caption {k}" for k in range(5)))
    for n in range(3)
] + [CaptionedImage("i3", "i3.jpg", (MARKUP, FORMULA, "three", "four", "five"))]
SECRET = "planted-fault"  # what is only in the ground truth


def picture(name: str) -> bytes:
    """A picture of one colour, which the name decides."""
    written = io.BytesIO()
    number = hash_of(name)
    colour = (number % 256, number // 256 % 256, number // 65536 % 256)
    Image.new("RGB", (40, 32), colour).save(written, "JPEG")
    return written.getvalue()


@contextmanager
def run_workspace(
    folder: Path, epochs: int = 2, images: list[CaptionedImage] = CAPTIONED, **changes: Any
) -> Iterator[None]:
    """Make ``folder`` the current one, with the stages of so many epochs run in it."""
    options = {f"curation.{key}": value for key, value in changes.items()}
    write_workspace(folder, options, content=picture, images=images)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        paths.GROUND_TRUTH.mkdir(parents=True)
        noise = {"sample_id": "i0#0", "kind": SECRET}
        (paths.GROUND_TRUTH / "noise.jsonl").write_text(json.dumps(noise))
        for epoch in range(epochs):
            run_epoch(epoch, content=picture)
        yield
