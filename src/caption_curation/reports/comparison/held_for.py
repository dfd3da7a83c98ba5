"""For how many generators the results of a table hold, in words."""

from collections.abc import Iterable, Sequence

from caption_curation.experiments.runs import Run
from caption_curation.experiments.variants import Variant, ordered
from caption_curation.reports.comparison.tables import Row, cell_of
from caption_curation.reports.page.generators import complete_grid


def generators_sentence(rows: Sequence[Row]) -> str:
    """What a reader must know of the generators of a table's images; empty where it has none."""
    shown = [row for row in rows if row.generators]
    seeds = sorted({seed for row in shown for seed in row.generators})
    if not seeds:
        return ""
    named = f"generator_seed {listed(seeds)}"
    if len(seeds) == 1:
        return (
            f"The synthetic images are of one fine-tuned generator ({named}): what is said of "
            "replacing images holds for that one. Another, fine-tuned by the same recipe with "
            "another seed, may give another difference."
        )
    counts = sorted({len(row.generators) for row in shown})
    number = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}, row by row,"
    return (
        f"The synthetic images are of {number} fine-tuned generators ({named}). Numbers are means "
        "over them. The interval over seeds holds for these generators, that over both for others "
        "of the same recipe too."
    )


def uncounted(runs: Iterable[Run]) -> list[str]:
    """Which runs no mean over generators counts, of every variant, a line each.

    Args:
        runs: of one setting.
    """
    runs = list(runs)
    lines = []
    for variant in ordered(run.variant for run in runs):
        lacking = _outside(variant, runs)
        if lacking:
            lines.append(
                f"{variant.label}: {'; '.join(lacking)}: not in the means over generators, which "
                "are over the same seeds for each; tables/generators.csv has them"
            )
    return lines


def _outside(variant: Variant, runs: Sequence[Run]) -> list[str]:
    cells = {cell_of(run) for run in runs if run.variant == variant}
    left: dict[int, list[int]] = {}
    for generator, seed in cells.difference(complete_grid(cells)):
        if generator is not None:
            left.setdefault(generator, []).append(seed)
    return [
        f"generator_seed {generator} with seed {listed(seeds)}"
        for generator, seeds in sorted(left.items())
    ]


def listed(seeds: Iterable[int]) -> str:
    """Seeds in order, separated by commas."""
    return ", ".join(str(seed) for seed in sorted(seeds))
