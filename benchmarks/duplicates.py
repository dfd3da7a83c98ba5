"""``python -m benchmarks.duplicates FOLDER``: what the search for duplicates finds, and should not.

Copies of the photographs of a folder, mirror images and other photographs, and drawings of which no
two are the same, in two halves. Thresholds are chosen on one half, for which ``--choose`` prints
what each pair of them gives; the table in docs/how-to/check-a-corpus.md is of the other.
"""

import argparse
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from benchmarks.table import insert_table
from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.duplicates.looks import look_at
from caption_curation.corpora.duplicates.pictures import (
    MOST_BITS,
    MOST_DIFFERENCE,
    MOST_SHIFT,
    difference,
    same_pictures,
)
from caption_curation.demo_world.rendering import render
from caption_curation.demo_world.scenes import random_scene
from caption_curation.demo_world.style import DEFAULT
from caption_curation.pictures.reading import read_picture

PAGE = Path(__file__).resolve().parent.parent / "docs" / "how-to" / "check-a-corpus.md"
MARKERS = (
    "<!-- duplicates: begin (written by `python -m benchmarks.duplicates`) -->",
    "<!-- duplicates: end -->",
)
DIFFERENCES = (0.15, 0.2, 0.25, 0.3, 0.35)
SHIFTS = (0.25, 0.5, 0.75, 1.0)
SCENES = 250  # of each half

Change = Callable[[Image.Image], Image.Image]


def jpeg(quality: int) -> Change:
    """Encoded again, by libjpeg's quality."""

    def changed(picture: Image.Image) -> Image.Image:
        picture.save(file := io.BytesIO(), "JPEG", quality=quality)
        file.seek(0)
        return read_picture(file)

    return changed


def scaled(factor: float) -> Change:
    """Resized, and encoded again."""
    return lambda picture: jpeg(90)(ImageOps.scale(picture, factor, Image.Resampling.BICUBIC))


def cropped(share: float) -> Change:
    """Without a border of so much of each side."""

    def changed(picture: Image.Image) -> Image.Image:
        left, top = round(picture.width * share), round(picture.height * share)
        return picture.crop((left, top, picture.width - left, picture.height - top))

    return changed


def warmer(picture: Image.Image) -> Image.Image:
    """A tenth more red and less blue."""
    levels = np.asarray(picture) * np.array([1.1, 1, 0.9])
    return Image.fromarray(np.clip(levels, 0, 255).astype(np.uint8))


def hue(degrees: float) -> Change:
    """Every hue turned."""

    def changed(picture: Image.Image) -> Image.Image:
        turned, *others = picture.convert("HSV").split()
        turned = turned.point(lambda value: (value + round(degrees * 256 / 360)) % 256)
        return Image.merge("HSV", (turned, *others)).convert("RGB")

    return changed


COPIES: Mapping[str, Change] = {
    "JPEG, quality 90": jpeg(90),
    "JPEG, quality 50": jpeg(50),
    "JPEG, quality 20": jpeg(20),
    "JPEG, quality 10": jpeg(10),
    "half as wide": scaled(0.5),
    "a quarter as wide": scaled(0.25),
    "twice as wide": scaled(2),
    "cropped by 1 % on each side": cropped(0.01),
    "cropped by 2.5 % on each side": cropped(0.025),
    "brighter by 10 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "brighter by 20 %": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    "contrast lower by 20 %": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    "colours stronger by 40 %": lambda picture: ImageEnhance.Color(picture).enhance(1.4),
    "warmer by 10 %": warmer,
}
# Whether these are copies is a matter of purpose; captions name colours.
BETWEEN: Mapping[str, Change] = {
    "cropped by 5 % on each side": cropped(0.05),
    "in black and white": lambda picture: ImageOps.grayscale(picture).convert("RGB"),
    "all hues turned by 60°": hue(60),
    "all hues turned by 180°": hue(180),
}


@dataclass(frozen=True)
class Half:
    """What is measured of one half: looks at photographs, at their changed copies, at drawings."""

    photographs: Sequence[Look]
    changed: Mapping[str, Sequence[Look]]
    mirrored: Sequence[Look]
    drawings: Mapping[str, Sequence[Look]]


@dataclass(frozen=True)
class Pairs:
    """Bits, difference and shift of pairs, each an array."""

    bits: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    difference: "np.ndarray[tuple[int], np.dtype[np.float64]]"
    shift: "np.ndarray[tuple[int], np.dtype[np.float64]]"

    def near(self, most: float = MOST_DIFFERENCE, shift: float = MOST_SHIFT) -> int:
        """How many count as the same."""
        return int(
            ((self.bits <= MOST_BITS) & (self.difference <= most) & (self.shift <= shift)).sum()
        )

    @property
    def by_hash(self) -> int:
        """How many would, by their hashes alone."""
        return int((self.bits <= MOST_BITS).sum())

    def __len__(self) -> int:
        return len(self.bits)


@dataclass(frozen=True)
class Cost:
    """CPU time of a photograph in milliseconds, decoded and looked at; the size in the middle."""

    decode: float
    look: float
    size: tuple[int, int]


def compare(pairs: Sequence[tuple[Look, Look]]) -> Pairs:
    """Every pair's three numbers; thumbnails of those alone whose hashes are near."""
    found = [
        difference(one, other)
        if (one.hash ^ other.hash).bit_count() <= MOST_BITS
        else (64, np.inf, np.inf)
        for one, other in pairs
    ]
    return Pairs(*np.array(found, np.float64).reshape(-1, 3).T)


def drawings(number: int) -> dict[str, list[Image.Image]]:
    """Plain pictures, a disc, ring, square or stripe of one colour on another, and scenes."""
    rng = np.random.default_rng(number)
    colours = [tuple(int(level) for level in rng.integers(0, 256, 3)) for _ in range(60)]
    two_tone = []
    for ground, colour in zip(colours[::2], colours[1::2], strict=True):
        for shape in ("ellipse", "rectangle"):
            for box in ((48, 36, 96, 84), (12, 12, 48, 48)):
                picture = Image.new("RGB", (144, 120), ground)
                getattr(ImageDraw.Draw(picture), shape)(box, fill=colour)
                two_tone.append(picture)
    scenes = dict.fromkeys(
        random_scene(rng, [*DEFAULT.palette], [*DEFAULT.backgrounds]) for _ in range(SCENES)
    )
    return {
        "plain, in different colours": [Image.new("RGB", (64, 48), each) for each in colours],
        "two-tone, of different colours or shapes": two_tone,
        "different scenes of the demo's world": [render(each, DEFAULT, 32) for each in scenes],
    }


def seen(picture: Image.Image) -> Look:
    """A look at a picture that is in no file; as one that was stored without a loss."""
    picture.save(file := io.BytesIO(), "BMP")
    file.seek(0)
    return look_at(file)


def measure(folder: Path, number: int) -> Half:
    """Looks at everything of one half, 0 or 1, by a digest of the photographs' names."""
    pictures = [
        read_picture(path)
        for path in sorted(folder.iterdir())
        if sha256(path.name.encode()).digest()[0] % 2 == number
    ]
    return Half(
        [seen(each) for each in pictures],
        {
            name: [seen(change(each)) for each in pictures]
            for name, change in {**COPIES, **BETWEEN}.items()
        },
        [seen(ImageOps.mirror(each)) for each in pictures],
        {name: [seen(one) for one in of] for name, of in drawings(number).items()},
    )


def of_copies(half: Half) -> dict[str, Pairs]:
    """Each photograph with its changed copy."""
    return {
        name: compare(list(zip(half.photographs, of, strict=True)))
        for name, of in half.changed.items()
    }


def of_others(half: Half) -> dict[str, Pairs]:
    """Pairs that are not the same picture."""
    return {
        "mirror images": compare(list(zip(half.photographs, half.mirrored, strict=True))),
        "different photographs": compare(list(combinations(half.photographs, 2))),
        **{name: compare(list(combinations(of, 2))) for name, of in half.drawings.items()},
    }


def choose(half: Half) -> str:
    """What each pair of thresholds gives on a half: copies found, false alarms."""
    copies, others = of_copies(half), of_others(half)
    lines = []
    for most in DIFFERENCES:
        for shift in SHIFTS:
            found = sum(copies[name].near(most, shift) for name in COPIES)
            wanted = sum(len(copies[name]) for name in COPIES)
            false = {name: pairs.near(most, shift) for name, pairs in others.items()}
            lines.append(
                f"difference {most}, shift {shift}: {found / wanted:.1%} of the copies; "
                f"false alarms {false}"
            )
    return "\n".join(lines)


def table(half: Half, cost: Cost) -> str:
    """What is found of copies, and what is found wrongly, as Markdown."""
    lines = [
        "| copies of photographs | by the hash alone | found |",
        "|---|---|---|",
    ]
    copies = of_copies(half)
    for names in (COPIES, BETWEEN):
        for name in names:
            of = copies[name]
            lines.append(f"| {name} | {_share(of.by_hash, of)} | **{_share(of.near(), of)}** |")
        if names is COPIES:
            lines.append("| *a copy or not, as one sees it:* | | |")
    lines += ["", "| other pictures (pairs) | by the hash alone | false alarms |", "|---|---|---|"]
    for name, of in of_others(half).items():
        lines.append(f"| {name} ({len(of):,}) | {of.by_hash:,} | **{of.near():,}** |")
    groups = same_pictures(half.photographs)
    lines += [
        "",
        f"{len(half.photographs)} photographs, the half that no threshold was chosen on; "
        f"{len(groups)} of them are there twice. Looking at a photograph takes {cost.look:.1f} ms "
        f"of one core (the median of these is {cost.size[0]} × {cost.size[1]} pixels), of which "
        f"decoding, which the check for broken files needs anyway, takes {cost.decode:.1f} ms.",
    ]
    return "\n".join(lines)


def _share(number: int, of: Pairs) -> str:
    return f"{100 * number / len(of):.1f} %"


def measure_cost(folder: Path) -> Cost:
    """What decoding and looking at the photographs of a folder costs."""
    files = sorted(folder.iterdir())
    look_at(files[0])  # imports
    begin = process_time()
    sizes = sorted((read_picture(file).size for file in files), key=lambda size: size[0] * size[1])
    decoded = process_time()
    for file in files:
        look_at(file)
    looked = process_time()
    each = 1000 / len(files)
    return Cost((decoded - begin) * each, (looked - decoded) * each, sizes[len(sizes) // 2])


def main() -> None:
    """Write the documentation's table, or print what thresholds give."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description=__doc__)
    parser.add_argument("folder", type=Path, help="of photographs, such as Flickr8k's")
    parser.add_argument("--choose", action="store_true", help="print what thresholds give instead")
    parsed = parser.parse_args()
    if parsed.choose:
        print(choose(measure(parsed.folder, 0)))
    else:
        cost = measure_cost(parsed.folder)
        insert_table(PAGE, table(measure(parsed.folder, 1), cost), MARKERS)


if __name__ == "__main__":
    main()
