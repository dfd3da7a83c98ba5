"""Numbers about the training samples of a comparison's runs, pooled over seeds."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from caption_curation.experiments.runs import LengthCounts, Run
from caption_curation.experiments.variants import Variant, ordered
from caption_curation.reports.page.statistics import Estimate, estimate

# Epoch and later epoch → variant → fraction that counts as hard → overlap.
Overlaps = dict[tuple[int, int], dict[Variant, dict[float, Estimate]]]


def runs_of(runs: Iterable[Run], variant: Variant) -> list[Run]:
    """The runs of a variant."""
    return [run for run in runs if run.variant == variant]


def mean_distribution(
    rows: Iterable[Sequence[Mapping[str, float]]],
) -> dict[int, dict[float, float]]:
    """Epoch → middle of a bin → fraction of samples, a mean over runs.

    Args:
        rows: of every run, those of a distribution of losses; a run without any does not count.
    """
    rows = [of_run for of_run in rows if of_run]
    sums: dict[int, dict[float, list[float]]] = {}
    for of_run in rows:
        for row in of_run:
            bins = sums.setdefault(int(row["epoch"]), {})
            bins.setdefault(row["loss"], []).append(row["fraction"])
    # Bins beyond a run's highest loss are not in its rows: it has no sample there.
    return {
        epoch: {middle: sum(found) / len(rows) for middle, found in sorted(bins.items())}
        for epoch, bins in sorted(sums.items())
    }


def pooled_lengths(runs: Sequence[Run]) -> dict[int, LengthCounts]:
    """Lengths of chosen and of other captions by epoch, all runs together."""
    pooled: dict[int, LengthCounts] = {}
    for run in runs:
        for epoch, counts in run.lengths.items():
            group = pooled.setdefault(epoch, LengthCounts(Counter(), Counter()))
            group.chosen.update(counts.chosen)
            group.others.update(counts.others)
    return pooled


def chosen_shares(runs: Sequence[Run]) -> dict[Variant, float]:
    """The part of the samples that every variant chose, a mean over seeds."""
    shares: dict[Variant, list[float]] = {}
    for run in runs:
        if run.chosen_share is not None:
            shares.setdefault(run.variant, []).append(run.chosen_share)
    return {variant: fmean(found) for variant, found in shares.items()}


def hard_sample_overlaps(runs: Sequence[Run], variants: Sequence[Variant]) -> Overlaps:
    """How much the hardest samples of two epochs have in common, means over seeds."""
    found: dict[tuple[int, int], dict[Variant, dict[float, list[float]]]] = {}
    for variant in variants:
        for run in runs_of(runs, variant):
            for row in run.hard_samples:
                of = found.setdefault((int(row["epoch"]), int(row["later"])), {})
                of.setdefault(variant, {}).setdefault(row["fraction"], []).append(row["overlap"])
    return {
        epochs: {
            variant: {fraction: estimate(values) for fraction, values in of.items()}
            for variant, of in by_variant.items()
        }
        for epochs, by_variant in sorted(found.items())
    }


def telling_pairs(epochs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first two epochs, the last two, and the first and the last, as far as they differ."""
    pairs = sorted(epochs)
    if not pairs:
        return []
    first, last = pairs[0][0], max(later for _, later in pairs)
    return list(dict.fromkeys([(first, first + 1), (last - 1, last), (first, last)]))


def training_set_means(
    runs: Sequence[Run], variants: Sequence[Variant]
) -> dict[Variant, dict[int, dict[str, float]]]:
    """Variant → epoch → what its training set holds, means over the seeds that have counted it."""
    means: dict[Variant, dict[int, dict[str, float]]] = {}
    for variant in variants:
        counted = [run.training_sets for run in runs_of(runs, variant) if run.training_sets]
        if counted:
            means[variant] = {
                epoch: {name: fmean(of[epoch][name] for of in counted) for name in names}
                for epoch, names in counted[0].items()
            }
    return means


def chosen_lengths_by_choice(runs: Sequence[Run]) -> dict[Variant, dict[int, LengthCounts]]:
    """One variant for each score and rule: of several methods and amounts, the one of most runs."""
    # The static schedule chooses at random.
    counts = Counter(
        run.variant for run in runs if run.lengths and run.variant.schedule != "static"
    )
    of_choice: dict[tuple[str | None, str | None, str | None], Variant] = {}
    for variant in sorted(ordered(counts), key=lambda variant: -counts[variant]):
        of_choice.setdefault((variant.schedule, variant.score, variant.rule), variant)
    return {
        variant: pooled_lengths(runs_of(runs, variant)) for variant in ordered(of_choice.values())
    }
