"""Scores: differences to no curation, and against how much is curated."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from caption_curation.curation.actions import method_title
from caption_curation.curation.rules import RULES
from caption_curation.experiments.variants import Variant
from caption_curation.reports.comparison.figures.look import (
    WIDTH,
    colour_of,
    common_legend,
    draw_none,
    half_widths,
    line_style,
    markers,
)
from caption_curation.reports.comparison.tables import Row
from caption_curation.reports.page.labels import METRIC_LABELS
from caption_curation.reports.page.style import GREY, INK, STYLE

# Rules that have no ratio: hollow, and joined to nothing.
_BY_RULE: dict[str, Any] = {
    "marker": "o",
    "linestyle": "none",
    "markersize": 7.5,
    "markerfacecolor": "none",
    "markeredgewidth": 1.4,
}

_OVER_BOTH: dict[str, Any] = {"linewidth": 1.1, "linestyle": (0, (1, 1.5))}
_OVER_IMAGES: dict[str, Any] = {"linewidth": 6, "alpha": 0.3, "solid_capstyle": "butt"}


@matplotlib.rc_context(STYLE)
def score_differences(rows: Sequence[Row], metric: str) -> Figure:
    """Paired differences to no curation: every seed as a dot, the mean with its intervals.

    The thin bar with ends is the interval over seeds, the dotted one that over seeds and
    generators where there are several, the broad pale one that over test images.

    Args:
        rows: those with such a difference are plotted, in order, the first on top.
        metric: which score; shown times 100.
    """
    plotted = [row for row in rows if metric in row.to_none]
    figure = Figure(figsize=(WIDTH, 0.95 + 0.27 * len(plotted)), layout="constrained")
    axes = figure.subplots()
    for position, row in enumerate(plotted):
        colour = colour_of(row.variant)
        if metric in row.over_images:
            bounds = [100 * bound for bound in row.over_images[metric]]
            axes.plot(bounds, [position] * 2, color=colour, **_OVER_IMAGES)
        seeds = [100 * value for value in row.differences[metric].values()]
        axes.plot(seeds, [position] * len(seeds), "o", color=colour, alpha=0.35, markersize=3)
        difference = row.to_none[metric]
        if difference.half_width_over_both is not None:
            width = difference.half_width_over_both
            bounds = [100 * (difference.mean + sign * width) for sign in (-1, 1)]
            axes.plot(bounds, [position] * 2, color=colour, **_OVER_BOTH)
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
    handles = [
        Line2D([], [], color=GREY, marker="o", markersize=3, linestyle="none", label="one seed"),
        Line2D([], [], color=GREY, marker="D", markersize=4.5, label="mean, 95 % over seeds"),
    ]
    if any(row.to_none[metric].half_width_over_both is not None for row in plotted):
        label = "95 % over seeds and generators"
        handles.append(Line2D([], [], color=GREY, label=label, **_OVER_BOTH))
    if any(metric in row.over_images for row in plotted):
        handles.append(Line2D([], [], color=GREY, label="95 % over test images", **_OVER_IMAGES))
    figure.legend(handles=handles, loc="outside upper left", ncols=min(3, len(handles)))
    return figure


@matplotlib.rc_context(STYLE)
def scores_by_amount(
    lines: Mapping[Variant, Sequence[Row]],
    shares: Mapping[Variant, float],
    none: Row | None,
    metrics: Sequence[str],
) -> Figure:
    """Scores against how many samples are curated, as the paper's figure 5: a column a method.

    Ratios are joined by a line. A rule that has none, such as two standard deviations above the
    mean, is a marker of its own, at the share of samples that it chose.

    Args:
        lines: the rows of every line, under the line's variant.
        shares: of the rows' variants, the part of the samples that they chose, 0 to 1.
        none: no curation, a line across with its interval.
        metrics: one row of panels each, the first the largest; shown times 100.
    """
    columns: dict[str, list[Variant]] = {}
    for line in lines:
        columns.setdefault(line.method, []).append(line)
    heights = [2.2, *[1.5] * (len(metrics) - 1)]
    figure = Figure(figsize=(WIDTH, 0.9 + sum(heights)), layout=_close())
    grid = figure.subplots(
        len(metrics),
        len(columns),
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=heights,
    )
    marker_of = markers(lines)
    for column, (method, of_method) in enumerate(columns.items()):
        rows = [row for line in of_method for row in lines[line]]
        places = {row.variant: 100 * _share(row.variant, shares) for row in rows}
        furthest = max(places.values()) or 1.0
        for metric, axes in zip(metrics, grid[:, column], strict=True):
            if none and metric in none.scores:
                draw_none(axes, none.scores[metric])
            for position, line in enumerate(of_method):
                # Bars of one amount stay apart.
                beside = 0.02 * furthest * (position - (len(of_method) - 1) / 2)
                at = {variant: place + beside for variant, place in places.items()}
                _draw_line(axes, line, lines[line], at, metric, marker_of[line])
            axes.set_xlim(0, 1.1 * furthest)
            _few_ticks(axes, [places[row.variant] for row in rows if _is_ratio(row.variant)])
        grid[0, column].set_title(method_title(method))
        grid[-1, column].set_xlabel("curated samples (%)")
    for metric, axes in zip(metrics, grid[:, 0], strict=True):
        axes.set_ylabel(f"{METRIC_LABELS[metric]} (× 100)")
    common_legend(figure, list(grid.flat), 2, _rule_marker(lines))
    return figure


@matplotlib.rc_context(STYLE)
def schedules(
    lines: Mapping[Variant, Sequence[Row]], none: Row | None, metrics: Sequence[str]
) -> Figure:
    """The static schedule against the dynamic one, as the paper's figure 7: a panel a score.

    Args:
        lines: the rows of every line by increasing ratio, scores of the validation split.
        none: no curation, a line across with its interval.
        metrics: one panel each, side by side; shown times 100.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout=_close())
    panels = figure.subplots(1, len(metrics), squeeze=False)[0]
    marker_of = markers(lines)
    amounts = [100 * (row.variant.amount or 0) for rows in lines.values() for row in rows]
    for metric, axes in zip(metrics, panels, strict=True):
        if none and metric in none.scores:
            draw_none(axes, none.scores[metric])
        for position, (line, rows) in enumerate(lines.items()):
            beside = 0.8 * (position - (len(lines) - 1) / 2)  # bars of one ratio stay apart
            at = {row.variant: 100 * (row.variant.amount or 0) + beside for row in rows}
            _draw_line(axes, line, rows, at, metric, marker_of[line])
        axes.set_xlim(0, 1.1 * max(amounts))
        _few_ticks(axes, amounts)
        axes.set_xlabel("curated samples (%)")
        axes.set_ylabel(f"{METRIC_LABELS[metric]} (× 100), validation")
    common_legend(figure, panels, 2)
    return figure


def _close() -> ConstrainedLayoutEngine:
    return ConstrainedLayoutEngine(wspace=0.03, hspace=0.03)


def _is_ratio(variant: Variant) -> bool:
    return variant.rule is None or RULES[variant.rule].is_fraction


def _rule_marker(lines: Mapping[Variant, Sequence[Row]]) -> list[Line2D]:
    """What stands in the legend for rules without a ratio."""
    rules = dict.fromkeys(
        row.variant.amount_label
        for rows in lines.values()
        for row in rows
        if not _is_ratio(row.variant)
    )
    if not rules:
        return []
    label = f"{' or '.join(rules)}, at the share chosen"
    return [Line2D([], [], color=INK, **_BY_RULE, label=label)]


def _share(variant: Variant, shares: Mapping[Variant, float]) -> float:
    return float(variant.amount or 0) if _is_ratio(variant) else shares[variant]


def _few_ticks(axes: Axes, amounts: Sequence[float]) -> None:
    """Ticks at the ratios where they are few and stand apart, otherwise where they are round."""
    places = sorted(set(amounts))
    gaps = [after - before for before, after in pairwise(places)]
    if places and len(places) <= 6 and all(gap > places[-1] / 12 for gap in gaps):
        axes.set_xticks(places, [f"{place:g}" for place in places])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))


def _draw_line(
    axes: Axes,
    line: Variant,
    rows: Sequence[Row],
    places: Mapping[Variant, float],
    metric: str,
    marker: str,
) -> None:
    known = [row for row in rows if metric in row.scores]
    joined = [row for row in known if _is_ratio(row.variant)]
    style: dict[str, Any] = {"color": colour_of(line), "capsize": 2}
    if joined:
        _draw_points(
            axes,
            joined,
            places,
            metric,
            **style,
            marker=marker,
            linestyle=line_style(line),
            markersize=4.5,
            linewidth=1.3,
            label=line_label(line),
        )
    for row in known:
        if row not in joined:
            _draw_points(
                axes,
                [row],
                places,
                metric,
                **(style | _BY_RULE | {"marker": marker}),
                # An underscore keeps it out of the legend, where one marker stands for all.
                label=f"_{line_label(line)}, {row.variant.amount_label}",
            )


def _draw_points(
    axes: Axes, rows: Sequence[Row], places: Mapping[Variant, float], metric: str, **style: Any
) -> None:
    scores = [row.scores[metric] for row in rows]
    axes.errorbar(
        [places[row.variant] for row in rows],
        [100 * score.mean for score in scores],
        yerr=half_widths(scores),
        **style,
    )


def line_label(line: Variant) -> str:
    """A line's variant in words: all but its amount."""
    words = filter(None, [line.schedule, line.score_label, line.pairing, line.decided])
    return f"{line.method_label}: {', '.join(words)}"
