"""The figures of one run: numbers in, matplotlib figures out; nothing is read or written here."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from caption_curation.reports.page.labels import EDIT_COLOURS, EDIT_LABELS, METRIC_LABELS
from caption_curation.reports.page.style import GREY, INK, MOST_BINS, STYLE, WIDTH

Numbers = Sequence[float] | npt.NDArray[np.float64] | npt.NDArray[np.int64]
# The small panels beside CIDEr; METEOR does not know all languages.
_N_GRAM_METRICS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l")
# Hatches of what became of samples that stayed as they were.
_UNCHANGED = {"kept": "////", "rejected": "...."}


@matplotlib.rc_context(STYLE)
def validation_curves(rows: Sequence[Mapping[str, Any]], best_epoch: int, colour: str) -> Figure:
    """Validation scores per epoch: CIDEr large, with the best epoch marked, the others small.

    Args:
        rows: one an epoch, with ``epoch`` and the scores on the scale of their formulas (METEOR
            may be None); the figure shows them times 100, as papers do.
        best_epoch: the one whose captioner is tested.
        colour: of the experiment's method.
    """
    layout = ConstrainedLayoutEngine(wspace=0.05, hspace=0.03)
    figure = Figure(figsize=(WIDTH, 5.4), layout=layout)
    grid = figure.add_gridspec(3, 3, height_ratios=(1.8, 1, 1))
    main = figure.add_subplot(grid[0, :])
    of_metric = {
        metric: [100 * value for row in rows if (value := row[metric]) is not None]
        for metric in ("cider", *_N_GRAM_METRICS)
    }
    epochs = [int(row["epoch"]) for row in rows]

    def plot(axes: Axes, metric: str, **style: Any) -> list[float]:
        values = of_metric[metric]
        axes.plot(epochs, values, color=colour, marker="o", **style)
        axes.set_xlim(epochs[0] - 0.4, epochs[-1] + 0.4)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, integer=True, min_n_ticks=1))
        axes.margins(y=0.25)
        return values

    values = plot(main, "cider", markersize=5)
    best = values[epochs.index(best_epoch)]
    main.plot(best_epoch, best, "o", markersize=11, markerfacecolor="none", color=INK)
    main.annotate(
        f"best: {best:.1f}",
        (best_epoch, best),
        xytext=(0, 9),
        textcoords="offset points",
        ha="center",
    )
    main.set(xlabel="epoch", ylabel="CIDEr (× 100)")
    for index, metric in enumerate(name for name in _N_GRAM_METRICS if of_metric[name]):
        axes = figure.add_subplot(grid[1 + index // 3, index % 3])
        plot(axes, metric, markersize=3, linewidth=1)
        axes.set_xlabel("epoch", fontsize=7.5)
        axes.set_ylabel(f"{METRIC_LABELS[metric]} (× 100)", fontsize=7.5)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=3))
        axes.tick_params(labelsize=8)
    return figure


@matplotlib.rc_context(STYLE)
def loss_distributions(
    losses: Mapping[int, Numbers],
    chosen: Mapping[int, Numbers],
    *,
    unit: str,
    deviations: float,
    colour: str,
) -> Figure:
    """One histogram an epoch on shared bins, the chosen samples in colour.

    The paper's figure 2 is of this form; it does not say which loss it shows.

    Args:
        losses: by epoch, the loss of every training sample.
        chosen: by epoch, those of the samples chosen after it; epochs may be missing.
        unit: of the losses, for the axis.
        deviations: the second line stands this many standard deviations above the mean.
        colour: of the experiment's method.
    """
    figure = Figure(figsize=(WIDTH, 0.8 + 1.25 * len(losses)), layout="constrained")
    rows = figure.subplots(len(losses), 1, sharex=True, squeeze=False)[:, 0]
    highest = max(np.max(values) for values in losses.values())
    bins = np.linspace(0, highest, MOST_BINS + 1)
    groups = [("all samples", losses, GREY)]
    if chosen:
        groups.append(("chosen for curation", chosen, colour))
    for axes, (epoch, values) in zip(rows, sorted(losses.items()), strict=True):
        share = 100 / len(values)
        mean = float(np.mean(values))
        line = mean + deviations * float(np.std(values))
        for name, group, face in groups:
            part = group.get(epoch, ())
            axes.hist(part, bins, weights=np.full(len(part), share), color=face, label=name)
        axes.axvline(mean, color=INK, linewidth=1, label="mean")
        axes.axvline(
            line,
            color=INK,
            linewidth=1,
            linestyle=(0, (4, 2)),
            label=f"mean + {deviations:g} standard deviations",
        )
        axes.set_ylabel("samples (%)")
        axes.set_title(f"epoch {epoch}", loc="right", pad=2)
    rows[-1].set_xlabel(unit)
    figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure


@matplotlib.rc_context(STYLE)
def edits_per_epoch(counts: Mapping[int, Mapping[str, int]]) -> Figure:
    """Stacked bars: what became of the samples chosen after each epoch (0: before training).

    Args:
        counts: by epoch, the number of samples under each key of ``EDIT_LABELS``.
    """
    figure = Figure(figsize=(WIDTH, 2.4), layout="constrained")
    axes = figure.subplots()
    epochs = sorted(counts)
    bottom = np.zeros(len(epochs))
    for kind, label in EDIT_LABELS.items():
        heights = np.array([counts[epoch][kind] for epoch in epochs])
        if not heights.any():
            continue
        axes.bar(
            [str(epoch) for epoch in epochs],
            heights,
            width=0.5,
            bottom=bottom,
            color="none" if kind in _UNCHANGED else EDIT_COLOURS[kind],
            edgecolor=EDIT_COLOURS[kind],
            hatch=_UNCHANGED.get(kind),
            label=label,
        )
        bottom += heights
    for position, total in enumerate(bottom):
        axes.annotate(
            f"{total:,.0f}",
            (position, total),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
        )
    axes.set_xlim(-0.75, len(epochs) - 0.25)
    axes.margins(y=0.15)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    xlabel = "after epoch (0: before training)" if 0 in epochs else "after epoch"
    axes.set(xlabel=xlabel, ylabel="samples chosen")
    figure.legend(loc="outside upper left", ncols=4)
    return figure


@matplotlib.rc_context(STYLE)
def caption_lengths(
    chosen: Mapping[int, Numbers], others: Mapping[int, Numbers], colour: str
) -> Figure:
    """Are long captions chosen? Their lengths per epoch, and those of the others.

    Args:
        chosen: by epoch, the number of words of every chosen sample's caption; never empty.
        others: the same of the samples not chosen; may be empty for an epoch.
        colour: of the experiment's method.
    """
    figure = Figure(figsize=(WIDTH, 0.8 + 1.25 * len(chosen)), layout="constrained")
    rows = figure.subplots(len(chosen), 1, sharex=True, squeeze=False)[:, 0]
    groups = [group for part in (chosen, others) for group in part.values() if len(group)]
    shortest, longest = min(map(np.min, groups)), max(map(np.max, groups))
    step = math.ceil((longest - shortest + 1) / MOST_BINS)
    bins = np.arange(shortest, longest + step + 1, step) - 0.5
    for axes, epoch in zip(rows, sorted(chosen), strict=True):
        axes.hist(
            others[epoch],
            bins,
            weights=np.full(len(others[epoch]), 100 / max(len(others[epoch]), 1)),
            color=GREY,
            label="other samples",
        )
        axes.hist(
            chosen[epoch],
            bins,
            weights=np.full(len(chosen[epoch]), 100 / len(chosen[epoch])),
            histtype="step",
            linewidth=1.5,
            color=colour,
            label="chosen samples",
        )
        axes.set_ylabel("of group (%)")
        axes.set_title(f"after epoch {epoch}" if epoch else "before training", loc="right", pad=2)
    rows[-1].set_xlabel("caption length (words)")
    figure.legend(*rows[0].get_legend_handles_labels(), loc="outside upper left", ncols=2)
    return figure
