"""What all report pages have in common: the template engine, its style sheet, images as text."""

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from PIL import Image

DRAWN_SIDE = 96  # pixels; images up to this are drawings whose pixels should stay sharp


def template_environment(package: str, filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """The templates of a package, and ``page.css``, which every page includes.

    Text that comes from data is escaped, and a name that was not given is an error.

    Args:
        package: the package that holds the page's ``templates`` folder.
        filters: the page's own, by name.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("caption_curation.pages")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment


def embedded_picture(path: Path, longest_side: int) -> dict[str, Any]:
    """An image for a page that holds all that it shows.

    Args:
        path: the image file.
        longest_side: pixels; larger photographs are made smaller.

    Returns:
        ``uri``: a data URI (PNG of drawings, JPEG of photographs); ``drawn``: whether it is a
        drawing, up to ``DRAWN_SIDE`` pixels wide and high.
    """
    with Image.open(path) as file:
        image = file.convert("RGB")
    drawn = max(image.size) <= DRAWN_SIDE
    image.thumbnail((longest_side, longest_side))
    written = io.BytesIO()
    image.save(written, "PNG" if drawn else "JPEG", quality=85)
    data = base64.b64encode(written.getvalue()).decode()
    return {"uri": f"data:image/{'png' if drawn else 'jpeg'};base64,{data}", "drawn": drawn}
