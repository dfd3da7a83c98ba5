"""How figures look, and how they get into a page.

What is not a method is in ``INK`` or a grey; colours of methods are in :mod:`~.labels`.
"""

import hashlib
import html
import io
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure

INK = "#000000"
GREY = "#999999"

WIDTH = 4.6  # inches: a column of text on paper, and still readable on a telephone
MOST_BINS = 40

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
}


def to_svg(figure: Figure, description: str) -> str:
    """The figure as an ``<svg>`` element for a page, the same bytes every time.

    Text stays text; what is drawn in ``INK`` takes the colour of the page's text, so that the
    figure is as readable on a dark page. The background is transparent.

    Args:
        figure: any figure in this style.
        description: plain words for who cannot see it; no two figures of a page share them.
    """
    written = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(
            written,
            format="svg",
            transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    svg = written.getvalue()
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg[svg.index("<svg") :])  # nothing refers to these
    svg = _rename_ids(svg, "f" + hashlib.sha256(description.encode()).hexdigest()[:10])
    svg = svg.replace(INK, "currentColor")
    return svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(description)}"', 1)


def _rename_ids(svg: str, prefix: str) -> str:
    """The same figure with its ids numbered after a prefix, as an id may occur once in a page.

    Matplotlib's own are hashes of exact coordinates, whose last bits differ from run to run: the
    solver of its constrained layout adds in the order of addresses in memory.
    """
    new: dict[str, str] = {}

    def renamed(match: re.Match[str]) -> str:
        return match[1] + new.setdefault(match[2], f"{prefix}-{len(new)}")

    return re.sub(r'(\bid="|url\(#|href="#)([^")]+)', renamed, svg)
