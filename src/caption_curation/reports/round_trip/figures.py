"""The round trip's figures: scores of the variants, and how they agree with the ground truth."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from caption_curation.reports.page.labels import METHOD_COLOURS, METRIC_LABELS
from caption_curation.reports.page.statistics import Statistic
from caption_curation.reports.page.style import GREY, INK, STYLE
from caption_curation.reports.round_trip.tables import ALL, FACTS, Results
from caption_curation.reports.round_trip.truth import Tracking
from caption_curation.round_trip.variants import GENERATORS, PROMPTS, REAL, Variant

SHOWN = ("cider", "bleu_4", "meteor", "rouge_l")
# No generator is a method; the fine-tuned one is what replaces images.
COLOURS = {
    "base_generator": INK,
    "generator": METHOD_COLOURS["replace_image"],
    "other_generator": INK,
}
HOLLOW = ("base_generator",)
MARKERS = {"single": "o", "concat": "s", "concat_styler": "D", "sbert_styler": "^"}


def make_figures(
    results: Results, tracking: Tracking | None, rng: np.random.Generator
) -> dict[str, tuple[Figure, str]]:
    """All figures, by name, each with a description for readers who cannot see it.

    Args:
        results: the numbers.
        tracking: the scores and the truth; without it there is only one figure.
        rng: jitters points.
    """
    number = "four" if len(_shown(results)) == len(SHOWN) else "three"
    figures = {
        "scores": (
            score_dots(results),
            f"Dot plot: {number} scores of the variants; the numbers are in the table",
        )
    }
    if tracking:
        figures["variants"] = (
            tracking_of_variants(results, tracking.across_variants),
            "Scatter plot: score and fraction of right images of each variant",
        )
        figures["images"] = (
            tracking_of_images(tracking.ciders, tracking.right, rng),
            "Box plot: CIDEr of single images by their number of right facts",
        )
    return figures


@matplotlib.rc_context(STYLE)
def score_dots(results: Results) -> Figure:
    """One panel per metric: a row for each kind of prompt, a dot for each generator.

    The line is the upper bound, the same captioner on the real images.
    """
    figure = Figure(figsize=(7.2, 2.4), layout="constrained")
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
            axes.plot(values, [row] * len(values), color=GREY, linewidth=1, zorder=1)
            for generator, value in zip(grid.generators, values, strict=True):
                axes.plot(value, row, linestyle="none", **_marker(generator, "o"))
        axes.set_xlabel(f"{METRIC_LABELS[metric]} (× 100)")
        axes.set_ylim(-len(rows) + 0.4, 0.6)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.margins(x=0.12)
    panels[0].set_yticks(list(rows.values()), [PROMPTS[prompt].label for prompt in rows])
    handles = [
        *(
            panels[0].plot(
                [], [], linestyle="none", label=GENERATORS[generator], **_marker(generator, "o")
            )[0]
            for generator in grid.generators
        ),
        panels[0].plot([], [], color=GREY, linestyle="--", linewidth=1, label="real images")[0],
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


@matplotlib.rc_context(STYLE)
def tracking_of_variants(results: Results, correlations: Mapping[str, Statistic]) -> Figure:
    """One panel per metric: its score against the fraction of right images, a point per variant."""
    figure = Figure(figsize=(7.2, 2.9), layout="constrained")
    shown = _shown(results)
    panels = figure.subplots(1, len(shown), sharey=True)
    for axes, metric in zip(panels, shown, strict=True):
        for variant in results.grid.variants:
            axes.plot(
                100 * results.scores[variant.name][metric],
                100 * results.right[variant.name][ALL],
                linestyle="none",
                **_marker(variant.generator, MARKERS[variant.prompt]),
            )
        axes.set_xlabel(f"{METRIC_LABELS[metric]} (× 100)")
        axes.set_title(f"ρ = {_rho(correlations[metric])}", loc="right", pad=3)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4))
        axes.margins(0.12)
    panels[0].set_ylabel("images right\nin every fact (%)")
    handles = [
        panels[0].plot([], [], linestyle="none", label=variant.label, **_marker(*key))[0]
        for variant in results.grid.variants
        for key in [(variant.generator, MARKERS[variant.prompt])]
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
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


def _marker(generator: str, marker: str) -> dict[str, object]:
    colour = COLOURS[generator]
    return {
        "marker": marker,
        "color": colour,
        "markersize": 6,
        "markerfacecolor": "white" if generator in HOLLOW else colour,
    }


def _rho(correlation: Statistic) -> str:
    return "–" if correlation.value is None else f"{correlation.value:.2f}".replace("-", "−")
