"""How long the captions are that are chosen."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caption_curation.experiments.runs import LengthCounts
from caption_curation.experiments.variants import Variant
from caption_curation.reports.comparison.figures.look import WIDTH, colour_of
from caption_curation.reports.page.style import GREY, MOST_BINS, STYLE

_LABEL_WIDTH = 14  # characters: what fits beside a row


@matplotlib.rc_context(STYLE)
def chosen_lengths(lengths: Mapping[Variant, Mapping[int, LengthCounts]]) -> Figure:
    """Are long captions chosen? Per choice (rows) and epoch (columns).

    Args:
        lengths: variant → epoch → counts over all seeds; an epoch that chose none may be missing.
    """
    epochs = sorted({epoch for of in lengths.values() for epoch in of})
    figure = Figure(figsize=(WIDTH, 1.1 + 1.3 * len(lengths)), layout="constrained")
    grid = figure.subplots(len(lengths), len(epochs), sharex=True, sharey=True, squeeze=False)
    every = [
        length
        for of in lengths.values()
        for counts in of.values()
        for length in (*counts.chosen, *counts.others)
    ]
    step = -(-(max(every) - min(every) + 1) // MOST_BINS)
    bins = np.arange(min(every), max(every) + step + 1, step) - 0.5
    for row, (variant, of) in zip(grid, lengths.items(), strict=True):
        for axes, epoch in zip(row, epochs, strict=True):
            if epoch in of:
                _draw_lengths(axes, of[epoch], bins, colour_of(variant))
            else:
                axes.text(0.5, 0.5, "none chosen", ha="center", transform=axes.transAxes)
        row[0].set_ylabel(fill(variant.choice_label, _LABEL_WIDTH), fontsize=8)
    for axes, epoch in zip(grid[0], epochs, strict=True):
        axes.set_title(f"after epoch {epoch}", pad=3)
    for axes in grid[-1]:
        axes.set_xlabel("caption length (words)")
    figure.supylabel("samples of the group (%)", fontsize=9)
    handles, labels = next(
        found for axes in grid.flat if (found := axes.get_legend_handles_labels())[1]
    )
    figure.legend(handles, labels, loc="outside upper left", ncols=2)
    return figure


def _draw_lengths(axes: Axes, counts: LengthCounts, bins: Any, colour: str) -> None:
    for name, group, style in (
        ("other samples", counts.others, {"color": GREY}),
        ("chosen samples", counts.chosen, {"color": colour, "histtype": "step", "linewidth": 1.4}),
    ):
        lengths = sorted(group)
        total = max(group.total(), 1)
        weights = [100 * group[length] / total for length in lengths]
        axes.hist(lengths, bins, weights=weights, label=name, **style)
