"""What choices find of planted noise."""

from collections.abc import Mapping, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from caption_curation.reports.comparison.figures.look import WIDTH
from caption_curation.reports.comparison.noise_findings import Finding
from caption_curation.reports.page.statistics import Estimate
from caption_curation.reports.page.style import INK, STYLE


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
