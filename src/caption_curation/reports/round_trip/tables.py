"""The numbers of the round trip as tables: one row per variant, one row per image."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from caption_curation.paper.numbers import RoundTripResult
from caption_curation.reports.page.statistics import Interval, Statistic
from caption_curation.reports.round_trip.beside_paper import PAPER_METRICS, difference_to_bound
from caption_curation.reports.round_trip.tracking import right_fractions
from caption_curation.round_trip.variants import PROMPTS, REAL, Grid, generator_label

METRICS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")
FACTS = ("background", "count", "colours", "shapes", "relation")
ALL = "all"  # in place of a fact: all facts of the same image


@dataclass(frozen=True)
class Results:
    """What the evaluation wrote.

    Attributes:
        grid: the variants.
        scores: by variant name, ``real`` among them, the metrics on the scale of their formulas;
            METEOR where it knows the captions' language.
        images: one record per image: ``variant``, ``item_id``, ``image_id`` of the original,
            ``caption``, ``cider``, ``facts`` (``None`` where the truth is not known).
    """

    grid: Grid
    scores: Mapping[str, Mapping[str, float]]
    images: Sequence[Mapping[str, Any]]

    @property
    def metrics(self) -> list[str]:
        """Those of ``METRICS`` that were computed."""
        return [metric for metric in METRICS if metric in self.scores[REAL]]

    @cached_property
    def by_item(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The records by variant name and item id."""
        return {(record["variant"], record["item_id"]): record for record in self.images}

    @cached_property
    def _by_variant(self) -> dict[str, list[Mapping[str, Any]]]:
        found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in self.scores}
        for record in self.images:
            found[record["variant"]].append(record)
        return found

    def of(self, variant: str) -> list[Mapping[str, Any]]:
        """The records of a variant."""
        return self._by_variant[variant]

    @property
    def truth_is_known(self) -> bool:
        """Whether the images were checked."""
        return all(record["facts"] is not None for record in self.images)

    @cached_property
    def right(self) -> dict[str, dict[str, float]]:
        """By variant name, the fraction of images in which each fact is right; empty if unknown."""
        if not self.truth_is_known:
            return {}
        return {
            name: right_fractions([record["facts"] for record in self.of(name)])
            for name in self.scores
        }


def variants_csv(
    results: Results,
    all_right: Mapping[str, Interval],
    paper: Mapping[str, RoundTripResult],
) -> str:
    """One row per variant, the upper bound last: scores, fractions of right images, the paper's.

    Args:
        results: the numbers.
        all_right: by variant name, the interval of the fraction that is right in every fact; empty
            where the truth is not known.
        paper: by variant name, the row of the paper's Table 1; without any, it has no columns.
    """
    facts = [*FACTS, ALL] if all_right else []
    bounds = ["all_right_low", "all_right_high"] if facts else []
    columns = [*METRICS, *(f"{fact}_right" for fact in facts), *bounds]
    if paper:
        columns += [f"paper_{metric}" for metric in PAPER_METRICS]
        columns += [f"paper_{metric}_difference" for metric in PAPER_METRICS]
    rows: list[list[object]] = [["generator", "prompt", *columns]]
    names = [
        (generator_label(variant.generator), PROMPTS[variant.prompt].label, variant.name)
        for variant in results.grid.variants
    ]
    for generator, prompt, name in [*names, ("real images", "", REAL)]:
        row: list[object] = [generator, prompt]
        row += [results.scores[name].get(metric) for metric in METRICS]
        row += [results.right[name][fact] for fact in facts]
        row += all_right[name] if facts else ()
        if paper:
            beside = paper.get(name)
            scores = beside.scores if beside else {}
            row += [scores.get(metric) for metric in PAPER_METRICS]
            differences = difference_to_bound(beside) if beside else {}
            row += [differences.get(metric) for metric in PAPER_METRICS]
        rows.append(row)
    return _csv(rows)


def images_csv(results: Results) -> str:
    """One row per image: variant, caption, its CIDEr, and 1 for each fact that is right."""
    facts = FACTS if results.truth_is_known else ()
    named = ("variant", "item_id", "image_id", "caption", "cider")
    rows: list[list[object]] = [[*named, *facts]]
    for record in results.images:
        right = [int(record["facts"][fact]) for fact in facts]
        rows.append([*(record[name] for name in named), *right])
    return _csv(rows)


def correlations_csv(correlations: Mapping[str, Statistic]) -> str:
    """One row per rank correlation, with what it is of; fields without a number are empty."""
    rows: list[list[object]] = [["of", "spearman_rho", "n", "low", "high"]]
    for name, rank in correlations.items():
        rows.append([name, rank.value, rank.n, *(rank.interval or (None, None))])
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue()
