"""Colours, lines and markers that all figures of a comparison share."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from caption_curation.curation.scores import is_random
from caption_curation.experiments.variants import Variant
from caption_curation.reports.page.labels import method_colour
from caption_curation.reports.page.statistics import Estimate
from caption_curation.reports.page.style import GREY, INK

WIDTH = 6.3  # inches: the text of an A4 page
LONG_LABEL = 38  # characters; of longer ones two columns are wider than a figure
DASHED = (0, (4, 2))
DOTTED = (0, (1, 1.5))
NAN = float("nan")  # matplotlib draws no bar of this height
# Of lines of one colour and style: the first has the first.
_MARKERS = {"dynamic": "o^DvPX", "static": "sh*<>8"}


def colour_of(variant: Variant) -> str:
    """The colour of a variant in every figure."""
    return method_colour(variant.method, variant.score)


def line_style(line: Variant) -> Any:
    """Static schedules are dotted, random controls dashed."""
    if line.schedule == "static":
        return DOTTED
    return DASHED if is_random(line.score) else "solid"


def markers(lines: Iterable[Variant]) -> dict[Variant, str]:
    """A marker for every line, so that no two of one colour and style look the same."""
    alike: Counter[tuple[object, ...]] = Counter()
    found = {}
    for line in lines:
        look = (colour_of(line), line_style(line))
        choices = _MARKERS[str(line.schedule)]
        found[line] = choices[alike[look] % len(choices)]
        alike[look] += 1
    return found


def half_widths(estimates: Iterable[Estimate]) -> list[float]:
    """Bars in percent; an interval that is not known has none."""
    return [
        NAN if estimate.half_width is None else 100 * estimate.half_width for estimate in estimates
    ]


def draw_none(axes: Axes, score: Estimate) -> None:
    """No curation, a line across with its interval."""
    mean, half = 100 * score.mean, 100 * (score.half_width or 0)
    axes.axhspan(mean - half, mean + half, color=GREY, alpha=0.25, linewidth=0)
    axes.axhline(mean, color=INK, linewidth=1, label="no curation")


def common_legend(
    figure: Figure, every: Sequence[Axes], columns: int, more: Sequence[Line2D] = ()
) -> None:
    """One legend for all axes above them, without repetitions; ``more`` is what they lack."""
    found: dict[str, Any] = {}
    for axes in every:
        handles, labels = axes.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    found |= {str(handle.get_label()): handle for handle in more}
    long = max(map(len, found)) > LONG_LABEL
    figure.legend(
        list(found.values()),
        list(found),
        loc="outside upper left",
        ncols=columns,
        fontsize=7 if long else None,
        columnspacing=1.2 if long else None,
    )
