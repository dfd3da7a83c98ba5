"""How the losses of training samples move, and whether the same samples stay hard."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caption_curation.experiments.variants import Variant
from caption_curation.reports.comparison.figures.look import (
    DASHED,
    DOTTED,
    WIDTH,
    colour_of,
    common_legend,
    half_widths,
)
from caption_curation.reports.comparison.tables import NONE
from caption_curation.reports.page.statistics import Estimate
from caption_curation.reports.page.style import GREY, STYLE

# Variant → epoch → middle of a bin → fraction of the samples.
Distributions = Mapping[Variant, Mapping[int, Mapping[float, float]]]
_PAIRING_LINES: dict[str, Any] = {"random_easier": DASHED, "easiest": DOTTED}
_MOST_STEPS = 60  # of a distribution
_SHOWN = 0.999  # of the samples; the few beyond would make the others a narrow peak


@matplotlib.rc_context(STYLE)
def loss_distributions(by_unit: Mapping[str, Distributions]) -> Figure:
    """The losses of the training samples: a row an epoch, a column a unit.

    Args:
        by_unit: unit of the losses → their distributions, means over seeds. The paper's figures 2
            and 8 are of this form; they do not say which loss they show.
    """
    variants = [of for distributions in by_unit.values() for of in distributions.values()]
    epochs = sorted({epoch for of in variants for epoch in of})
    figure = Figure(figsize=(WIDTH, 0.9 + 1.25 * len(epochs)), layout="constrained")
    grid = figure.subplots(len(epochs), len(by_unit), sharex="col", squeeze=False)
    for column, (unit, distributions) in zip(grid.T, by_unit.items(), strict=True):
        end, step = _extent(distributions)
        for axes, epoch in zip(column, epochs, strict=True):
            for variant, of in distributions.items():
                _draw_distribution(axes, variant, of.get(epoch, {}), step)
            axes.set_xlim(0, end)
            axes.set_ylim(bottom=0)
            axes.set_title(f"epoch {epoch}", loc="right", pad=2)
        column[-1].set_xlabel(f"loss ({unit})")
    for axes in grid[:, 0]:
        axes.set_ylabel("samples (%)")
    common_legend(figure, list(grid.flat), 2)
    return figure


def _extent(distributions: Distributions) -> tuple[float, float]:
    """Where the axis ends, and how wide its steps are: a multiple of the bins' width."""
    ends: list[float] = []
    middles: set[float] = set()
    for of in distributions.values():
        for bins in of.values():
            middles |= bins.keys()
            total = 0.0
            for middle in sorted(bins):
                total += bins[middle]
                if total >= _SHOWN:
                    break
            ends.append(middle)
    width = 2 * min(middles)  # the first bin begins at 0
    steps = round(max(ends) / width + 0.5)
    return steps * width, -(-steps // _MOST_STEPS) * width


def _draw_distribution(
    axes: Axes, variant: Variant, bins: Mapping[float, float], step: float
) -> None:
    joined: dict[int, float] = {}
    for middle, fraction in bins.items():
        index = int(middle / step)
        joined[index] = joined.get(index, 0.0) + fraction
    indices = range(max(joined, default=-1) + 1)
    axes.plot(
        [(index + 0.5) * step for index in indices],
        [100 * joined.get(index, 0.0) for index in indices],
        drawstyle="steps-mid",
        color=colour_of(variant),
        linewidth=2 if variant == NONE else 1.2,
        linestyle=_PAIRING_LINES.get(str(variant.pair_with), "solid"),
        label=variant.label,
    )


@matplotlib.rc_context(STYLE)
def hard_samples(
    overlaps: Mapping[tuple[int, int], Mapping[Variant, Mapping[float, Estimate]]],
) -> Figure:
    """Whether the same samples stay hard: a panel a pair of epochs.

    Args:
        overlaps: (epoch, later epoch) → variant → fraction of the samples that counts as hard →
            part of the hard ones of both epochs, a mean over seeds.
    """
    figure = Figure(figsize=(WIDTH, 3.1), layout="constrained")
    panels = figure.subplots(1, len(overlaps), sharey=True, squeeze=False)[0]
    fractions = sorted(
        {fraction for of in overlaps.values() for lines in of.values() for fraction in lines}
    )
    percent = [100 * fraction for fraction in fractions]
    variants: Sequence[Variant] = list(dict.fromkeys(v for of in overlaps.values() for v in of))
    marker_of = dict(zip(variants, "os^DvPX*<>", strict=False))
    for axes, ((epoch, later), of) in zip(panels, overlaps.items(), strict=True):
        axes.plot(percent, percent, color=GREY, linestyle=DASHED, label="unrelated choices")
        for variant, by_fraction in of.items():
            known = sorted(by_fraction)
            axes.errorbar(
                [100 * fraction for fraction in known],
                [100 * by_fraction[fraction].mean for fraction in known],
                yerr=half_widths(by_fraction[fraction] for fraction in known),
                color=colour_of(variant),
                marker=marker_of[variant],
                markersize=4,
                linewidth=1.2,
                capsize=2,
                label=variant.label,
            )
        axes.set_xscale("log")
        axes.set_xticks(percent, [f"{value:g}" for value in percent])
        axes.minorticks_off()
        axes.set_ylim(0, 105)
        axes.set_title(f"epochs {epoch} and {later}", pad=3)
        axes.set_xlabel("hardest samples (%)")
    panels[0].set_ylabel("of them in both epochs (%)")
    common_legend(figure, panels, 2)
    return figure
