"""Do the same samples stay hard? The hardest of one epoch among the hardest of a later one."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from caption_curation.samples import fraction_count

# What is called hard: the fractions of samples that the paper curates (its figure 5), some of them.
FRACTIONS = (0.01, 0.05, 0.1, 0.2, 0.4)


def hard_sample_overlaps(rankings: Mapping[int, Sequence[str]]) -> list[dict[str, float]]:
    """How many of the hardest samples of an epoch are among the hardest of a later one.

    Hard is what has a high loss. Compared are consecutive epochs, and the first with every
    later one, each time over the samples that both were trained on: a removed sample has no second
    loss, and one whose image or caption was replaced in between is compared as it was and as it is.

    Args:
        rankings: by epoch, the ids of its samples, the hardest first.

    Returns:
        One row for every pair of epochs and fraction of ``FRACTIONS``: ``epoch``, ``later``,
        ``fraction``, the number of common ``samples``, how many of them are the ``hardest``
        (``floor(fraction · samples)``), the part of these in both epochs (``overlap``, 0 to 1),
        and that part for two unrelated choices (``chance``). Without the fractions of so few
        samples that none is the hardest.
    """
    epochs = sorted(rankings)
    pairs = {*pairwise(epochs), *((epochs[0], later) for later in epochs[1:])}
    rows = []
    for epoch, later in sorted(pairs):
        common = set(rankings[epoch]).intersection(rankings[later])
        first, second = ([name for name in rankings[of] if name in common] for of in (epoch, later))
        for fraction in FRACTIONS:
            hardest = fraction_count(fraction, len(common))
            if hardest:
                both = len(set(first[:hardest]) & set(second[:hardest]))
                rows.append(
                    {
                        "epoch": epoch,
                        "later": later,
                        "fraction": fraction,
                        "samples": len(common),
                        "hardest": hardest,
                        "overlap": both / hardest,
                        "chance": hardest / len(common),
                    }
                )
    return rows
