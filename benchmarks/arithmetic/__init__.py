"""How much the last digit, the seed and the generator change every score and every difference."""

from collections.abc import Mapping, Sequence
from statistics import stdev

import numpy as np

from benchmarks.arithmetic.runs import Case, cases, run_missing
from benchmarks.results import Outcome
from benchmarks.results import Row as Line
from caption_curation.curation.actions import NO_CURATION, generates_images
from caption_curation.reports.page.generators import (
    Cell,
    Components,
    paired_cells,
    seeds_needed,
    variance_components,
)
from caption_curation.reports.page.labels import METRIC_LABELS

METHODS = ("remove", "replace_caption", "replace_image")
DIFFERENCES = (3.0, 6.0)  # CIDEr points
POWER = 0.8
GENERATORS_SHOWN = (1, 2, 3, 5, 8)
MOST_SEEDS = 100
FACTORS = {
    "captioner": "last digits of the captioner's weights",
    "generator": "last digits of the generator's weights",
    "seeds": "seeds",
    "generators": "generators",
}


def measure(methods: Sequence[str], *, seeds: int, generators: int, perturbations: int) -> Outcome:
    """Run what is missing, and say how much each score and each paired difference spreads.

    Args:
        methods: of curation.
        seeds, generators, perturbations: how many of each.
    """
    rows = run_missing(cases(methods, seeds, generators, perturbations))
    classes = sorted({row.numerical_class for row in rows})
    notes = [
        f"standard deviations times 100, of {perturbations} perturbations (each weight times 1 + "
        f"1e-7 of a normal number), {seeds} seeds and {generators} generators; class "
        f"{', '.join(classes)}"
    ]
    scores = {row.case: row.scores for row in rows}
    for method in methods:
        found = components(scores, method)
        if found:
            notes += needed(method, found)
    return Outcome(lines(scores, methods), notes)


def lines(scores: Mapping[Case, Mapping[str, float]], methods: Sequence[str]) -> list[Line]:
    """A line for each quantity and factor: its standard deviation, times 100."""
    found = []
    for method in dict.fromkeys([NO_CURATION, *methods]):
        for paired in (False, True) if method != NO_CURATION else (False,):
            for metric, label in METRIC_LABELS.items():
                for factor, words in FACTORS.items():
                    values = spread_over(scores, method, metric, factor, paired=paired)
                    if len(values) > 1:
                        what = f"{method} minus {NO_CURATION}" if paired else method
                        deviation = 100 * stdev(values)
                        found.append(Line(f"{label}, {what}: over {words}", "", [deviation]))
    return found


def spread_over(
    scores: Mapping[Case, Mapping[str, float]],
    method: str,
    metric: str,
    factor: str,
    *,
    paired: bool,
) -> list[float]:
    """The values of runs that differ in one factor alone, the others at their first.

    Args:
        scores: of every case.
        method: of curation.
        metric: which score.
        factor: one of ``FACTORS``.
        paired: less that without curation of the same seed and captioner.
    """
    names = {"seeds": "seed", "generators": "generator_seed"}
    of_factor = names.get(factor, factor)
    values = []
    for case, of in scores.items():
        others = {"seed", "generator_seed", "captioner", "generator"} - {of_factor}
        if case.method != method or any(getattr(case, name) for name in others):
            continue
        if of_factor in ("captioner", "generator") and not getattr(case, of_factor):
            continue  # the unperturbed run has other digits than all of these
        none = scores.get(Case(NO_CURATION, seed=case.seed, captioner=case.captioner), {})
        if metric in of and (not paired or metric in none):
            values.append(of[metric] - (none[metric] if paired else 0.0))
    return values


def components(
    scores: Mapping[Case, Mapping[str, float]], method: str, metric: str = "cider"
) -> Components | None:
    """Of the paired differences times 100; ``None`` where there are too few runs.

    Where a method shows no generator's images there are seeds alone.
    """
    plain = {
        (case.method, case.generator_seed, case.seed): of[metric]
        for case, of in scores.items()
        if not (case.captioner or case.generator)
    }
    drawn = generates_images(method)
    own: dict[Cell, float] = {
        (generator if drawn else None, seed): value
        for (of, generator, seed), value in plain.items()
        if of == method
    }
    none: dict[Cell, float] = {
        (None, seed): value for (of, _, seed), value in plain.items() if of == NO_CURATION
    }
    differences = paired_cells(own, none)
    generators = sorted({generator or 0 for generator, _ in differences})
    seeds = sorted({seed for _, seed in differences})
    if len(seeds) < 2:
        return None
    if not drawn:
        return Components(0.0, float(np.var([100 * d for d in differences.values()], ddof=1)), 0.0)
    if len(generators) < 2:
        return None
    table = np.array([[100 * differences[g, s] for s in seeds] for g in generators])
    return variance_components(table)


def needed(method: str, found: Components) -> list[str]:
    """How many seeds and generators the differences need, in words."""
    sentences = []
    for difference in DIFFERENCES:
        parts = []
        for generators in GENERATORS_SHOWN if generates_images(method) else (1,):
            seeds = seeds_needed(found, difference, generators, wanted=POWER, most=MOST_SEEDS)
            count = f"{seeds} seeds" if seeds else f"more than {MOST_SEEDS} seeds"
            if not generates_images(method):
                parts.append(count)
            elif generators == 1:
                parts.append(f"one generator, for which alone it then holds: {count}")
            else:
                parts.append(f"{generators} generators: {count} each")
        sentences.append(
            f"{method}: a true difference of {difference:g} CIDEr is found in {POWER:.0%} of "
            f"studies with {'; '.join(parts)}"
        )
    return sentences
