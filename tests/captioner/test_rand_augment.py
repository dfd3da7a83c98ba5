"""BLIP's RandAugment, against plain arithmetic on arrays."""

from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from caption_curation.captioner.model.transforms import to_tensor
from caption_curation.captioner.training import rand_augment as random_augmentation
from caption_curation.captioner.training.crops import random_crop_and_flip, random_crop_box
from caption_curation.captioner.training.epoch import TrainingImages
from caption_curation.captioner.training.rand_augment import (
    OPERATIONS,
    apply_operation,
    rand_augment,
)
from caption_curation.config.profile import Augmentation, Autocontrast, RandAugment
from caption_curation.pictures.reading import read_picture
from caption_curation.rng import rng_for
from caption_curation.samples import Sample

WIDTH, HEIGHT = 40, 30
GREY = 128.0
Pixels = npt.NDArray[np.uint8]


@pytest.fixture
def pixels() -> Pixels:
    """Noise: (30, 40, 3), whose channels span different parts of 0 to 255."""
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3))
    spans = np.array([[20, 200], [90, 130], [0, 255]])
    spread: Pixels = (spans[:, 0] + noise * (spans[:, 1] - spans[:, 0]) // 255).astype(np.uint8)
    return spread


def applied(
    pixels: Pixels, name: str, magnitude: float, autocontrast: Autocontrast = "stretch"
) -> Pixels:
    return np.asarray(apply_operation(Image.fromarray(pixels), name, magnitude, autocontrast))


def setting(operations: int, magnitude: int) -> RandAugment:
    return RandAugment(operations=operations, magnitude=magnitude, autocontrast="stretch")


def warped(pixels: Pixels, forward: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What OpenCV's warpAffine defines: bilinear, grey outside, pixel centres at whole numbers.

    ``forward`` (2, 3) takes a place (x, y, 1) of the image to its place in the result.
    """
    backward = np.linalg.inv(np.vstack([forward, [0, 0, 1]]))
    result = np.empty(pixels.shape)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            source_x, source_y, _ = backward @ (x, y, 1)
            left, top = int(np.floor(source_x)), int(np.floor(source_y))
            value = np.zeros(3)
            for row, column in [(0, 0), (0, 1), (1, 0), (1, 1)]:
                inside = 0 <= left + column < WIDTH and 0 <= top + row < HEIGHT
                neighbour = pixels[top + row, left + column] if inside else GREY
                share_x = 1 - abs(source_x - left - column)
                share_y = 1 - abs(source_y - top - row)
                value += share_x * share_y * neighbour
            result[y, x] = value
    return result


def rotation(degrees: float) -> npt.NDArray[np.float64]:
    """OpenCV's getRotationMatrix2D about (width / 2, height / 2)."""
    a, b = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x, y = WIDTH / 2, HEIGHT / 2
    return np.array([[a, b, (1 - a) * x - b * y], [-b, a, b * x + (1 - a) * y]])


@pytest.mark.parametrize(
    ("name", "magnitude", "forward"),
    [
        ("ShearX", 5, np.array([[1, 0.15, 0], [0, 1, 0]])),
        ("ShearX", -10, np.array([[1, -0.3, 0], [0, 1, 0]])),
        ("ShearY", 5, np.array([[1, 0, 0], [0.15, 1, 0]])),
        ("ShearY", -5, np.array([[1, 0, 0], [-0.15, 1, 0]])),
        ("Rotate", 5, rotation(15)),
        ("Rotate", -7, rotation(-21)),
    ],
)
def test_shear_and_rotation_are_affine_and_bilinear(
    pixels: Pixels, name: str, magnitude: int, forward: npt.NDArray[np.float64]
) -> None:
    rounded_off = warped(pixels, forward) - applied(pixels, name, magnitude)
    assert rounded_off.min() > -1e-3
    assert rounded_off.max() < 1 + 1e-6


def test_translation_moves_by_a_pixel_for_each_unit_of_magnitude(pixels: Pixels) -> None:
    # To the left and upwards with a positive sign, and grey where nothing is left.
    left, down = applied(pixels, "TranslateX", 5), applied(pixels, "TranslateY", -3)
    np.testing.assert_array_equal(left[:, :-5], pixels[:, 5:])
    np.testing.assert_array_equal(left[:, -5:], np.full((HEIGHT, 5, 3), 128))
    np.testing.assert_array_equal(down[3:], pixels[:-3])
    np.testing.assert_array_equal(down[:3], np.full((3, WIDTH, 3), 128))


def test_rotation_is_counter_clockwise_with_a_positive_sign() -> None:
    image = np.full((41, 41, 3), 128, np.uint8)
    image[20, 38] = 255  # 17.5 pixels to the right of (20.5, 20.5), and half a pixel above it
    turned = applied(image, "Rotate", 10)[..., 0]
    # By 30 degrees, of which sine and cosine are 0.5 and 0.866
    row, column = np.unravel_index(turned.argmax(), turned.shape)
    assert row == round(20.5 - 17.5 * 0.5 - 0.5 * 0.866)
    assert column == round(20.5 + 17.5 * 0.866 - 0.5 * 0.5)


def test_autocontrast_stretches_every_channel(pixels: Pixels) -> None:
    values = pixels.astype(np.float64)
    low, high = values.min(axis=(0, 1)), values.max(axis=(0, 1))
    expected = (values - low) * 255 / (high - low)
    difference = expected - applied(pixels, "AutoContrast", 5)
    assert difference.min() > -1e-9
    assert difference.max() < 1 + 1e-9


def test_autocontrast_by_hand() -> None:
    channel = np.array([[50, 70, 101]], np.uint8)  # to (value - 50) * 5
    flat = np.full((1, 3), 7, np.uint8)  # has no contrast to stretch
    stretched = applied(np.stack([channel, flat, channel], axis=-1), "AutoContrast", 5)
    assert stretched[0].tolist() == [[0, 7, 0], [100, 7, 100], [255, 7, 255]]


def test_whitening_autocontrast_is_that_of_blips_code(pixels: Pixels) -> None:
    # Its arithmetic on bytes: 50 negated is 206, to which 256 - 50 values are added.
    with_black = pixels.copy()
    with_black[3, 7] = (0, 90, 0)
    flat = np.full_like(pixels, 7)
    for image in (pixels, with_black, flat, np.maximum(pixels, 1), np.minimum(with_black, 80)):
        expected = np.empty_like(image)
        for channel in range(3):
            values = image[..., channel]
            low, high = values.min(), values.max()
            table = np.arange(256.0)
            if high > low:
                scale = 255 / int(high - low)
                negated = np.negative(values.min(keepdims=True))  # of an unsigned byte
                table = np.clip(table * scale + negated.item() * scale, 0, 255)
            expected[..., channel] = table.astype(np.uint8)[values]
        np.testing.assert_array_equal(applied(image, "AutoContrast", 5, "whiten"), expected)
    whitened = applied(with_black, "AutoContrast", 5, "whiten")
    assert [int(whitened[..., channel].min()) for channel in range(3)] == [0, 255, 0]


def test_only_the_chosen_autocontrast_is_applied(pixels: Pixels) -> None:
    image, whiten = (
        Image.fromarray(pixels),
        setting(8, 5).model_copy(update={"autocontrast": "whiten"}),
    )
    differ = 0
    for seed in range(20):
        stretched = rand_augment(image, setting(8, 5), np.random.default_rng(seed))
        whitened = rand_augment(image, whiten, np.random.default_rng(seed))
        differ += stretched.tobytes() != whitened.tobytes()
    assert 0 < differ < 20  # those of the twenty that have AutoContrast among their eight


def test_equalize_makes_grey_levels_equally_frequent(pixels: Pixels) -> None:
    equalized = applied(pixels, "Equalize", 5)
    for channel in range(3):
        values = pixels[..., channel]
        # A level goes to 255 times the share of pixels below it; the step is a whole number of
        # pixels, here 4 of 1200, and its half is added.
        step = (values.size - np.count_nonzero(values == values.max())) // 255
        below = np.array([np.count_nonzero(values < level) for level in range(256)])
        expected = np.minimum((step // 2 + below) // step, 255)
        np.testing.assert_array_equal(equalized[..., channel], expected[values])


@pytest.mark.parametrize(("magnitude", "factor"), [(0, 0.1), (2, 0.46), (5, 1.0), (-9, 1.72)])
def test_brightness_multiplies(pixels: Pixels, magnitude: int, factor: float) -> None:
    difference = np.clip(pixels * factor, 0, 255) - applied(pixels, "Brightness", magnitude)
    assert difference.min() > -1e-3
    assert difference.max() < 1 + 1e-6


@pytest.mark.parametrize(("magnitude", "factor"), [(0, 0.1), (5, 1.0), (10, 1.9)])
def test_sharpness_leaves_the_smoothed_image(pixels: Pixels, magnitude: int, factor: float) -> None:
    values = pixels.astype(np.float64)
    around = sum(
        values[1 + dy : HEIGHT - 1 + dy, 1 + dx : WIDTH - 1 + dx]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    )
    inner = values[1:-1, 1:-1]
    smooth = np.floor((around + 4 * inner) / 13 + 0.5)  # weight 5 in the middle, 1 around it
    expected = values.copy()  # the outermost pixels stay as they are
    expected[1:-1, 1:-1] = np.clip(smooth + factor * (inner - smooth), 0, 255)
    difference = expected - applied(pixels, "Sharpness", magnitude)
    assert difference.min() > -1e-3
    assert difference.max() < 1 + 1e-6


def test_blips_published_strength_does_not_change_brightness_and_sharpness(pixels: Pixels) -> None:
    for name in ("Identity", "Brightness", "Sharpness"):
        np.testing.assert_array_equal(applied(pixels, name, 5), pixels)


def test_operations_are_picked_evenly_and_half_of_them_applied(
    pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: Counter[tuple[str, float]] = Counter()

    def record(
        image: Image.Image, name: str, magnitude: float, _autocontrast: Autocontrast
    ) -> Image.Image:
        applied[name, magnitude] += 1
        return image

    monkeypatch.setattr(random_augmentation, "apply_operation", record)
    image, rng = Image.fromarray(pixels), np.random.default_rng(1)
    for _ in range(10_000):
        rand_augment(image, setting(2, 5), rng)
    # 20,000 picks, half of them applied, over ten operations with two signs: 500 each, with
    # a standard deviation of 22.
    assert set(applied) == {(name, sign * 5) for name in OPERATIONS for sign in (1, -1)}
    assert len(OPERATIONS) == 10
    assert all(390 < times < 610 for times in applied.values())
    assert 9_700 < applied.total() < 10_300  # standard deviation 71


def test_operations_follow_one_another(pixels: Pixels) -> None:
    image = Image.fromarray(pixels)
    for seed in range(20):
        once = rand_augment(image, setting(8, 10), np.random.default_rng(seed))
        again = rand_augment(image, setting(8, 10), np.random.default_rng(seed))
        np.testing.assert_array_equal(np.asarray(once), np.asarray(again))
        assert (once.mode, once.size) == ("RGB", (WIDTH, HEIGHT))
    nothing = rand_augment(image, setting(8, 0), np.random.default_rng(2))
    assert not np.array_equal(np.asarray(nothing), pixels)  # 0 is dark, stretched or equalized


def test_a_crop_shows_nothing_of_what_is_around_it(pixels: Pixels) -> None:
    cropping = Augmentation(smallest_crop=0.5, horizontal_flip=False, rand_augment=None)
    for seed in range(10):
        left, top, right, bottom = random_crop_box(
            WIDTH, HEIGHT, cropping.smallest_crop, np.random.default_rng(seed)
        )
        cut = Image.fromarray(pixels[top:bottom, left:right])
        seen = random_crop_and_flip(
            Image.fromarray(pixels), 32, cropping, np.random.default_rng(seed)
        )
        expected = cut.resize((32, 32), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(np.asarray(seen), np.asarray(expected))


def test_crops_are_spread_as_torchvisions_are() -> None:
    rng = np.random.default_rng(0)
    width, height, smallest = 1000, 1000, 0.5
    boxes = np.array([random_crop_box(width, height, smallest, rng) for _ in range(4000)])
    left, top, right, bottom = boxes.T
    wide, high = right - left, bottom - top
    area, ratio = wide * high / (width * height), np.log(wide / high)
    assert left.min() >= 0 and top.min() >= 0 and right.max() <= width and bottom.max() <= height
    assert smallest - 0.001 < area.min() < 0.51
    assert np.exp([ratio.min(), ratio.max()]) == pytest.approx([3 / 4, 4 / 3], abs=0.02)
    # What fits is kept: of an area a of the square, the shapes that are at most 1 / a oblong. Its
    # mean by numerical integration; the standard deviation of a mean of 4000 is 0.002.
    areas = np.linspace(smallest, 1, 10_001)
    fitting = np.minimum(np.log(1 / areas), np.log(4 / 3))
    assert area.mean() == pytest.approx(np.average(areas, weights=fitting), abs=0.01)
    assert ratio.mean() == pytest.approx(0, abs=0.01)
    free = (wide < width - 50) & (high < height - 50)
    assert (left[free] / (width - wide)[free]).mean() == pytest.approx(0.5, abs=0.03)
    assert (top[free] / (height - high)[free]).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [(1000, 30, (480, 0, 520, 30)), (30, 1000, (0, 480, 30, 520))],
)
def test_of_a_narrow_image_the_middle_is_cropped(
    width: int, height: int, box: tuple[int, int, int, int]
) -> None:
    assert random_crop_box(width, height, 0.5, np.random.default_rng(0)) == box


def test_training_images_are_cropped_flipped_and_then_augmented(
    pixels: Pixels, tmp_path: Path
) -> None:
    Image.fromarray(pixels).save(tmp_path / "image.png")
    sample = Sample("image#0", "image", "image.png", "a caption")
    plain = Augmentation(smallest_crop=0.5, horizontal_flip=True, rand_augment=None)
    rand = setting(2, 5)
    changed = 0
    for epoch in range(1, 11):

        def trained_on(augmentation: Augmentation, epoch: int = epoch) -> npt.NDArray[np.float32]:
            files = {"image#0": tmp_path / "image.png"}
            images = TrainingImages(
                [sample], files, 32, to_tensor, augmentation, seed=3, epoch=epoch
            )
            return np.asarray(images[0])

        rng = rng_for(3, epoch, "augmentation", "image#0")
        cropped = random_crop_and_flip(read_picture(tmp_path / "image.png"), 32, plain, rng)
        # Without RandAugment no more random numbers are used; with it, crop and flip stay the same.
        np.testing.assert_array_equal(trained_on(plain), to_tensor(cropped))
        augmented = trained_on(plain.model_copy(update={"rand_augment": rand}))
        np.testing.assert_array_equal(augmented, to_tensor(rand_augment(cropped, rand, rng)))
        changed += not np.array_equal(augmented, trained_on(plain))
    assert changed
