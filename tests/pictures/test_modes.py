"""Every mode of Pillow becomes RGB; what is expected is computed here, never by Pillow."""

import colorsys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from caption_curation.pictures.reading import TO_RGB, read_picture
from caption_curation.support.errors import InputError

SIZE = WIDTH, HEIGHT = 7, 5
RNG = np.random.default_rng(3)
Samples = NDArray[np.uint8]


def noise(channels: int) -> Samples:
    return RNG.integers(0, 256, (HEIGHT, WIDTH, channels), dtype=np.uint8)


def grey(levels: NDArray[np.generic]) -> NDArray[np.generic]:
    return np.repeat(levels.reshape(HEIGHT, WIDTH, 1), 3, axis=2)


def on_white(colours: NDArray[Any], alpha: Samples) -> NDArray[np.float64]:
    share = alpha.reshape(HEIGHT, WIDTH, 1) / 255
    return colours * share + 255 * (1 - share)


def of_bytes(mode: str, samples: NDArray[np.generic]) -> Image.Image:
    return Image.frombytes(mode, SIZE, samples.tobytes())


Case = tuple[Image.Image, NDArray[np.generic], float]  # image, expected RGB, tolerance


def bits() -> Case:
    black_and_white = RNG.integers(0, 2, (HEIGHT, WIDTH), dtype=np.uint8)
    return of_bytes("1", np.packbits(black_and_white, axis=1)), grey(black_and_white * 255), 0


def rgb() -> Case:
    samples = noise(3)
    return of_bytes("RGB", samples), samples, 0


def padded() -> Case:
    samples = noise(4)
    return of_bytes("RGBX", samples), samples[..., :3], 0


def levels() -> Case:
    samples = noise(1)
    return of_bytes("L", samples), grey(samples), 0


def levels_and_alpha() -> Case:
    samples = noise(2)
    return of_bytes("LA", samples), on_white(grey(samples[..., 0]), samples[..., 1]), 1


def premultiplied(mode: str) -> Callable[[], Case]:
    def case() -> Case:
        colours, alpha = noise(len(mode) - 1), noise(1)
        samples = np.round(colours * (alpha / 255)).astype(np.uint8)
        image = Image.new(mode, SIZE)
        for place in np.ndindex(HEIGHT, WIDTH):  # Pillow unpacks no bytes of these modes
            pixel = (*samples[place], *alpha[place])
            image.putpixel(place[::-1], tuple(map(int, pixel)))
        expected = samples + 255.0 - alpha
        return image, np.broadcast_to(expected, (HEIGHT, WIDTH, 3)), 1

    return case


def rgb_and_alpha() -> Case:
    samples = noise(4)
    return of_bytes("RGBA", samples), on_white(samples[..., :3], samples[..., 3]), 1


def inks() -> Case:
    samples = noise(4)
    inverse = 255.0 - samples
    return of_bytes("CMYK", samples), inverse[..., :3] * inverse[..., 3:] / 255, 1


def luma_and_chroma() -> Case:
    samples = noise(3)
    y, cb, cr = np.moveaxis(samples.astype(float), 2, 0)  # JFIF 1.02, page 4
    red, blue = y + 1.402 * (cr - 128), y + 1.772 * (cb - 128)
    green = y - 0.34414 * (cb - 128) - 0.71414 * (cr - 128)
    return of_bytes("YCbCr", samples), np.stack([red, green, blue], 2).clip(0, 255), 1


def hue() -> Case:
    samples = noise(3)
    flat = [colorsys.hsv_to_rgb(*pixel) for pixel in samples.reshape(-1, 3) / 255]
    return of_bytes("HSV", samples), np.array(flat).reshape(HEIGHT, WIDTH, 3) * 255, 3


def cielab() -> Case:
    """From sRGB by the formulas of IEC 61966-2-1 and CIE 15, adapted to D50 (ICC, Bradford)."""
    colours = noise(3) // 2 + 64  # rounding Lab to 8 bits costs much of saturated colours
    share = colours / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array(
        [
            [0.4360747, 0.3850649, 0.1430804],
            [0.2225045, 0.7168786, 0.0606169],
            [0.0139322, 0.0971045, 0.7141733],
        ]
    )
    relative = linear @ to_xyz.T / [0.96422, 1, 0.82521]
    x, y, z = np.moveaxis(
        np.where(relative > 216 / 24389, np.cbrt(relative), (24389 / 27 * relative + 16) / 116),
        2,
        0,
    )
    lab = np.stack([(116 * y - 16) * 2.55, 500 * (x - y), 200 * (y - z)], 2).round()
    # As in TIFF, a and b are signed bytes.
    return of_bytes("LAB", lab.astype(np.int16).astype(np.uint8)), colours, 5


def palette() -> Case:
    colours, places = RNG.integers(0, 256, (256, 3), dtype=np.uint8), noise(1)[..., 0]
    image = of_bytes("P", places)
    image.putpalette(colours.tobytes())
    return image, colours[places], 0


def palette_and_alpha() -> Case:
    colours, samples = RNG.integers(0, 256, (256, 3), dtype=np.uint8), noise(2)
    image = of_bytes("PA", samples)
    image.putpalette(colours.tobytes())
    return image, on_white(colours[samples[..., 0]], samples[..., 1]), 1


def sixteen_bits(mode: str, kind: str) -> Callable[[], Case]:
    def case() -> Case:
        samples = RNG.integers(0, 65536, (HEIGHT, WIDTH)).astype(kind)
        samples.flat[:2] = 0, 65535
        return of_bytes(mode, samples), grey(samples / 257), 0.5

    return case


def integers() -> Case:
    samples = RNG.integers(0, 65536, (HEIGHT, WIDTH), dtype=np.int32)
    return of_bytes("I", samples), grey(samples / 257), 0.5


def floats() -> Case:
    samples = RNG.random((HEIGHT, WIDTH)).astype(np.float32)
    return of_bytes("F", samples), grey(samples * 255), 0.5 + 1e-3


CASES: dict[str, Callable[[], Case]] = {
    "1": bits,
    "L": levels,
    "LA": levels_and_alpha,
    "La": premultiplied("La"),
    "RGB": rgb,
    "RGBX": padded,
    "RGBA": rgb_and_alpha,
    "RGBa": premultiplied("RGBa"),
    "P": palette,
    "PA": palette_and_alpha,
    "CMYK": inks,
    "YCbCr": luma_and_chroma,
    "HSV": hue,
    "LAB": cielab,
    "I": integers,
    "I;16": sixteen_bits("I;16", "<u2"),
    "I;16B": sixteen_bits("I;16B", ">u2"),
    "I;16L": sixteen_bits("I;16L", "<u2"),
    "I;16N": sixteen_bits("I;16N", "=u2"),
    "F": floats,
}


def test_the_reader_knows_every_mode_of_pillow() -> None:
    assert set(TO_RGB) == set(CASES) == set(Image.MODES)


@pytest.mark.parametrize("mode", Image.MODES)
def test_pixels_of_a_mode(mode: str) -> None:
    image, expected, tolerance = CASES[mode]()
    picture = TO_RGB[mode](image, None)
    assert (image.mode, picture.mode, picture.size) == (mode, "RGB", SIZE)
    assert np.asarray(picture, float) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("1", "png"),
        ("1", "tif"),
        ("L", "bmp"),
        ("LA", "png"),
        ("RGB", "png"),
        ("RGB", "ppm"),
        ("RGBA", "png"),
        ("RGBA", "tif"),
        ("P", "png"),
        ("P", "gif"),
        ("P", "bmp"),
        ("CMYK", "tif"),
        ("YCbCr", "tif"),
        ("LAB", "tif"),
        ("I", "tif"),
        ("I;16", "png"),
        ("I;16", "tif"),
        ("I;16B", "tif"),
        ("F", "tif"),
    ],
)
def test_pixels_of_a_file(mode: str, suffix: str, tmp_path: Path) -> None:
    image, expected, tolerance = CASES[mode]()
    image.save(path := tmp_path / f"picture.{suffix}")
    with Image.open(path) as stored:
        assert stored.mode == mode
    picture = read_picture(path)
    assert (picture.mode, picture.size) == ("RGB", SIZE)
    assert np.asarray(picture, float) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    ("numbers", "levels"),
    [
        (np.array([0, 1, 100, 255], np.int32), [0, 1, 100, 255]),
        (np.array([0, 257, 514, 65535], np.int32), [0, 1, 2, 255]),
        (np.array([0, 0.2, 0.5, 1], np.float32), [0, 51, 128, 255]),
        (np.array([0, 0.2, 30.4, 254.6], np.float32), [0, 0, 30, 255]),
        (np.array([0, 257, 25700, 65535], np.float32), [0, 1, 100, 255]),
    ],
)
def test_numbers_are_scaled_by_the_smallest_range_that_holds_them(
    numbers: NDArray[np.generic], levels: list[int], tmp_path: Path
) -> None:
    Image.fromarray(numbers[None]).save(path := tmp_path / "numbers.tif")
    assert np.asarray(read_picture(path))[0].tolist() == [[level] * 3 for level in levels]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        (np.array([-1, 7], np.int32), "from -1 to 7; allowed: 0 to 255, 0 to 65535"),
        (np.array([0, 65536], np.int32), "from 0 to 65536"),
        (np.array([-0.5, 0.5], np.float32), "from -0.5 to 0.5; allowed: 0 to 1, 0 to 255, 0 to"),
        (np.array([0, np.inf], np.float32), "from 0 to inf"),
        (np.array([0, np.nan], np.float32), "from nan to nan"),
    ],
)
def test_numbers_that_may_mean_anything_are_refused(
    numbers: NDArray[np.generic], said: str, tmp_path: Path
) -> None:
    Image.fromarray(numbers[None]).save(path := tmp_path / "numbers.tif")
    with pytest.raises(InputError) as refusal:
        read_picture(path)
    assert str(refusal.value).startswith(f"{path}: its pixels are numbers {said}")
