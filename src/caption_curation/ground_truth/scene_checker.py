"""Which scene of the demo world an image shows, found by comparison with all possible scenes."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from caption_curation.demo_world.rendering import CENTRES, Centre, placed_things, render_things
from caption_curation.demo_world.scenes import (
    LAYOUTS,
    PAIRS,
    SHAPES,
    SIZES,
    Layout,
    Scene,
    Thing,
)
from caption_curation.demo_world.style import Style

SIDE = 32  # pixels; images are compared at this size, others are scaled to it
BOX = SIDE // 2  # side of the box around an object's centre
STRIDE = 2  # pixels between the places where an additional object is looked for

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Facts:
    """Which facts of a described scene are right in an image.

    ``count`` is also wrong if an object is missing or an additional one is there. ``relation`` is
    right if the objects of a pair are in the described places, and always if the described scene
    has no pair. The size is left out: captions state it, but it is a matter of one or two pixels.
    """

    background: bool
    count: bool
    colours: bool
    shapes: bool
    relation: bool

    @property
    def all_right(self) -> bool:
        """Whether the image shows the described scene, apart from the size."""
        return all(astuple(self))


class SceneChecker:
    """Recognises scenes of one style in images, even if they are blurred or noisy.

    The image and the renderings that it is compared with are blurred alike, which makes the
    comparison forgiving. The squared distance to a rendering is a sum over the background and over
    boxes around the objects, which do not overlap; so the nearest of all scenes is found exactly
    from the distances to single objects.
    """

    def __init__(self, style: Style) -> None:
        self._backgrounds = list(style.backgrounds)
        self._kinds = [Thing(shape, colour) for shape in SHAPES for colour in style.palette]
        # (backgrounds, 32, 32, 3)
        self._empty = np.array(
            [_prepare(render_things([], "small", name, style, SIDE)) for name in self._backgrounds]
        )
        # (backgrounds, sizes, kinds, features of a box): what an object adds to the background.
        # All centres lie on whole pixels, so an object looks the same at each of them.
        middle = (0.5, 0.5)
        self._objects = np.array(
            [
                [
                    [
                        _box(
                            _prepare(render_things([(kind, middle)], size, name, style, SIDE))
                            - empty,
                            middle,
                        ).reshape(-1)
                        for kind in self._kinds
                    ]
                    for size in SIZES
                ]
                for name, empty in zip(self._backgrounds, self._empty, strict=True)
            ]
        )
        self._energies = (self._objects**2).sum(axis=-1)

    def check(self, image: Image.Image | NDArray[np.uint8], described: Scene) -> Facts:
        """Which facts of ``described`` the image (PIL, or H x W x 3 in 0 to 255) shows."""
        pixels = _prepare(image)
        shown = self._nearest(pixels)
        return compare(shown, described, only_that=self._shows_only(pixels, shown))

    def recognise(self, image: Image.Image | NDArray[np.uint8]) -> Scene:
        """The scene whose rendering is nearest to the image."""
        return self._nearest(_prepare(image))

    def _nearest(self, pixels: Array) -> Scene:
        rests = pixels - self._empty
        changes = {
            centre: np.stack(
                [
                    self._change(_box(rest, centre), background)
                    for background, rest in enumerate(rests)
                ]
            )
            for centre in {centre for centres in CENTRES.values() for centre in centres}
        }
        distances = (rests**2).sum(axis=(1, 2, 3))
        candidates = (self._nearest_of_layout(layout, distances, changes) for layout in LAYOUTS)
        return min(candidates, key=lambda candidate: candidate[0])[1]

    def _nearest_of_layout(
        self, layout: Layout, rests: Array, changes: dict[Centre, Array]
    ) -> tuple[float, Scene]:
        """The squared distance to the nearest scene of one layout, and that scene."""
        parts = [changes[centre] for centre in CENTRES[layout]]
        if layout in PAIRS:
            first, second = parts
            distances = rests[:, None, None, None] + first[..., :, None] + second[..., None, :]
            same = np.arange(len(self._kinds))
            distances[..., same, same] = np.inf  # that would be no pair, but two of a kind
        else:
            distances = rests[:, None, None] + np.sum(parts, axis=0)
        background, size, *kinds = np.unravel_index(distances.argmin(), distances.shape)
        scene = Scene(
            background=self._backgrounds[background],
            size=SIZES[size],
            layout=layout,
            things=tuple(self._kinds[kind] for kind in kinds),
        )
        return float(distances.min()), scene

    def _change(self, boxes: Array, background: int) -> Array:
        """How objects change the squared distance to an empty background; (…, sizes, kinds).

        Negative values mean that the box is nearer to the object than to an empty background.

        Args:
            boxes: (…, 16, 16, 3), image minus background.
        """
        flat = boxes.reshape(*boxes.shape[:-3], -1)
        overlap = np.tensordot(flat, self._objects[background], axes=(-1, -1))
        return np.asarray(self._energies[background] - 2 * overlap)

    def _shows_only(self, pixels: Array, scene: Scene) -> bool:
        """Whether every object of the nearest ``scene`` is in the image, and no other.

        An object is there if its box is nearer to it than to the empty background; another one is
        there if what the scene leaves unexplained is nearer to an object than to nothing anywhere.
        """
        placed = placed_things(scene)
        outside = np.ones((SIDE, SIDE), dtype=bool)
        for _, centre in placed:
            _box(outside, centre)[...] = False
        rest = pixels - np.median(pixels[outside], axis=0)
        background, size = self._backgrounds.index(scene.background), SIZES.index(scene.size)
        for thing, centre in placed:
            kind = self._kinds.index(thing)
            box = _box(rest, centre)
            if self._change(box, background)[size, kind] >= 0:
                return False
            box -= self._objects[background, size, kind].reshape(box.shape)
        windows = np.lib.stride_tricks.sliding_window_view(rest, (BOX, BOX), axis=(0, 1))
        places = windows[::STRIDE, ::STRIDE].transpose(0, 1, 3, 4, 2)
        return not (self._change(places, background) < 0).any()


def compare(shown: Scene, described: Scene, *, only_that: bool) -> Facts:
    """Which facts of the scene ``described`` are right in ``shown``.

    Args:
        shown: the scene nearest to an image.
        described: the scene that the image should show.
        only_that: whether the image has all objects of ``shown`` and no others; otherwise the
            count is wrong.
    """
    return Facts(
        background=shown.background == described.background,
        count=only_that and shown.count == described.count,
        colours={thing.colour for thing in shown.things}
        == {thing.colour for thing in described.things},
        shapes={thing.shape for thing in shown.things}
        == {thing.shape for thing in described.things},
        relation=described.layout not in PAIRS
        or (
            shown.layout == described.layout and _in_described_order(shown.things, described.things)
        ),
    )


def _in_described_order(shown: Sequence[Thing], described: Sequence[Thing]) -> bool:
    """Whether a pair's objects resemble the described ones more as they are than swapped."""

    def agreement(things: Sequence[Thing]) -> int:
        return sum(
            (thing.shape == other.shape) + (thing.colour == other.colour)
            for thing, other in zip(things, described, strict=True)
        )

    return agreement(shown) > agreement(shown[::-1])


def _prepare(image: Image.Image | NDArray[np.uint8]) -> Array:
    """The image as (32, 32, 3) in 0 to 1, blurred."""
    rgb = (image if isinstance(image, Image.Image) else Image.fromarray(image)).convert("RGB")
    if rgb.size != (SIDE, SIDE):
        rgb = rgb.resize((SIDE, SIDE), Image.Resampling.BOX)
    pixels: Array = np.asarray(rgb, dtype=np.float32) / 255
    for axis in (0, 1):
        pixels = _blur(pixels, axis)
    return pixels


def _blur(pixels: Array, axis: int) -> Array:
    """Binomial blur (1, 2, 1)/4 along an axis, with the edge pixels repeated."""
    padding = [(1, 1) if index == axis else (0, 0) for index in range(pixels.ndim)]
    padded = np.pad(pixels, padding, mode="edge")
    before, middle, after = (
        np.take(padded, np.arange(pixels.shape[axis]) + shift, axis) for shift in range(3)
    )
    return (before + 2 * middle + after) / 4


def _box(pixels: NDArray[Any], centre: Centre) -> NDArray[Any]:
    """The pixels around a centre, as a (16, 16, …) view."""
    left, top = (round(place * SIDE) - BOX // 2 for place in centre)
    return pixels[top : top + BOX, left : left + BOX]
