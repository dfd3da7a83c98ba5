"""Rendering: scenes of the demo world as images."""

from collections.abc import Sequence

from PIL import Image, ImageDraw

from caption_curation.demo_world.scenes import Layout, Scene, Shape, Size, Thing
from caption_curation.demo_world.style import Rgb, Style

Centre = tuple[float, float]  # x, y as fractions of the image's side

SUPERSAMPLING = 4
# The side of an object, as a fraction of the image's side.
SIDES: dict[Size, float] = {"small": 11 / 32, "large": 13 / 32}

# A centre for each object of a layout. No two boxes of half the image's side around the centres of
# one layout overlap, which the scene checker relies on.
CENTRES: dict[Layout, tuple[Centre, ...]] = {
    "one": ((0.5, 0.5),),
    "two": ((0.25, 0.25), (0.75, 0.75)),
    "three": ((0.25, 0.25), (0.75, 0.25), (0.5, 0.75)),
    "beside": ((0.25, 0.5), (0.75, 0.5)),
    "stacked": ((0.5, 0.25), (0.5, 0.75)),
}


def render(scene: Scene, style: Style, image_size: int) -> Image.Image:
    """The scene as an RGB image of ``image_size`` x ``image_size`` pixels, antialiased."""
    return render_things(placed_things(scene), scene.size, scene.background, style, image_size)


def placed_things(scene: Scene) -> list[tuple[Thing, Centre]]:
    """The objects of a scene with their centres."""
    centres = CENTRES[scene.layout]
    things = scene.things if len(scene.things) > 1 else scene.things * len(centres)
    return list(zip(things, centres, strict=True))


def render_things(
    placed: Sequence[tuple[Thing, Centre]],
    size: Size,
    background: str,
    style: Style,
    image_size: int,
) -> Image.Image:
    """Objects at the given centres on a background, as an RGB image."""
    side = image_size * SUPERSAMPLING
    canvas = Image.new("RGB", (side, side), style.backgrounds[background])
    draw = ImageDraw.Draw(canvas)
    for thing, (x, y) in placed:
        _draw_shape(
            draw,
            thing.shape,
            (x * side, y * side),
            SIDES[size] * side / 2,
            colour=style.palette[thing.colour],
            background=style.backgrounds[background],
        )
    return canvas.reduce(SUPERSAMPLING)


def _draw_shape(
    draw: ImageDraw.ImageDraw,
    shape: Shape,
    centre: Centre,
    half: float,
    *,
    colour: Rgb,
    background: Rgb,
) -> None:
    """Draw a shape as wide as the square of side ``2 * half`` around ``centre``."""

    def box(horizontal: float, vertical: float) -> tuple[float, float, float, float]:
        x, y = centre
        # PIL includes the last pixel.
        return (x - horizontal, y - vertical, x + horizontal - 1, y + vertical - 1)

    match shape:
        case "circle":
            draw.ellipse(box(half, half), fill=colour)
        case "ring":
            draw.ellipse(box(half, half), fill=colour)
            draw.ellipse(box(half * 0.5, half * 0.5), fill=background)
        case "triangle":
            left, top, right, bottom = box(half, half)
            draw.polygon([((left + right) / 2, top), (right, bottom), (left, bottom)], fill=colour)
        case "cross":
            draw.rectangle(box(half, half * 0.36), fill=colour)
            draw.rectangle(box(half * 0.36, half), fill=colour)
        case "bar":
            draw.rectangle(box(half, half * 0.4), fill=colour)
