"""The one reader of image files: whatever Pillow opens becomes RGB, as a viewer would show it.

Training, scoring, drawing, metrics, pages and checks all read here, so that they see one picture.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from caption_curation.support.errors import InputError

WHITE = 255
# ImageOps.exif_transpose would do it, but it also rewrites the EXIF data, and fails where a camera
# wrote something odd into them.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# By how a file packs its samples, where that is not in Pillow's mode: the largest sample.
LARGEST_PACKED = {"L;2": 3, "L;4": 15, "I;12": 4095}
SIXTEEN_BITS = 65535


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture before it is decoded.

    ``format`` is Pillow's name; that of a JPEG with further pictures behind the first (MPO) is
    JPEG. ``size`` is (width, height) in pixels as stored, before it is turned upright.
    """

    format: str
    size: tuple[int, int]


def read_picture(source: Path | IO[bytes]) -> Image.Image:
    """A picture as RGB without metadata, upright as its EXIF orientation says.

    Of several pictures in a file (MPO, TIFF, animations) it is the first. Transparency becomes
    white. Samples of 16 bits are scaled to 8; so are numbers without a fixed range (32-bit integers
    and floats), by the smallest of the usual ranges that holds all of them (0 to 1 for floats, 0 to
    255, 0 to 65535). Colour profiles are not applied.

    Args:
        source: a file, or an open one.

    Raises:
        InputError: there is no such file, it is damaged, too large, or no picture; one line.
    """
    with _naming(source), Image.open(source) as image:
        packing = _packing(image)
        image.load()
        turn = UPRIGHT.get(_orientation(image))
        picture = TO_RGB[image.mode](image, packing)
        if turn is not None:
            picture = picture.transpose(turn)
        picture.info = {}
        return picture


def read_header(source: Path | IO[bytes]) -> Header:
    """Format and size of a picture, without decoding it; a file that is cut short goes unnoticed.

    Raises:
        InputError: there is no such file, or no picture begins it; one line.
    """
    with _naming(source), Image.open(source) as image:
        file_format = str(image.format)
        return Header("JPEG" if file_format == "MPO" else file_format, image.size)


def picture_fault(path: Path, *, decode: bool) -> str | None:
    """Why a picture cannot be read, in words that do not name the file; ``None`` if it can.

    Args:
        path: of the file.
        decode: every pixel; otherwise only the header, see :func:`read_header`.
    """
    try:
        read_picture(path) if decode else read_header(path)
    except InputError as error:
        return str(error).removeprefix(f"{path}: ")
    return None


@contextmanager
def _naming(source: Path | IO[bytes]) -> Iterator[None]:
    """Turn whatever the library raises into one line that names the file."""
    try:
        yield
    except Exception as error:  # decoders raise whatever they meet in broken files
        name = source if isinstance(source, Path) else getattr(source, "name", "picture")
        raise InputError(f"{name}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    match error:
        case FileNotFoundError():
            return "there is no such file (if DVC tracks it, `dvc pull` or `dvc checkout` gets it)"
        case UnidentifiedImageError():
            return "not a picture of a known format, or a damaged one"
        case Image.DecompressionBombError():
            return f"the picture is too large: {error}"
        case _UnknownRange():
            return str(error)
        case OSError(errno=int()):
            return f"cannot be read ({error.strerror})"
        case _:
            text = " ".join(str(error).split())
            return f"unreadable or truncated picture ({text or type(error).__name__})"


class _UnknownRange(ValueError):
    """Numbers that may mean anything."""


def _orientation(image: Image.Image) -> Any:
    """The EXIF orientation, 1 to 8, or whatever else the file says."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # viewers show a photograph whose EXIF data are damaged as it is stored
        return None


def _packing(image: Image.Image) -> str | None:
    """How the file packs its samples: Pillow's raw mode; known only until the image is loaded."""
    if not isinstance(image, ImageFile.ImageFile) or not image.tile:
        return None
    arguments = image.tile[0].args
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else None


def _opaque(image: Image.Image, packing: str | None) -> Image.Image:
    """Of modes with a fixed range and no transparency but, in PNG, one colour that stands for it.

    An RGB image stays itself: a copy of each photograph would take a twentieth of its time.
    """
    rgb = image if image.mode == "RGB" else image.convert("RGB")
    key = image.info.get("transparency")
    if key is None or image.mode not in ("1", "L", "RGB"):
        return rgb
    colour = np.atleast_1d(key)
    if image.mode == "L" and packing in LARGEST_PACKED:
        colour = colour * WHITE // LARGEST_PACKED[packing]
    elif colour.max() > WHITE:  # of 16-bit colours Pillow keeps the high byte
        colour = colour >> 8
    pixels = np.array(rgb)
    pixels[(pixels == colour).all(axis=2)] = WHITE
    return Image.fromarray(pixels)


def _on_white(image: Image.Image, packing: str | None) -> Image.Image:
    """Of modes with transparency, or with a palette that may have some."""
    if image.mode in ("La", "RGBa"):  # Pillow knows no shorter way from premultiplied colours
        image = image.convert(image.mode.upper())
    layer = image.convert("RGBA")
    picture = Image.new("RGB", image.size, "white")
    picture.paste(layer, mask=layer)
    return picture


def _from_sixteen_bits(image: Image.Image, packing: str | None) -> Image.Image:
    samples = np.asarray(image)
    levels = _scaled(samples, LARGEST_PACKED.get(packing or "", SIXTEEN_BITS))
    if (key := image.info.get("transparency")) is not None:
        levels[samples == key] = WHITE
    return Image.fromarray(levels).convert("RGB")


def _from_integers(image: Image.Image, packing: str | None) -> Image.Image:
    return _from_numbers(np.asarray(image), (WHITE, SIXTEEN_BITS))


def _from_floats(image: Image.Image, packing: str | None) -> Image.Image:
    return _from_numbers(np.asarray(image), (1, WHITE, SIXTEEN_BITS))


def _from_numbers(samples: NDArray[Any], ranges: Sequence[int]) -> Image.Image:
    lowest, highest = samples.min(), samples.max()
    for largest in ranges:
        if lowest >= 0 and highest <= largest:
            return Image.fromarray(_scaled(samples, largest)).convert("RGB")
    raise _UnknownRange(
        f"its pixels are numbers from {lowest:g} to {highest:g}; "
        f"allowed: 0 to {', 0 to '.join(map(str, ranges))}"
    )


def _scaled(samples: NDArray[Any], largest: int) -> NDArray[np.uint8]:
    """Samples of 0 to ``largest`` as 0 to 255, rounded."""
    return np.rint(samples.astype(np.float64) * (WHITE / largest)).astype(np.uint8)


TO_RGB: dict[str, Callable[[Image.Image, str | None], Image.Image]] = {
    "1": _opaque,
    "L": _opaque,
    "RGB": _opaque,
    "RGBX": _opaque,
    "CMYK": _opaque,
    "YCbCr": _opaque,
    "HSV": _opaque,
    "LAB": _opaque,
    "LA": _on_white,
    "La": _on_white,
    "RGBA": _on_white,
    "RGBa": _on_white,
    "P": _on_white,
    "PA": _on_white,
    "I;16": _from_sixteen_bits,
    "I;16B": _from_sixteen_bits,
    "I;16L": _from_sixteen_bits,
    "I;16N": _from_sixteen_bits,
    "I": _from_integers,
    "F": _from_floats,
}
