"""What is in files beside plain pixels: orientations, transparent colours, several pictures."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from caption_curation.pictures.reading import Header, read_header, read_picture

Samples = NDArray[Any]
WHITE = [255, 255, 255]

# From EXIF 2.32, tag 0x0112: where the stored row 0 and column 0 are to be seen.
SHOWN: dict[int, Callable[[Samples], Samples]] = {
    1: lambda stored: stored,  # top, left
    2: lambda stored: stored[:, ::-1],  # top, right
    3: lambda stored: stored[::-1, ::-1],  # bottom, right
    4: lambda stored: stored[::-1],  # bottom, left
    5: lambda stored: stored.swapaxes(0, 1),  # left, top
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],  # right, top
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
    8: lambda stored: stored.swapaxes(0, 1)[::-1],  # left, bottom
}


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return exif


def pixels(path: Path) -> Samples:
    return np.asarray(read_picture(path), int)


def png(path: Path, rows: list[bytes], bits: int, kind: int, **chunks: bytes) -> Path:
    """A PNG file by hand; ``kind``: 0 of greys, 2 of RGB, 3 of a palette."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    samples_a_pixel = 3 if kind == 2 else 1
    width = len(rows[0]) * 8 // (bits * samples_a_pixel)
    header = struct.pack(">IIBBBBB", width, len(rows), bits, kind, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunk(name.encode(), content) for name, content in chunks.items())
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("value", SHOWN)
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_pictures_are_turned_upright(value: int, suffix: str, tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(stored).save(path, exif=orientation(value), lossless=True)  # of WebP alone
    assert np.array_equal(pixels(path), SHOWN[value](stored))


@pytest.mark.parametrize("value", SHOWN)
def test_photographs_are_turned_upright(value: int, tmp_path: Path) -> None:
    corners = np.random.default_rng(1).integers(0, 256, (2, 3, 3), dtype=np.uint8)
    stored = corners.repeat(16, 0).repeat(16, 1)
    path = tmp_path / "photograph.jpg"
    Image.fromarray(stored).save(path, quality=100, subsampling=0, exif=orientation(value))
    assert pixels(path) == pytest.approx(SHOWN[value](stored), abs=2)
    assert read_header(path) == Header("JPEG", (48, 32))


def test_a_sideways_picture_of_a_palette_or_of_16_bits_is_turned_too(tmp_path: Path) -> None:
    places = np.array([[0, 1, 2], [3, 4, 5]], np.uint8)
    colours = np.arange(18, dtype=np.uint8).reshape(6, 3)
    image = Image.fromarray(places).convert("P")
    image.putpalette(colours.tobytes())
    image.save(tmp_path / "palette.png", exif=orientation(6))
    assert np.array_equal(pixels(tmp_path / "palette.png"), colours[SHOWN[6](places)])
    deep = Image.fromarray(places.astype(np.uint16) * 257)
    deep.save(tmp_path / "deep.png", exif=orientation(8))
    assert np.array_equal(pixels(tmp_path / "deep.png")[..., 0], SHOWN[8](places))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"\0"])
def test_damaged_exif_data_turn_nothing(exif: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    stored = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    Image.fromarray(stored).save(path, exif=exif)
    assert np.array_equal(pixels(path), stored)


def test_an_unknown_orientation_turns_nothing(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    stored = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    Image.fromarray(stored).save(path, exif=orientation(9))
    assert np.array_equal(pixels(path), stored)


def test_what_is_read_has_no_metadata(tmp_path: Path) -> None:
    path = tmp_path / "photograph.jpg"
    Image.new("RGB", (8, 8)).save(path, comment=b"hello", dpi=(300, 300), icc_profile=b"profile")
    assert read_picture(path).info == {}


@pytest.mark.parametrize(
    ("bits", "row", "transparent", "levels"),
    [
        (1, [0b01000000], 1, [0, 255, 0, 0, 0, 0, 0, 0]),
        (1, [0b01000000], 0, [255] * 8),
        (2, [0b00011011], 2, [0, 85, 255, 255]),
        (4, [0x08, 0xF3], 8, [0, 255, 255, 51]),
        (8, [0, 7, 200], 7, [0, 255, 200]),
        (16, [0x00, 0x00, 0x01, 0x01, 0x01, 0x02], 0x0102, [0, 1, 255]),
    ],
)
def test_a_transparent_grey_becomes_white(
    bits: int, row: list[int], transparent: int, levels: list[int], tmp_path: Path
) -> None:
    path = png(tmp_path / "a.png", [bytes(row)], bits, 0, tRNS=struct.pack(">H", transparent))
    assert pixels(path)[0].tolist() == [[level] * 3 for level in levels]


def test_a_transparent_colour_becomes_white(tmp_path: Path) -> None:
    row = bytes([10, 20, 30, 10, 20, 31, 0, 0, 0])
    path = png(tmp_path / "a.png", [row], 8, 2, tRNS=struct.pack(">3H", 10, 20, 30))
    assert pixels(path)[0].tolist() == [WHITE, [10, 20, 31], [0, 0, 0]]
    row = struct.pack(">6H", 0x1011, 0x2022, 0x3033, 0x1111, 0x2022, 0x3033)
    path = png(tmp_path / "b.png", [row], 16, 2, tRNS=struct.pack(">3H", 0x1011, 0x2022, 0x3033))
    assert pixels(path)[0].tolist() == [WHITE, [0x11, 0x20, 0x30]]


def test_transparent_colours_of_a_palette_become_white(tmp_path: Path) -> None:
    colours = bytes([0, 0, 0, 100, 50, 0, 9, 9, 9])
    some = png(tmp_path / "a.png", [bytes([0, 1, 2])], 8, 3, PLTE=colours, tRNS=bytes([255, 51]))
    assert pixels(some)[0].tolist() == [[0, 0, 0], [224, 214, 204], [9, 9, 9]]
    one = png(tmp_path / "b.png", [bytes([0, 1, 2])], 8, 3, PLTE=colours, tRNS=bytes([255, 0]))
    assert pixels(one)[0].tolist() == [[0, 0, 0], WHITE, [9, 9, 9]]


def test_a_tiff_of_12_bits_is_as_bright_as_one_of_8(tmp_path: Path) -> None:
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x08, 0x00])  # 0, 4095, 2048, 2048
    tags = {256: 4, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    path = tmp_path / "deep.tif"
    path.write_bytes(
        struct.pack("<2sHI", b"II", 42, 8 + len(packed))
        + packed
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", 0)
    )
    assert pixels(path)[0, :, 0].tolist() == [0, 255, 128, 128]


def test_a_photograph_in_inks_is_not_inverted(tmp_path: Path) -> None:
    """Adobe's files hold inks inverted, and say so."""
    path = tmp_path / "inks.jpg"
    Image.new("CMYK", (16, 16), (255, 128, 0, 51)).save(path, quality=100)
    assert b"Adobe" in path.read_bytes()
    assert pixels(path)[8, 8] == pytest.approx([0, 127 * 0.8, 255 * 0.8], abs=3)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.jpg", "MPO"), ("a.tif", "TIFF"), ("a.gif", "GIF"), ("a.webp", "WEBP"), ("a.png", "PNG")],
)
def test_of_several_pictures_the_first_is_read(name: str, kind: str, tmp_path: Path) -> None:
    first, second = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16), "blue")
    path = tmp_path / name
    first.save(path, format=kind, save_all=True, append_images=[second])
    with Image.open(path) as image:
        assert (image.format, getattr(image, "n_frames", 1)) == (kind, 2)
    assert pixels(path)[8, 8] == pytest.approx([255, 0, 0], abs=3)
    assert read_header(path).format == ("JPEG" if kind == "MPO" else kind)


def test_the_transparent_part_of_an_animation_becomes_white(tmp_path: Path) -> None:
    frame = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    frame.putpixel((1, 2), (200, 0, 0, 255))
    path = tmp_path / "a.gif"
    frame.save(path, save_all=True, append_images=[Image.new("RGBA", (4, 4), "blue")])
    expected = np.full((4, 4, 3), 255)
    expected[2, 1] = 200, 0, 0
    assert pixels(path) == pytest.approx(expected, abs=4)


def test_photographs_keep_their_pixels(tmp_path: Path, shared_data: Path) -> None:
    """All that a JPEG library decodes, without a second loss."""
    files = sorted(shared_data.glob("*/**/*.jpg"))[::10]
    assert len(files) > 50
    for path in files:
        with Image.open(path) as image:
            assert image.mode == "RGB"
            assert read_picture(path).tobytes() == image.tobytes()


@pytest.mark.parametrize("turn", [5, 6, 7, 8])
def test_a_real_photograph_on_its_side(turn: int, tmp_path: Path, shared_data: Path) -> None:
    original = next(iter(sorted(shared_data.glob("coco_cc/**/*.jpg"))))
    path = tmp_path / "sideways.jpg"
    exif = orientation(turn).tobytes()
    content = original.read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path.write_bytes(content[:2] + segment + content[2:])
    with Image.open(original) as image:
        assert np.array_equal(pixels(path), SHOWN[turn](np.asarray(image)))
