"""How long the captions of several corpora or splits are, as the paper's figure 6."""

from collections import Counter
from collections.abc import Mapping

import matplotlib
from matplotlib.figure import Figure

from caption_curation.reports.page.style import GREY, INK, STYLE

_TWO_COLUMNS = 6  # inches that two entries of the legend need
_LINES = ("solid", (0, (4, 2)), (0, (1, 1.5)), "dashdot")


@matplotlib.rc_context(STYLE)
def caption_lengths(lengths: Mapping[str, Counter[int]], width: float) -> Figure:
    """A line for each, of the percentage of its captions that have so many words.

    Args:
        lengths: title → number of words → captions.
        width: of the figure, in inches.
    """
    figure = Figure(figsize=(width, 2.6), layout="constrained")
    axes = figure.subplots()
    longest = max(max(counts) for counts in lengths.values())
    shortest = min(min(counts) for counts in lengths.values())
    words = range(shortest, longest + 1)
    for position, (title, counts) in enumerate(lengths.items()):
        axes.plot(
            words,
            [100 * counts[length] / counts.total() for length in words],
            drawstyle="steps-mid",
            linewidth=1.4,
            linestyle=_LINES[position % len(_LINES)],
            color=(INK, GREY)[position % 2],
            label=f"{title} ({counts.total():,} captions)",
        )
    axes.set_ylim(bottom=0)
    axes.set(xlabel="caption length (words)", ylabel="captions (%)")
    figure.legend(loc="outside upper left", ncols=2 if width > _TWO_COLUMNS else 1)
    return figure
