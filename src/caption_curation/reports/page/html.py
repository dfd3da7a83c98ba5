"""What all report pages have in common: template engine, style sheet, images as text, files."""

import base64
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from caption_curation.pictures.low_resolution import is_low_resolution
from caption_curation.pictures.reading import read_picture
from caption_curation.support.outputs import atomic_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COMMON = "caption_curation.reports.page"  # the package whose templates all pages share
DOTS_PER_INCH = 200  # of figures as PNG


def template_environment(package: str, filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """The templates of a package, and ``page.css``, which every page includes.

    Text that comes from data is escaped, and a name that was not given is an error.

    Args:
        package: the package that holds the page's ``templates`` folder.
        filters: the page's own, by name.
    """
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader(package), PackageLoader("caption_curation.reports.page")]
        ),
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
        drawing.
    """
    image = read_picture(path)
    drawn = is_low_resolution(image.size)
    image.thumbnail((longest_side, longest_side))
    written = io.BytesIO()
    image.save(written, "PNG" if drawn else "JPEG", quality=85)
    data = base64.b64encode(written.getvalue()).decode()
    return {"uri": f"data:image/{'png' if drawn else 'jpeg'};base64,{data}", "drawn": drawn}


def write_page_folder(
    folder: Path, texts: Mapping[str, str], figures: "Mapping[str, Figure]"
) -> None:
    """Write a page and what goes with it; what stood in the folder stays until all is written.

    Args:
        folder: to be made or replaced.
        texts: the content of the page, of tables and of SVG figures, by file name.
        figures: to be saved as NAME.png, by name.
    """
    with atomic_folder(folder) as partial:
        for name, text in texts.items():
            (partial / name).write_text(text, encoding="utf-8")
        for name, figure in figures.items():
            figure.savefig(partial / f"{name}.png", dpi=DOTS_PER_INCH, metadata={"Software": None})
