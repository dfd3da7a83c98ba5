"""Means over seeds and over generators, with an interval for each question, and what they need.

Several fine-tuned generators are used with the same seeds, and no curation of a seed is what the
results of all generators are compared with. So seeds and generators are crossed, both drawn at
random: a value is ``mean + generator + seed + rest``, with a variance each. An interval over seeds
holds for the generators that were drawn, one over both for others of the same recipe too.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from caption_curation.reports.page.statistics import CONFIDENCE, Estimate, estimate

# Seeds of a generator and of the captioner; None: nothing of any generator is in the result.
Cell = tuple[int | None, int]
Table = NDArray[np.floating[Any]]


def paired_cells(
    values: Mapping[Cell, float], reference: Mapping[Cell, float]
) -> dict[Cell, float]:
    """``values - reference`` of the same seed, and of the same generator if both have one.

    Args:
        values: by cell.
        reference: by cell; what no generator is in is paired with every generator's.
    """
    differences = {}
    for (generator, seed), value in values.items():
        for cell in ((generator, seed), (None, seed)):
            if cell in reference:
                differences[generator, seed] = value - reference[cell]
                break
    return differences


def complete_grid(cells: Collection[Cell]) -> list[Cell]:
    """The largest set of generators and seeds of which every combination is there, in order.

    Means over an incomplete one would weigh a generator by how many seeds it was given. Of sets of
    one size, the one of more generators is taken.
    """
    seeds_of: dict[int | None, frozenset[int]] = {}
    for generator, seed in cells:
        seeds_of[generator] = seeds_of.get(generator, frozenset()) | {seed}
    shared = {a & b for a, b in combinations_with_replacement(seeds_of.values(), 2)}
    best: list[Cell] = []
    for seeds in sorted(shared, key=sorted):
        having = [generator for generator, own in seeds_of.items() if seeds <= own]
        found = [(generator, seed) for generator in having for seed in seeds]
        if (len(found), len(having)) > (len(best), len({generator for generator, _ in best})):
            best = found
    return sorted(best, key=lambda cell: (cell[0] is not None, cell[0] or 0, cell[1]))


def by_seed(values: Mapping[Cell, float]) -> dict[int, float]:
    """The mean over the generators of the complete grid, by seed."""
    grid = complete_grid(values)
    return {
        seed: fmean(values[cell] for cell in grid if cell[1] == seed)
        for seed in sorted({seed for _, seed in grid})
    }


def estimate_cells(values: Mapping[Cell, float]) -> Estimate:
    """The mean over the complete grid, with its intervals.

    Args:
        values: at least one.

    Returns:
        Its ``half_width`` is that over seeds: Student's t of the means over these generators. With
        two generators and two seeds there is one over both too.
    """
    grid = complete_grid(values)
    generators = list(dict.fromkeys(generator for generator, _ in grid))
    over_seeds = estimate(list(by_seed(values).values()))
    if generators == [None]:
        return over_seeds
    both = None
    if len(generators) > 1 and over_seeds.seeds > 1:
        table = np.array([values[cell] for cell in grid]).reshape(len(generators), -1)
        both = half_width_over_both(table)
    return replace(over_seeds, generators=len(generators), half_width_over_both=both)


def by_generator(values: Mapping[Cell, float]) -> dict[int, Estimate]:
    """The mean over all seeds of each generator by itself, with its interval over seeds."""
    generators = sorted({generator for generator, _ in values if generator is not None})
    return {
        generator: replace(
            estimate([value for (of, _), value in sorted(values.items()) if of == generator]),
            generators=1,
        )
        for generator in generators
    }


# ------------------------------------------------------------------- variance components


@dataclass(frozen=True)
class MeanSquares:
    """Of the analysis of variance of a table with one value a cell; expected values beside them.

    Attributes:
        generators: rest + number of seeds x variance between generators.
        seeds: rest + number of generators x variance between seeds.
        rest: the variance of what is left.
    """

    generators: float
    seeds: float
    rest: float


@dataclass(frozen=True)
class Components:
    """Variances between generators, between seeds, and of what is left, none below zero."""

    generators: float
    seeds: float
    rest: float


def mean_squares(table: Table) -> MeanSquares:
    """Those of a table of shape (generators, seeds), at least two of each."""
    of_generators, of_seeds = table.mean(axis=1), table.mean(axis=0)
    generators, seeds = table.shape
    left = table - of_generators[:, None] - of_seeds[None, :] + table.mean()
    return MeanSquares(
        float(seeds * of_generators.var(ddof=1)),
        float(generators * of_seeds.var(ddof=1)),
        float((left**2).sum() / ((generators - 1) * (seeds - 1))),
    )


def variance_components(table: Table) -> Components:
    """The components of a table of shape (generators, seeds), at least two of each.

    Estimates of the analysis of variance (Searle, Casella and McCulloch, Variance Components, 1992,
    section 4.3); what comes out below zero counts as zero.
    """
    squares, (generators, seeds) = mean_squares(table), table.shape
    return Components(
        max(0.0, (squares.generators - squares.rest) / seeds),
        max(0.0, (squares.seeds - squares.rest) / generators),
        squares.rest,
    )


def half_width_over_both(table: Table) -> float:
    """Half the 95 % interval of the mean for other generators and other seeds.

    The mean's variance is the sum of the mean squares of generators and of seeds, less that of the
    rest, over the number of values. Its degrees of freedom are those of such a sum (Satterthwaite,
    Biometrics Bulletin 2, 1946). A component that comes out below zero is left out of the sum.

    Student's t of the generators' means alone, or a bootstrap that draws generators and then their
    seeds, would take the seeds' share for none, as all generators have the same seeds. A bootstrap
    of so few generators is too narrow besides.

    Args:
        table: of shape (generators, seeds), at least two of each.
    """
    squares, (generators, seeds) = mean_squares(table), table.shape
    parts = [(squares.generators, generators - 1), (squares.seeds, seeds - 1)]
    if squares.rest <= min(squares.generators, squares.seeds):
        parts.append((-squares.rest, (generators - 1) * (seeds - 1)))
    else:
        parts = [max(parts)]
    total = sum(square for square, _ in parts)
    if total <= 0:
        return 0.0
    freedom = total**2 / sum(square**2 / of for square, of in parts)
    width = stats.t.ppf((1 + CONFIDENCE) / 2, max(freedom, 1)) * (total / table.size) ** 0.5
    return float(width)


# ------------------------------------------------------------------------ what is needed


def power(components: Components, difference: float, generators: int, seeds: int) -> float:
    """The probability that the interval over both excludes zero at a true difference.

    By the noncentral t distribution, with the expected mean squares as if they were observed, which
    promises a little too much for few generators: 80 % for 74 with three.

    Args:
        components: of paired differences, in the square of the difference's unit.
        difference: the true one, in any unit.
        generators: how many, at least two; or one: the interval over seeds, which holds for it
            alone, so that the variance between generators does not count.
        seeds: how many, at least two.
    """
    if generators == 1:
        total, freedom = components.seeds + components.rest, seeds - 1.0
    else:
        squares = (
            (components.rest + seeds * components.generators, generators - 1),
            (components.rest + generators * components.seeds, seeds - 1),
            (-components.rest, (generators - 1) * (seeds - 1)),
        )
        total = sum(square for square, _ in squares)
        freedom = total**2 / sum(square**2 / of for square, of in squares) if total else 1.0
    if total <= 0:
        return 1.0
    shift = abs(difference) / (total / (generators * seeds)) ** 0.5
    limit = stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    beyond = stats.nct.sf(limit, freedom, shift) + stats.nct.cdf(-limit, freedom, shift)
    return float(beyond)


def seeds_needed(
    components: Components, difference: float, generators: int, *, wanted: float, most: int
) -> int | None:
    """The fewest seeds with which a true difference is found in the ``wanted`` part of studies.

    Args:
        components, difference, generators: as :func:`power` takes them.
        wanted: its least value.
        most: seeds to try.

    Returns:
        ``None``: not even ``most`` are enough.
    """
    return next(
        (
            seeds
            for seeds in range(2, most + 1)
            if power(components, difference, generators, seeds) >= wanted
        ),
        None,
    )
