"""Whatever is wrong with a file, the reader says so in one line that names it."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from caption_curation.pictures.reading import picture_fault, read_header, read_picture
from caption_curation.support.errors import InputError

FORMATS = ["jpg", "png", "gif", "webp", "tif", "bmp", "ico", "jp2", "ppm", "tga", "pcx", "avif"]


def picture(path: Path, side: int = 24) -> Path:
    samples = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(samples).save(path, exif=Image.Exif())
    return path


def refusal(path: Path, read: Callable[[Path], object] = read_picture) -> str:
    with pytest.raises(InputError) as raised:
        read(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "bmp"])
def test_a_file_that_is_cut_short(suffix: str, tmp_path: Path) -> None:
    path = picture(tmp_path / f"picture.{suffix}", side=64)
    cut(path)
    assert picture_fault(path, decode=True) == refusal(path)


def test_headers_are_read_without_the_rest(tmp_path: Path) -> None:
    path = picture(tmp_path / "picture.jpg", side=64)
    assert picture_fault(path, decode=False) is None
    cut(path)
    assert read_header(path).size == (64, 64)
    assert picture_fault(path, decode=False) is None
    assert "truncated" in str(picture_fault(path, decode=True))


@pytest.mark.parametrize("content", [b"", b"A dog runs.", b"\xff\xd8\xff", b"<html></html>"])
@pytest.mark.parametrize("read", [read_picture, read_header])
def test_a_file_that_is_no_picture(
    content: bytes, read: Callable[[Path], object], tmp_path: Path
) -> None:
    (path := tmp_path / "picture.jpg").write_bytes(content)
    assert refusal(path, read) == "not a picture of a known format, or a damaged one"


def test_what_is_not_there_or_not_a_file(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "picture.jpg")
    assert "dvc pull" in refusal(tmp_path / "picture.jpg", read_header)
    assert refusal(tmp_path) == "cannot be read (Is a directory)"


def test_a_picture_beyond_the_limit_on_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = picture(tmp_path / "panorama.png", side=30)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    assert "too large" in refusal(path)
    assert "900 pixels" in refusal(path, read_header)


def test_an_open_file_is_named_too(tmp_path: Path) -> None:
    path = picture(tmp_path / "picture.png")
    cut(path)
    with path.open("rb") as file, pytest.raises(InputError, match=r"picture\.png: "):
        read_picture(file)


@pytest.mark.parametrize("suffix", FORMATS)
def test_no_damage_raises_anything_else(suffix: str, tmp_path: Path) -> None:
    """Bytes changed, cut out and put in at random: struct, zlib and index errors, and worse."""
    whole = picture(tmp_path / f"whole.{suffix}").read_bytes()
    path = tmp_path / f"damaged.{suffix}"
    rng = np.random.default_rng(len(suffix))
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(150):
            content = bytearray(whole)
            for _ in range(rng.integers(1, 6)):
                # Headers are at the beginning, and are what libraries trip over.
                at = int(len(content) * rng.random() ** 3)
                match rng.integers(3):
                    case 0:
                        content[at : at + 1] = rng.bytes(1)
                    case 1:
                        del content[at : at + int(rng.integers(1, 40))]
                    case _:
                        content[at:at] = rng.bytes(int(rng.integers(1, 9)))
            path.write_bytes(content)
            if fault := picture_fault(path, decode=True):
                assert refusal(path) == fault
                refused += 1
    assert refused > 10
