"""What the benchmark of scale found: a table for each ratio, and a figure."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.scale import DVC, RATIOS, SIZES, Cost, Row
from benchmarks.table import BUSY

EVERYTHING = "everything but the models"
NOT_RUN = "not run"
# Of the figure's lines: everything, DVC and the costliest three stages. They are Okabe and Ito's,
# which people tell apart who see red and green alike.
COLOURS = ("#000000", "#E69F00", "#0072B2", "#D55E00", "#CC79A7")
# What the project holds itself to at COCO's size.
TARGETS = {
    EVERYTHING: "30 min, no stage above 1.6 GB",
    DVC: "6 min, 2.5 GB",
}
FIGURE_TEXT = (
    "CPU time and peak memory against the number of training images, both logarithmic; the grey "
    "lines grow as the number of images does"
)
MINUTE, GIGABYTE = 60, 1e9


def kind_of(name: str) -> str:
    """A stage without its epoch: ``caption validation 3`` is one ``caption validation`` of many."""
    return " ".join(word for word in name.split() if not word.isdigit())


def cost_of(row: Row, kind: str) -> Cost | None:
    """Summed CPU time and the highest peak of the processes of one kind; ``None`` if it has none.

    Args:
        row: a run.
        kind: ``EVERYTHING``, ``DVC`` or a stage without its epoch.
    """
    # The peak of everything is that of a stage: DVC's has a target, and a line, of its own.
    costs = [
        cost
        for name, cost in row.costs.items()
        if kind_of(name) == kind or (kind == EVERYTHING and name != DVC)
    ]
    if not costs:
        return None
    cpu = sum(cost.cpu for cost in costs) + (row.costs[DVC].cpu if kind == EVERYTHING else 0)
    return Cost(cpu, max(cost.peak for cost in costs))


def kinds(rows: Sequence[Row]) -> list[str]:
    """What there are costs of, the costliest stage of the largest run first after the sums."""
    largest = max(rows, key=lambda row: row.images)
    stages = {kind_of(name): 0.0 for row in rows for name in row.costs if name != DVC}
    for name, cost in largest.costs.items():
        if name != DVC:
            stages[kind_of(name)] += cost.cpu
    return [EVERYTHING, DVC, *sorted(stages, key=lambda kind: -stages[kind])]


def exponent(rows: Sequence[Row], kind: str, measure: Callable[[Cost], float]) -> float | None:
    """b of cost = a · images^b between the two largest sizes; ``None`` if there are no two."""
    costs = [(row.images, cost) for row in rows if (cost := cost_of(row, kind)) is not None]
    if len(costs) < 2:
        return None
    ((few, before), (many, after)) = sorted(costs, key=lambda pair: pair[0])[-2:]
    return math.log(measure(after) / measure(before)) / math.log(many / few)


def growth(row: Row, kind: str) -> float | None:
    """CPU time of a stage in its last epoch, as a multiple of that in the first; static ones left.

    Epoch 0, before training, is another kind of work. ``None`` for what runs once.
    """
    by_epoch = {
        int(epoch): cost.cpu
        for name, cost in row.costs.items()
        for *_, epoch in [name.split()]
        if kind_of(name) == kind and epoch.isdigit() and int(epoch) > 0
    }
    if len(by_epoch) < 2:
        return None
    return by_epoch[max(by_epoch)] / by_epoch[min(by_epoch)]


def markdown(rows: Sequence[Row]) -> str:
    """A table for each ratio: CPU minutes and peak memory by the number of training images."""
    parts = []
    for ratio in RATIOS:
        parts.append("\n".join(_table(ratio, _of_ratio(rows, ratio))))
    if rows:
        parts.append(f"![{FIGURE_TEXT}](scale.svg)")
    places = dict.fromkeys(map(_place, rows))
    return "\n\n".join([*parts, "\n".join(f"- {place}" for place in places)]).rstrip()


def _place(row: Row) -> str:
    busy = f", {row.busy_cores:g} cores busy with other work" if row.busy_cores > BUSY else ""
    return f"{row.machine}{busy}; {row.date}; {row.commit}"


def _table(ratio: float, rows: Sequence[Row]) -> list[str]:
    by_size = {row.images: row for row in rows}
    heads = [f"{size:,} images" for size in SIZES]
    lines = [
        f"| ratio {ratio:g} | {' | '.join(heads)} | exponents | last epoch : first | target |",
        "|---" * (len(SIZES) + 4) + "|",
    ]
    if not rows:
        return [*lines, f"| | {' | '.join([NOT_RUN] * len(SIZES))} | | | |"]
    for kind in kinds(rows):
        cells = [_cell(by_size[size], kind) if size in by_size else NOT_RUN for size in SIZES]
        grown = growth(rows[-1], kind)
        lines.append(
            f"| {kind} | {' | '.join(cells)} | {_exponents(rows, kind)} "
            f"| {'' if grown is None else f'{grown:.2f}'} | {TARGETS.get(kind, '')} |"
        )
    idle = [_shown(by_size[size].idle) if size in by_size else NOT_RUN for size in SIZES]
    lines.append(f"| DVC, when nothing is to do | {' | '.join(idle)} | | | |")
    return lines


def _cell(row: Row, kind: str) -> str:
    cost = cost_of(row, kind)
    return "" if cost is None else _shown(cost)


def _shown(cost: Cost) -> str:
    return f"{_minutes(cost):.3g} min, {_gigabytes(cost):.2f} GB"


def _exponents(rows: Sequence[Row], kind: str) -> str:
    found = [exponent(rows, kind, measure) for measure in (_minutes, _gigabytes)]
    return ", ".join("" if value is None else f"{value:.2f}" for value in found).strip(", ")


def figure(rows: Sequence[Row]) -> str:
    """CPU time and peak memory against the number of images, both axes logarithmic, as SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    from caption_curation.reports.page.style import STYLE, WIDTH

    file = io.StringIO()
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": "scale"}):
        drawn = Figure(figsize=(2 * WIDTH, WIDTH), layout="constrained")
        time, memory = drawn.subplots(1, 2)
        _draw(time, rows, "CPU time (minutes)", _minutes)
        _draw(memory, rows, "peak memory (GB)", _gigabytes)
        memory.legend(loc="upper left", bbox_to_anchor=(1, 1))
        drawn.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _draw(axes: Any, rows: Sequence[Row], label: str, measure: Callable[[Cost], float]) -> None:
    from caption_curation.reports.page.style import GREY

    for ratio, line in zip(RATIOS, ("-", "--"), strict=True):
        of_ratio = _of_ratio(rows, ratio)
        for colour, kind in zip(COLOURS, kinds(rows), strict=False):
            costs = [(row.images, cost_of(row, kind)) for row in of_ratio]
            points = [(images, measure(cost)) for images, cost in costs if cost is not None]
            axes.plot(
                [images for images, _ in points],
                [cost for _, cost in points],
                line,
                color=colour,
                marker="o",
                markersize=3,
                label=f"{kind}, ratio {ratio:g}",
            )
    axes.set(xscale="log", yscale="log", xlabel="training images", ylabel=label)
    low, high = axes.get_ylim()
    middle = math.sqrt(low * high)
    axes.axline((SIZES[1], middle), (SIZES[1] * 10, middle * 10), color=GREY, lw=0.6)
    axes.set_ylim(low, high)


def _of_ratio(rows: Sequence[Row], ratio: float) -> list[Row]:
    return sorted((row for row in rows if row.ratio == ratio), key=lambda row: row.images)


def _minutes(cost: Cost) -> float:
    return cost.cpu / MINUTE


def _gigabytes(cost: Cost) -> float:
    return cost.peak / GIGABYTE
