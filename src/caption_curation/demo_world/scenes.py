"""Scenes of the demo world: what an image shows, whatever its colours and its captions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

Shape = Literal["circle", "triangle", "cross", "bar", "ring"]
Size = Literal["small", "large"]
Layout = Literal["one", "two", "three", "beside", "stacked"]

SHAPES: tuple[Shape, ...] = get_args(Shape)
SIZES: tuple[Size, ...] = get_args(Size)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
COUNTS: dict[Layout, int] = {"one": 1, "two": 2, "three": 3, "beside": 2, "stacked": 2}
PAIRS: tuple[Layout, ...] = ("beside", "stacked")


@dataclass(frozen=True, slots=True)
class Thing:
    """A kind of object; its colour is a name in the style's palette."""

    shape: Shape
    colour: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What one image of the world shows.

    ``layout`` one, two, three: that many objects of one kind, ``things[0]``. ``beside``: a pair
    of different objects, ``things[0]`` left of ``things[1]``. ``stacked``: ``things[0]`` above
    ``things[1]``. All objects of a scene have the same size. The dictionary that
    :func:`dataclasses.asdict` makes is the JSON form; :func:`scene_from_json` reads it.
    """

    background: str
    size: Size
    layout: Layout
    things: tuple[Thing, ...]

    @property
    def count(self) -> int:
        """Number of objects, 1 to 3."""
        return COUNTS[self.layout]


def scene_from_json(record: dict[str, Any]) -> Scene:
    """The scene that :func:`dataclasses.asdict` turned into ``record``."""
    return Scene(**{**record, "things": tuple(Thing(**thing) for thing in record["things"])})


def random_scene(
    rng: np.random.Generator, colours: Sequence[str], backgrounds: Sequence[str]
) -> Scene:
    """A scene whose layout, background, size, shapes and colours are sampled uniformly."""
    layout = LAYOUTS[rng.integers(len(LAYOUTS))]
    kinds = [Thing(shape, colour) for shape in SHAPES for colour in colours]
    chosen = rng.choice(len(kinds), size=2 if layout in PAIRS else 1, replace=False)
    return Scene(
        background=backgrounds[int(rng.integers(len(backgrounds)))],
        size=SIZES[rng.integers(len(SIZES))],
        layout=layout,
        things=tuple(kinds[index] for index in chosen),
    )
