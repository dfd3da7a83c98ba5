"""What all report pages have in common: template engine, style sheet, images as text, files."""

import base64
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from caption_curation.pictures.low_resolution import is_low_resolution
from caption_curation.pictures.reading import read_picture
from caption_curation.support.errors import InputError
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


@dataclass(frozen=True)
class SmallPicture:
    """An image as a page shows it.

    Attributes:
        data: of a PNG of a drawing, or a JPEG of a photograph.
        kind: the MIME type.
        drawn: whether it is a drawing, whose pixels are to be seen.
    """

    data: bytes
    kind: str
    drawn: bool


def small_picture(path: Path, longest_side: int) -> SmallPicture:
    """An image in a form that every browser shows, whatever that of its file is.

    Args:
        path: the image file.
        longest_side: pixels; larger photographs are made smaller.
    """
    image = read_picture(path)
    drawn = is_low_resolution(image.size)
    image.thumbnail((longest_side, longest_side))
    written = io.BytesIO()
    image.save(written, "PNG" if drawn else "JPEG", quality=85)
    return SmallPicture(written.getvalue(), f"image/{'png' if drawn else 'jpeg'}", drawn)


def embedded_picture(path: Path, longest_side: int) -> dict[str, Any]:
    """An image for a page that holds all that it shows.

    Args:
        path: the image file.
        longest_side: pixels; larger photographs are made smaller.

    Returns:
        ``uri``: a data URI (PNG of drawings, JPEG of photographs); ``drawn``: whether it is a
        drawing.
    """
    picture = small_picture(path, longest_side)
    data = base64.b64encode(picture.data).decode()
    return {"uri": f"data:{picture.kind};base64,{data}", "drawn": picture.drawn}


def check_page_folder(folder: Path, marks: Collection[str], what: str) -> None:
    """Refuse what is something else: :func:`write_page_folder` would replace it.

    Args:
        folder: that a page is to be written to.
        marks: names of files that tell a folder of such pages.
        what: such pages are, in a word or two.

    Raises:
        InputError: naming the file or folder.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--out: {folder} is a file; name a folder")
    files = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if files and not set(marks) <= files:
        raise InputError(
            f"--out: {folder} exists and is no {what}; it would be replaced, name another"
        )


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
