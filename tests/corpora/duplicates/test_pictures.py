"""Copies are found, and pictures that only hash alike are not taken for copies."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageEnhance, ImageOps

from caption_curation.corpora.duplicates.look import Look
from caption_curation.corpora.duplicates.looks import look_at
from caption_curation.corpora.duplicates.pictures import (
    MOST_BITS,
    MOST_DIFFERENCE,
    MOST_SHIFT,
    near_pairs,
    same_pictures,
)
from caption_curation.corpora.pictures import look_at_files
from caption_curation.support.errors import InputError

Change = Callable[[Image.Image], Image.Image]


def photograph(seed: int, size: tuple[int, int] = (120, 90)) -> Image.Image:
    """Blurred noise in colours: most of its energy is in low frequencies, as in photographs."""
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def seen(picture: Image.Image, tmp_path: Path, name: str = "one.png") -> Look:
    picture.save(tmp_path / name)
    return look_at(tmp_path / name)


def joined(pictures: list[Image.Image], tmp_path: Path) -> list[tuple[int, ...]]:
    looks = [seen(picture, tmp_path, f"{at}.png") for at, picture in enumerate(pictures)]
    return [group.members for group in same_pictures(looks)]


def as_jpeg(quality: int) -> Change:
    def changed(picture: Image.Image) -> Image.Image:
        picture.save(file := io.BytesIO(), "JPEG", quality=quality)
        with Image.open(file) as again:
            return again.convert("RGB")

    return changed


def cropped(share: float) -> Change:
    return lambda picture: ImageOps.crop(picture, round(share * picture.height))


COPIES: dict[str, Change] = {
    "quality 90": as_jpeg(90),
    "quality 30": as_jpeg(30),
    "half as wide": lambda picture: picture.resize((60, 45), Image.Resampling.BICUBIC),
    "three times as wide": lambda picture: picture.resize((360, 270), Image.Resampling.BICUBIC),
    "cropped by 1 %": cropped(0.01),
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.1),
    "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    "more colour": lambda picture: ImageEnhance.Color(picture).enhance(1.2),
}
OTHERS: dict[str, Change] = {
    "mirrored": ImageOps.mirror,
    "half of it": cropped(0.25),
    "red for blue": lambda picture: Image.merge("RGB", picture.split()[::-1]),
    "negative": ImageOps.invert,
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_copies_are_found_among_other_pictures(change: Change, tmp_path: Path) -> None:
    pictures = [photograph(seed) for seed in range(12)]
    assert joined(pictures, tmp_path) == []
    assert joined([*pictures, change(pictures[3])], tmp_path) == [(3, 12)]


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_what_is_no_copy(change: Change, tmp_path: Path) -> None:
    picture = photograph(0)
    assert joined([picture, change(picture)], tmp_path) == []


def disc(ground: str, colour: str) -> Image.Image:
    picture = Image.new("RGB", (64, 64), ground)
    ImageDraw.Draw(picture).ellipse((16, 16, 48, 48), fill=colour)
    return picture


def test_colours_decide_where_hashes_are_equal(tmp_path: Path) -> None:
    discs = [disc("white", colour) for colour in ("#aa0000", "#008000", "#2020ff")]
    plain = [Image.new("RGB", (64, 48), colour) for colour in ("black", "#101010", "red", "navy")]
    looks = [seen(picture, tmp_path) for picture in discs]
    assert len({look.hash for look in looks}) == 1
    assert joined([*discs, *plain], tmp_path) == []
    # A plain picture that was encoded again is the same; a hash of it is that of rounding errors.
    almost = Image.new("RGB", (64, 48), "#ff0100")
    almost.putpixel((3, 3), (250, 10, 9))
    assert joined([*plain, almost], tmp_path) == [(2, 4)]


def test_groups_pass_sameness_on_and_tell_how_near(tmp_path: Path) -> None:
    first, other = photograph(1), photograph(2)
    shapes = [other, as_jpeg(60)(first), first, other, cropped(0.01)(first)]
    looks = [seen(picture, tmp_path) for picture in shapes]
    near, equal = sorted(same_pictures(looks), key=lambda group: -group.difference)
    assert (equal.members, equal.difference) == ((0, 3), 0)
    assert near.members == (1, 2, 4)
    assert 0 < near.difference <= MOST_DIFFERENCE


def test_all_pairs_are_those_of_comparing_every_one_with_every_other() -> None:
    """The bands of the hash and the order by brightness leave out nothing."""
    rng = np.random.default_rng(0)
    looks = []
    for number in range(400):
        # Families of 20: thumbnails and hashes around a common one, some as far as they may be.
        family = np.random.default_rng(number // 20)
        base = family.integers(30, 226, (16, 16, 3)) * family.choice([0.05, 1.0])
        noise = rng.normal(0, rng.choice([0.3, 2, 12]), base.shape) + rng.normal(0, 4)
        flips = sum(1 << int(bit) for bit in rng.choice(64, rng.integers(0, 9), replace=False))
        looks.append(
            Look(
                "PNG", 16, 16, number.to_bytes(2, "big"), int(family.integers(2**63)) ^ flips,
                np.clip(base + noise, 0, 255).astype(np.uint8).tobytes(),
            )
        )  # fmt: skip
    cells = np.array([np.frombuffer(look.thumbnail, np.uint8) for look in looks], np.float64)
    cells = cells.reshape(400, 256, 3)
    expected = set()
    for one in range(400):
        for other in range(one + 1, 400):
            first, second = cells[one], cells[other]
            means = first.mean(axis=0), second.mean(axis=0)
            weak, strong = sorted((first - means[0], second - means[1]), key=np.std)
            plain = [np.sqrt((each**2).mean()) for each in (weak, strong)]
            scale = max(plain[1], 6)
            gain = np.clip((weak * strong).mean() / max(plain[0], 1e-9) ** 2, 1, 1.5)
            hashes = [
                0 if np.sqrt(((cells[at] - cells[at].mean(axis=0)) ** 2).mean()) < 3
                else looks[at].hash
                for at in (one, other)
            ]  # fmt: skip
            near = (
                (hashes[0] ^ hashes[1]).bit_count() <= MOST_BITS
                and np.sqrt(((gain * weak - strong) ** 2).mean()) / scale <= MOST_DIFFERENCE
                and np.sqrt(((means[0] - means[1]) ** 2).mean()) / scale <= MOST_SHIFT
            )
            if near:
                expected.add((one, other))
    assert 200 < len(expected) < 3800
    pairs, differences = near_pairs(looks)
    assert len(pairs) == len(expected)  # each once
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert differences.max() > MOST_DIFFERENCE / 2


def test_a_look_is_at_the_picture_as_a_viewer_shows_it(tmp_path: Path) -> None:
    upright = photograph(5)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    turned = look_at(tmp_path / "turned.png")
    assert turned == seen(upright, tmp_path)
    assert (turned.format, turned.width, turned.height) == ("PNG", 120, 90)
    with (tmp_path / "turned.png").open("rb") as file:
        assert look_at(file) == turned


def test_what_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    photograph(0).save(tmp_path / "good.png")
    (tmp_path / "bad.jpg").write_bytes(b"nothing")
    looks, faults = look_at_files(["good.png", "bad.jpg", "none.png"], tmp_path)
    assert set(looks) == {"good.png"}
    assert faults == {
        "bad.jpg": "not a picture of a known format, or a damaged one",
        "none.png": "missing",
    }
    with pytest.raises(InputError, match=r"bad\.jpg"):
        look_at(tmp_path / "bad.jpg")
