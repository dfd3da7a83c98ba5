"""All that looks at pictures sees the same one, because one function reads them."""

import ast
import base64
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike
from PIL import ExifTags, Image
from torch.utils.data import DataLoader

from caption_curation.captioner.model import loading
from caption_curation.captioner.model.loading import ResizedImages, pixel_batches
from caption_curation.captioner.model.transforms import to_tensor
from caption_curation.captioner.training.epoch import TrainingImages
from caption_curation.config.profile import Augmentation
from caption_curation.reports.page.html import embedded_picture
from caption_curation.samples import Sample
from caption_curation.support.errors import InputError
from caption_curation.text_to_image.pixels import read_image

REPOSITORY = Path(__file__).resolve().parents[2]
# The image store checks that the files it has written itself are JPEG, and reads their comments.
ALLOWED = {
    "src/caption_curation/pictures/reading.py",
    "src/caption_curation/text_to_image/image_store/image_files.py",
}
MODULES = {"Image", "ImageFile", "PIL.Image"}
OTHER_READERS = {"imread", "decode_image", "decode_jpeg", "read_file", "exif_transpose"}


def reads_pictures(node: ast.AST) -> bool:
    """Whether a piece of code opens an image file, by Pillow or by another library."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "PIL.Image" and any(name.name == "open" for name in node.names)
    if not isinstance(node, ast.Attribute):
        return False
    opens = node.attr == "open" and ast.unparse(node.value) in MODULES
    return opens or node.attr in OTHER_READERS


def readers(source: str) -> bool:
    return any(map(reads_pictures, ast.walk(ast.parse(source))))


def test_nothing_else_opens_pictures() -> None:
    files = [
        path
        for folder in ("src", "stages", "benchmarks", "docs")
        for path in (REPOSITORY / folder).rglob("*.py")
    ]
    assert len(files) > 200
    found = {
        path.relative_to(REPOSITORY).as_posix()
        for path in files
        if readers(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


@pytest.mark.parametrize(
    "source",
    [
        "from PIL import Image\nImage.open('x')",
        "import PIL.Image\nwith PIL.Image.open('x') as y: pass",
        "from PIL.Image import open",
        "plt.imread('x')",
    ],
)
def test_what_opens_pictures_is_seen(source: str) -> None:
    assert readers(source)
    assert not readers("open('x')\nPath('x').open()\nImage.new('RGB', (1, 1))")


def training(path: Path) -> ArrayLike:
    sample = Sample(sample_id="1", image_id="1", file=str(path), caption="a")
    plain = Augmentation(smallest_crop=1, horizontal_flip=False, rand_augment=None)
    pixels = TrainingImages([sample], {"1": path}, 24, to_tensor, plain, seed=0, epoch=1)[0]
    assert isinstance(pixels, torch.Tensor)
    return pixels


def scoring(path: Path) -> ArrayLike:
    pixels = ResizedImages([path], 24, to_tensor)[0]
    assert isinstance(pixels, torch.Tensor)
    return pixels


def page(path: Path) -> ArrayLike:
    uri = embedded_picture(path, 96)["uri"]
    with Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))) as image:
        return np.asarray(image)


READERS: list[Callable[[Path], ArrayLike]] = [training, scoring, partial(read_image, size=24), page]


@pytest.mark.parametrize("read", READERS, ids=["training", "scoring", "generator", "page"])
def test_every_reader_sees_the_same_picture(
    read: Callable[[Path], ArrayLike], tmp_path: Path
) -> None:
    samples = np.random.default_rng(0).integers(0, 256, (32, 48), dtype=np.uint8)
    Image.fromarray(samples).save(upright := tmp_path / "upright.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    turned = samples[::-1, ::-1]
    Image.fromarray(turned).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(samples.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    hidden = np.stack([samples, np.full_like(samples, 255)], 2)
    Image.fromarray(hidden).save(tmp_path / "opaque.png")
    for name in ("turned", "deep", "opaque"):
        assert np.array_equal(read(tmp_path / f"{name}.png"), read(upright)), name


def test_a_loader_process_names_the_picture_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU, where loader processes read ahead."""

    def with_a_process(*args: Any, **options: Any) -> DataLoader[Any]:
        return DataLoader(*args, **options | {"num_workers": 1})

    monkeypatch.setattr(loading, "DataLoader", with_a_process)
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for file in files:
        Image.new("RGB", (8, 8)).save(file)
    files[2].write_bytes(files[2].read_bytes()[:45])
    batches = pixel_batches(
        ResizedImages(files, 8, to_tensor), [[0, 1], [2, 3]], torch.device("cpu")
    )
    pixels = next(batches)
    assert isinstance(pixels, torch.Tensor)
    assert pixels.shape == (2, 3, 8, 8)
    with pytest.raises(InputError) as refusal:
        next(batches)
    assert str(refusal.value).startswith(f"{files[2]}: ")
    assert "\n" not in str(refusal.value)
