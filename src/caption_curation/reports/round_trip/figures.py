"""The round trip's figures: scores of the variants, and how they agree with the ground truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from caption_curation.reports.page.labels import METHOD_COLOURS, METRIC_LABELS
from caption_curation.reports.page.statistics import Statistic
from caption_curation.reports.page.style import GREY, INK, STYLE
from caption_curation.reports.round_trip.looks import Look
from caption_curation.reports.round_trip.tables import ALL, FACTS, Results
from caption_curation.reports.round_trip.truth import Tracking
from caption_curation.round_trip.variants import PROMPTS, REAL, Variant, generator_label

SHOWN = ("cider", "bleu_4", "meteor", "rouge_l")
FEW = 3  # generators that a row has room for side by side, and a legend with every prompt
MARKERS = {"single": "o", "concat": "s", "concat_styler": "D", "sbert_styler": "^"}


def make_figures(
    results: Results,
    looks: Mapping[str, Look],
    tracking: Tracking | None,
    rng: np.random.Generator,
) -> dict[str, tuple[Figure, str]]:
    """All figures, by name, each with a description for readers who cannot see it.

    Args:
        results: the numbers.
        looks: of the generators, by name.
        tracking: the scores and the truth; without it there is only one figure.
        rng: jitters points.
    """
    number = "four" if len(_shown(results)) == len(SHOWN) else "three"
    figures = {
        "scores": (
            score_dots(results, looks),
            f"Dot plot: {number} scores of the variants; the numbers are in the table",
        )
    }
    if tracking:
        figures["variants"] = (
            tracking_of_variants(results, looks, tracking.across_variants),
            "Scatter plot: score and fraction of right images of each variant",
        )
        figures["images"] = (
            tracking_of_images(tracking.ciders, tracking.right, rng),
            "Box plot: CIDEr of single images by their number of right facts",
        )
    return figures


@matplotlib.rc_context(STYLE)
def score_dots(results: Results, looks: Mapping[str, Look]) -> Figure:
    """One panel per metric: a row for each kind of prompt, a dot for each generator.

    Many generators stand one below the other, in the order of the legend, so that no dot hides
    another. The line is the upper bound, the same captioner on the real images.
    """
    generators = results.grid.generators
    apart = 0.7 / len(generators) if len(generators) > FEW else 0.0
    height = 2.4 + (0.14 * len(results.grid.prompts) * len(generators) if apart else 0)
    figure = Figure(figsize=(7.2, height), layout="constrained")
    shown = _shown(results)
    panels = figure.subplots(1, len(shown), sharey=True)
    grid = results.grid
    rows = {prompt: -row for row, prompt in enumerate(grid.prompts)}
    for axes, metric in zip(panels, shown, strict=True):
        bound = 100 * results.scores[REAL][metric]
        axes.axvline(bound, color=GREY, linestyle="--", linewidth=1)
        for prompt, row in rows.items():
            values = [
                100 * results.scores[Variant(generator, prompt).name][metric]
                for generator in grid.generators
            ]
            rows_of = [
                row - apart * (place - (len(values) - 1) / 2) for place in range(len(values))
            ]
            if not apart:
                axes.plot(values, rows_of, color=GREY, linewidth=1, zorder=1)
            for generator, value, height in zip(generators, values, rows_of, strict=True):
                axes.plot(value, height, linestyle="none", **_marker(looks[generator], "o"))
        axes.set_xlabel(f"{METRIC_LABELS[metric]} (× 100)")
        axes.set_ylim(-len(rows) + 0.4, 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.margins(x=0.12)
    panels[0].set_yticks(list(rows.values()), [PROMPTS[prompt].label for prompt in rows])
    handles = [
        *_generator_handles(panels[0], generators, looks),
        panels[0].plot([], [], color=GREY, linestyle="--", linewidth=1, label="real images")[0],
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 4))
    return figure


@matplotlib.rc_context(STYLE)
def tracking_of_variants(
    results: Results, looks: Mapping[str, Look], correlations: Mapping[str, Statistic]
) -> Figure:
    """One panel per metric: its score against the fraction of right images, a point per variant.

    The colour says the generator, the shape the prompts.
    """
    grid = results.grid
    many = len(grid.generators) > FEW
    figure = Figure(figsize=(7.2, 3.2 if many else 2.9), layout="constrained")
    shown = _shown(results)
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, metric in zip(panels, shown, strict=True):
        for variant in grid.variants:
            axes.plot(
                100 * results.scores[variant.name][metric],
                100 * results.right[variant.name][ALL],
                linestyle="none",
                **_marker(looks[variant.generator], MARKERS[variant.prompt]),
            )
        axes.set_xlabel(f"{METRIC_LABELS[metric]} (× 100)")
        axes.set_title(f"ρ = {_rho(correlations[metric])}", loc="right", pad=3)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.margins(0.12)
    panels[0].set_ylabel("images right\nin every fact (%)")
    if many:
        handles = [
            *_generator_handles(panels[0], grid.generators, looks),
            *(
                _handle(panels[0], PROMPTS[prompt].label, Look(GREY), MARKERS[prompt])
                for prompt in grid.prompts
            ),
        ]
    else:
        handles = [
            _handle(panels[0], variant.label, looks[variant.generator], MARKERS[variant.prompt])
            for variant in grid.variants
        ]
    figure.legend(handles=handles, loc="outside upper left", ncols=3 if many else 2)
    return figure


@matplotlib.rc_context(STYLE)
def tracking_of_images(
    ciders: Sequence[float], right: Sequence[int], rng: np.random.Generator
) -> Figure:
    """The CIDEr of single images by their number of right facts: points, quartiles and median.

    Args:
        ciders: of images of all variants, 0 to 10.
        right: number of right facts of each of them.
        rng: jitters points horizontally, so that they do not hide one another.
    """
    figure = Figure(figsize=(4.6, 2.9), layout="constrained")
    axes = figure.subplots()
    groups = {
        count: [100 * cider for cider, facts in zip(ciders, right, strict=True) if facts == count]
        for count in range(len(FACTS) + 1)
    }
    for count, values in groups.items():
        if values:
            positions = count + rng.uniform(-0.3, 0.3, size=len(values))
            axes.plot(positions, values, ".", color=GREY, markersize=2, alpha=0.5, zorder=1)
            axes.boxplot(
                values,
                positions=[count],
                widths=0.6,
                showfliers=False,
                showcaps=False,
                boxprops={"color": INK},
                whiskerprops={"color": INK},
                medianprops={"color": METHOD_COLOURS["remove"], "linewidth": 2},
            )
    axes.set_xticks(
        list(groups), [f"{count}\nn = {len(values)}" for count, values in groups.items()]
    )
    axes.set_xlim(-0.6, len(FACTS) + 0.6)
    axes.set_xlabel(f"right facts of {len(FACTS)}")
    axes.set_ylabel("CIDEr of the image (× 100)")
    return figure


def _shown(results: Results) -> list[str]:
    return [metric for metric in SHOWN if metric in results.metrics]


def _generator_handles(
    axes: Axes, generators: Sequence[str], looks: Mapping[str, Look]
) -> list[Line2D]:
    return [_handle(axes, generator_label(name), looks[name], "o") for name in generators]


def _handle(axes: Axes, label: str, look: Look, marker: str) -> Line2D:
    """An entry of a legend."""
    return axes.plot([], [], linestyle="none", label=label, **_marker(look, marker))[0]


def _marker(look: Look, marker: str) -> dict[str, Any]:
    return {
        "marker": marker,
        "color": look.colour,
        "markersize": 6,
        "markerfacecolor": "white" if look.hollow else look.colour,
    }


def _rho(correlation: Statistic) -> str:
    return "–" if correlation.value is None else f"{correlation.value:.2f}".replace("-", "−")
