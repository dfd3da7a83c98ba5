"""The figures of the human study: the paper's figures 9a, 9b and 10."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from caption_curation.human_study.annotations.categories import CATEGORIES, NO_ERROR
from caption_curation.human_study.study.sets import Group
from caption_curation.pictures.low_resolution import is_low_resolution
from caption_curation.pictures.reading import read_picture
from caption_curation.reports.human_study.analysis import GROUPS, ErrorsAgainst, Half
from caption_curation.reports.human_study.collect import AnnotatedImage
from caption_curation.reports.human_study.findings import Findings
from caption_curation.reports.page.statistics import Statistic
from caption_curation.reports.page.style import INK, STYLE, WIDTH
from caption_curation.rng import rng_for

# Colours that no method has; groups also differ in markers and hatches, for prints in grey.
COLOURS: dict[Group, str] = {"low": "#56B4E9", "high": "#E69F00"}
MARKERS: dict[Group, str] = {"low": "o", "high": "^"}
HATCHES: dict[Group, str] = {"low": "", "high": "////"}
GROUP_LABELS: dict[Group, str] = {"low": "lowest loss", "high": "highest loss"}

LABELS = {category.id: category.name for category in CATEGORIES}
MARKED_BY = 2  # annotators, at least, for a category to be listed under an image
SPREAD = 0.08  # vertical jitter of points with the same number of errors
# Of the text under an image.
LETTERS, CAPTION_LINES, POINTS, LINE_SPACING = 30, 5, 6.5, 1.25

MEAN = "mean of each half, 95 % interval"


def make_figures(findings: Findings) -> dict[str, tuple[Figure, str]]:
    """All figures, by name, each with a description for readers who cannot see it."""
    unit = f" ({findings.loss_unit})" if findings.loss_unit else ""
    against = {f"captioner's loss{unit}": findings.by_loss}
    if findings.by_clipscore:
        against["CLIPScore (0 to 2.5)"] = findings.by_clipscore
    groups = [annotated.image.group for annotated in findings.kept]
    return {
        "figure_9a": (
            category_bars(findings.counts, findings.total, findings.who),
            "Bar chart: how often each category was marked in images of low and of high loss",
        ),
        "figure_9b": (
            error_scatter(against, groups, findings.who, rng_for("human study", "spread")),
            "Scatter plot: mean number of errors of each image against its loss and its CLIPScore",
        ),
        "figure_10": (
            example_images(findings.examples, findings.who),
            "The images of lowest and of highest loss with captions, scores and errors",
        ),
    }


@matplotlib.rc_context(STYLE)
def category_bars(counts: Mapping[str, Mapping[Group, int]], total: int, who: str) -> Figure:
    """Figure 9a: how often each category was marked, by group of categories, sorted.

    Categories that nobody marked are left out. How often "no error" was marked is given in the axis
    label: its bar would dwarf the others.

    Args:
        counts: by category (``no_error`` included) and loss group.
        total: number of annotations.
        who: the annotators, in words.
    """
    blocks: dict[str, list[str]] = {}
    for category in CATEGORIES:
        if sum(counts[category.id].values()):
            blocks.setdefault(category.group, []).append(category.id)
    if not blocks:
        blocks = {"": []}  # nobody marked anything
    heights = [len(block) for block in blocks.values()]
    figure = Figure(figsize=(7.2, 1.0 + 0.24 * (sum(heights) + len(heights))), layout="constrained")
    panels = figure.subplots(
        len(blocks),
        1,
        sharex=True,
        squeeze=False,
        height_ratios=[height + 0.6 for height in heights],
    )[:, 0]
    for axes, (title, block) in zip(panels, blocks.items(), strict=True):
        ordered = sorted(block, key=lambda name: -sum(counts[name].values()))
        rows = np.arange(len(ordered))
        left = np.zeros(len(ordered))
        for group in GROUPS:
            widths = np.array([100 * counts[name][group] / total for name in ordered])
            axes.barh(
                rows,
                widths,
                height=0.7,
                left=left,
                color=COLOURS[group],
                edgecolor=INK,
                linewidth=0.4,
                hatch=HATCHES[group],
                label=GROUP_LABELS[group],
            )
            left += widths
        for row, (name, end) in enumerate(zip(ordered, left, strict=True)):
            axes.annotate(
                str(sum(counts[name].values())),
                (end, row),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
            )
        axes.set_yticks(rows, [LABELS[name] for name in ordered])
        axes.set_ylim(len(ordered) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        axes.set_title(title, loc="left", pad=2, fontweight="bold", fontsize=8.5)
    without = sum(counts[NO_ERROR].values())
    panels[-1].set_xlabel(
        f"share of the {total} annotations by {who} (%); {without} of them say “no error”\n"
        "(numbers beside the bars: annotations that mark the category)"
    )
    panels[-1].set_xlim(left=0)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


@matplotlib.rc_context(STYLE)
def error_scatter(
    against: Mapping[str, ErrorsAgainst],
    groups: Sequence[Group],
    who: str,
    rng: np.random.Generator,
) -> Figure:
    """Figure 9b: mean number of errors against the loss and, beside it, against other scores.

    Args:
        against: by axis label, in order.
        groups: the loss group of each image.
        who: the annotators, in words.
        rng: jitters points vertically, so that they do not hide one another.
    """
    spread = rng.uniform(-SPREAD, SPREAD, size=len(groups))
    is_wide = len(against) > 1
    figure = Figure(figsize=(7.4 if is_wide else WIDTH, 3.3), layout="constrained")
    panels = figure.subplots(1, len(against), sharey=True, squeeze=False)[0]
    for axes, (label, score) in zip(panels, against.items(), strict=True):
        for group in GROUPS:
            of_group = np.array([name == group for name in groups])
            axes.plot(
                np.array(score.scores)[of_group],
                (np.array(score.errors) + spread)[of_group],
                linestyle="none",
                marker=MARKERS[group],
                markersize=4.5,
                markeredgecolor=INK,
                markeredgewidth=0.4,
                color=COLOURS[group],
                alpha=0.7,
                label=GROUP_LABELS[group],
            )
        for half in (score.low, score.high):
            _mark_half(axes, half)
        axes.set_xlabel(label)
        axes.set_title(f"ρ = {format_rho(score.rank)}, n = {score.rank.n}", loc="right", pad=4)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.margins(x=0.07)
    panels[0].set_ylabel(f"errors marked per image,\nmean over {who}")
    panels[0].set_ylim(bottom=-2 * SPREAD)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=3 if is_wide else 2
    )
    return figure


@matplotlib.rc_context(STYLE)
def example_images(rows: Mapping[str, Sequence[AnnotatedImage]], who: str) -> Figure:
    """Figure 10: images with a caption, CLIPScore, loss and what several annotators marked.

    Args:
        rows: by heading, images in order.
        who: the annotators, in words.
    """
    columns = max(len(images) for images in rows.values())
    texts = [[_text_of(annotated) for annotated in images] for images in rows.values()]
    lines = [max(text.count("\n") + 1 for text in of_row) for of_row in texts]
    text_heights = [(count + 1) * POINTS * LINE_SPACING / 72 for count in lines]  # inches
    image_height = 6.4 / columns
    heights = [0.35 + image_height + height for height in text_heights]
    heights[-1] += 0.25  # for the line at the end
    figure = Figure(figsize=(7.2, sum(heights)), layout="constrained")
    parts = figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, heading, height, of_row in zip(parts, rows, text_heights, texts, strict=True):
        part.suptitle(heading, x=0.01, ha="left", fontsize=9, fontweight="bold")
        panels = part.subplots(2, columns, squeeze=False, height_ratios=(image_height, height))
        for axes in panels.ravel():
            axes.set_axis_off()
        for (image_axes, text_axes), annotated, text in zip(
            panels.T, rows[heading], of_row, strict=False
        ):
            pixels = read_picture(annotated.image.file)
            image_axes.set_anchor("S")  # next to its text
            shown = image_axes.imshow(
                np.asarray(pixels),
                interpolation="nearest" if is_low_resolution(pixels.size) else "antialiased",
            )
            # A clipping box, not a path: the id of a path in the SVG depends on memory addresses.
            shown.set_clip_path(None)
            shown.set_clip_box(image_axes.bbox)
            # Captions are not formulas, whatever characters are in them.
            text_axes.text(
                0,
                1,
                text,
                va="top",
                fontsize=POINTS,
                linespacing=LINE_SPACING,
                parse_math=False,
                transform=text_axes.transAxes,
            )
    parts[-1].supxlabel(
        f"Below each image: what at least {MARKED_BY} of {who} marked",
        x=0.01,
        ha="left",
        fontsize=7.5,
    )
    return figure


def format_rho(rank: Statistic) -> str:
    """Spearman's rho with its interval."""
    if rank.value is None:
        return "–"
    text = f"{rank.value:.2f}"
    if rank.interval:
        low, high = rank.interval
        text += f" ({low:.2f} to {high:.2f})"
    return text.replace("-", "−")


def _mark_half(axes: Axes, half: Half) -> None:
    if half.errors.value is None:
        return
    low, high = half.errors.interval or (half.errors.value, half.errors.value)
    axes.errorbar(
        half.score,
        half.errors.value,
        yerr=[[half.errors.value - low], [high - half.errors.value]],
        fmt="D",
        color=INK,
        markersize=6,
        capsize=4,
        linewidth=1.4,
        markerfacecolor="white",
        label=None if axes.get_legend_handles_labels()[1].count(MEAN) else MEAN,
        zorder=5,
    )


def _text_of(annotated: AnnotatedImage) -> str:
    caption = textwrap.wrap(annotated.image.references[0], LETTERS)
    if len(caption) > CAPTION_LINES:
        caption = [*caption[: CAPTION_LINES - 1], f"{caption[CAPTION_LINES - 1]} …"]
    scores = f"loss {annotated.image.loss:.2f}"
    if annotated.image.clipscore is not None:
        scores += f", CLIPScore {annotated.image.clipscore:.2f}"
    marked = ", ".join(label_of(category) for category in annotated.marked_by(MARKED_BY))
    return "\n".join([*caption, scores, *textwrap.wrap(f"marked: {marked or 'nothing'}", LETTERS)])


def label_of(category: str) -> str:
    """A category in words that need no heading, such as ``main object: wrong``."""
    found = next(candidate for candidate in CATEGORIES if candidate.id == category)
    is_clear = found.group in ("general", "people")
    return found.name if is_clear else f"{found.group}: {found.name}"
