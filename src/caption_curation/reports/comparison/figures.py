"""The figures of a comparison: numbers in, matplotlib figures out, in the style of one run's.

A method has the colour that it has everywhere; a random control has that of the
control. Bars and bands are 95 % confidence intervals; a single seed has none.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from caption_curation.curation.scores import SCORES, is_random
from caption_curation.experiments.runs import LengthCounts
from caption_curation.experiments.variants import Variant
from caption_curation.reports.comparison.noise_findings import Finding
from caption_curation.reports.comparison.tables import NONE, Row
from caption_curation.reports.page.labels import METRIC_LABELS, method_colour
from caption_curation.reports.page.statistics import Estimate
from caption_curation.reports.page.style import GREY, INK, MOST_BINS, STYLE

WIDTH = 6.3  # inches: the text of an A4 page
_RANDOM_LINE = (0, (4, 2))
_STATIC_LINE = (0, (1, 1.5))
# Of lines of one colour and style: the first has the first.
_MARKERS = {"dynamic": "o^DvPX", "static": "sh*<>8"}
_PAIRING_LINES = {"random_easier": _RANDOM_LINE, "easiest": _STATIC_LINE}


def colour_of(variant: Variant) -> str:
    """The colour of a variant in every figure."""
    return method_colour(variant.method, variant.score)


@matplotlib.rc_context(STYLE)
def score_differences(rows: Sequence[Row], metric: str) -> Figure:
    """Paired differences to no curation: every seed as a dot, the mean with its interval.

    Args:
        rows: those with such a difference are plotted, in order, the first on top.
        metric: which score; shown times 100.
    """
    plotted = [row for row in rows if metric in row.to_none]
    figure = Figure(figsize=(WIDTH, 0.75 + 0.27 * len(plotted)), layout="constrained")
    axes = figure.subplots()
    for position, row in enumerate(plotted):
        colour = colour_of(row.variant)
        seeds = [100 * value for value in row.differences[metric].values()]
        axes.plot(seeds, [position] * len(seeds), "o", color=colour, alpha=0.35, markersize=3)
        difference = row.to_none[metric]
        axes.errorbar(
            100 * difference.mean,
            position,
            xerr=100 * difference.half_width if difference.half_width is not None else None,
            fmt="D",
            color=colour,
            markersize=4.5,
            capsize=2.5,
            linewidth=1.3,
        )
    axes.axvline(0, color=INK, linewidth=0.6)
    axes.set_yticks(range(len(plotted)), [row.variant.label for row in plotted])
    axes.set_ylim(len(plotted) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"{METRIC_LABELS[metric]} (× 100) minus no curation")
    return figure


@matplotlib.rc_context(STYLE)
def scores_by_ratio(
    lines: Mapping[Variant, Sequence[Row]], none: Row | None, metrics: Sequence[str]
) -> Figure:
    """Scores against the fraction of samples that is curated (paper, figures 5 and 7).

    Args:
        lines: the rows of every line by increasing ratio.
        none: no curation, a line across with its interval.
        metrics: the first is drawn large, the others small; shown times 100.
    """
    small = len(metrics) - 1
    markers = _markers(lines)
    grid_rows = 1 + -(-small // 3)
    layout = ConstrainedLayoutEngine(wspace=0.04, hspace=0.04)
    figure = Figure(figsize=(WIDTH, 3.1 + 1.35 * (grid_rows - 1)), layout=layout)
    grid = figure.add_gridspec(grid_rows, 3, height_ratios=[2.1, *[1] * (grid_rows - 1)])
    for index, metric in enumerate(metrics):
        if index == 0:
            axes = figure.add_subplot(grid[0, :])
            size: dict[str, Any] = {}
        else:
            axes = figure.add_subplot(grid[1 + (index - 1) // 3, (index - 1) % 3])
            size = {"fontsize": 7.5}
            axes.tick_params(labelsize=8)
            axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
        if none and metric in none.scores:
            _draw_none(axes, none.scores[metric])
        for position, (line, rows) in enumerate(lines.items()):
            beside = 0.8 * (position - (len(lines) - 1) / 2)  # bars of one ratio stay apart
            _draw_line(axes, line, rows, metric, beside, markers[line], large=index == 0)
        axes.set_xlim(0, 100)
        axes.set_xlabel("curated samples (%)", **size)
        axes.set_ylabel(f"{METRIC_LABELS[metric]} (× 100)", **size)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


def _draw_none(axes: Axes, score: Estimate) -> None:
    mean, half = 100 * score.mean, 100 * (score.half_width or 0)
    axes.axhspan(mean - half, mean + half, color=GREY, alpha=0.25, linewidth=0)
    axes.axhline(mean, color=INK, linewidth=1, label="no curation")


def _markers(lines: Iterable[Variant]) -> dict[Variant, str]:
    """A marker for every line, so that no two of one colour and style look the same."""
    alike: Counter[tuple[object, ...]] = Counter()
    markers = {}
    for line in lines:
        look = (colour_of(line), _line_style(line))
        choices = _MARKERS[str(line.schedule)]
        markers[line] = choices[alike[look] % len(choices)]
        alike[look] += 1
    return markers


def _line_style(line: Variant) -> Any:
    if line.schedule == "static":
        return _STATIC_LINE
    return _RANDOM_LINE if is_random(line.score) else "solid"


def _draw_line(
    axes: Axes,
    line: Variant,
    rows: Sequence[Row],
    metric: str,
    beside: float,
    marker: str,
    *,
    large: bool,
) -> None:
    known = [row for row in rows if metric in row.scores]
    scores = [row.scores[metric] for row in known]
    axes.errorbar(
        [100 * (row.variant.amount or 0) + beside for row in known],
        [100 * score.mean for score in scores],
        # An interval that is not known has no bar: matplotlib draws none of height nan.
        yerr=[
            float("nan") if score.half_width is None else 100 * score.half_width for score in scores
        ],
        color=colour_of(line),
        linestyle=_line_style(line),
        marker=marker,
        markersize=5 if large else 3,
        linewidth=1.4 if large else 1,
        capsize=2.5 if large else 1.5,
        label=line_label(line),
    )


def line_label(line: Variant) -> str:
    """A line's variant in words: all but its amount."""
    words = [f"{line.schedule}"]
    if line.score:
        words.append(SCORES[line.score].title)
    if line.pairing:
        words.append(line.pairing)
    return f"{line.method_label}: {', '.join(words)}"


@matplotlib.rc_context(STYLE)
def loss_distributions(
    distributions: Mapping[Variant, Mapping[int, Mapping[float, float]]],
) -> Figure:
    """How the losses of the training samples move from epoch to epoch (paper, figures 2 and 8).

    Args:
        distributions: variant → epoch → middle of a bin in nats per token → fraction of the
            samples, a mean over seeds.
    """
    epochs = sorted({epoch for of in distributions.values() for epoch in of})
    figure = Figure(figsize=(WIDTH, 0.8 + 1.45 * len(epochs)), layout="constrained")
    rows = figure.subplots(len(epochs), 1, sharex=True, squeeze=False)[:, 0]
    for axes, epoch in zip(rows, epochs, strict=True):
        for variant, of in distributions.items():
            bins = sorted(of.get(epoch, {}))
            axes.plot(
                bins,
                [100 * of[epoch][middle] for middle in bins],
                drawstyle="steps-mid",
                color=colour_of(variant),
                linewidth=2 if variant == NONE else 1.2,
                linestyle=_PAIRING_LINES.get(str(variant.pair_with), "solid"),
                label=", ".join(part for part in (variant.method_label, variant.pairing) if part),
            )
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("samples (%)")
        axes.set_title(f"epoch {epoch}", loc="right", pad=2)
    rows[-1].set_xlabel("loss (nats per token)")
    figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper left", ncols=4)
    return figure


@matplotlib.rc_context(STYLE)
def caption_lengths(lengths: Mapping[Variant, Mapping[int, LengthCounts]]) -> Figure:
    """Are long captions chosen? Per choice (rows) and epoch (columns; paper, figure 6).

    Args:
        lengths: variant → epoch → counts over all seeds; an epoch that chose none may be missing.
    """
    epochs = sorted({epoch for of in lengths.values() for epoch in of})
    figure = Figure(figsize=(WIDTH, 0.8 + 1.2 * len(lengths)), layout="constrained")
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
        row[0].set_ylabel(variant.choice_label.replace(", ", "\n"), fontsize=8)
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


@matplotlib.rc_context(STYLE)
def noise_found(
    choices: Mapping[str, Sequence[Finding]], labels: Mapping[str, str], kinds: Sequence[str]
) -> Figure:
    """How much of every kind of noise a choice finds, and how much of it the chosen hold.

    Args:
        choices: name of a choice → its findings; those of one epoch.
        labels: of the kinds of noise.
        kinds: one column of panels each, in this order.
    """
    height = 1.0 + 2 * (0.35 + 0.21 * len(choices))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    grid = figure.subplots(2, len(kinds), sharex=True, sharey=True, squeeze=False)
    names = list(choices)
    for column, kind in enumerate(kinds):
        for row, attribute in enumerate(("recall", "precision")):
            axes = grid[row, column]
            for position, name in enumerate(names):
                finding = next(finding for finding in choices[name] if finding.kind == kind)
                _draw_finding(axes, position, finding, attribute)
            axes.set_xlim(-4, 104)
            axes.set_ylim(len(names) - 0.5, -0.5)
            axes.set_xticks([0, 50, 100])
            axes.grid(axis="y", linewidth=0.3)
        grid[0, column].set_title(labels[kind], fontsize=8)
    for row, label in enumerate(("found (%)", "of chosen (%)")):
        grid[row, 0].set_yticks(range(len(names)), names)
        for axes in grid[row]:
            axes.tick_params(axis="y", length=0)
            axes.set_xlabel(label)
    handles, texts = grid[0, 0].get_legend_handles_labels()
    by_text = dict(zip(texts, handles, strict=True))
    figure.legend(list(by_text.values()), list(by_text), loc="outside upper left", ncols=2)
    return figure


def _draw_finding(axes: Axes, position: int, finding: Finding, attribute: str) -> None:
    chance = finding.chosen if attribute == "recall" else finding.base_rate
    axes.plot(100 * chance.mean, position, "|", color=INK, markersize=8, label="a random choice")
    value: Estimate | None = getattr(finding, attribute)
    if value is None:
        return
    axes.errorbar(
        100 * value.mean,
        position,
        xerr=None if value.half_width is None else 100 * value.half_width,
        fmt="o",
        color="#0072B2",
        markersize=4.5,
        capsize=2,
        linewidth=1.2,
        label="this choice",
    )
