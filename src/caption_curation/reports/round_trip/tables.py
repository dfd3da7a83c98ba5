"""The numbers of the round trip as tables: one row per variant, one row per image."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from caption_curation.reports.page.statistics import Statistic, fraction_interval
from caption_curation.reports.round_trip.tracking import right_fractions
from caption_curation.round_trip.variants import GENERATORS, PROMPTS, REAL, VARIANTS

METRICS = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider")
FACTS = ("background", "count", "colours", "shapes", "relation")
ALL = "all"  # in place of a fact: all facts of the same image


@dataclass(frozen=True)
class Results:
    """What the evaluation wrote.

    Attributes:
        scores: by variant name, ``real`` among them, the metrics on the scale of their formulas.
        images: one record per image: ``variant``, ``image_id``, ``caption``, ``cider``, ``facts``
            (``None`` where the truth is not known).
    """

    scores: Mapping[str, Mapping[str, float]]
    images: Sequence[Mapping[str, Any]]

    @cached_property
    def by_image(self) -> dict[tuple[str, str], Mapping[str, Any]]:
        """The records by variant name and image id."""
        return {(record["variant"], record["image_id"]): record for record in self.images}

    def of(self, variant: str) -> list[Mapping[str, Any]]:
        """The records of a variant."""
        return [record for record in self.images if record["variant"] == variant]

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

    def interval_of_all_right(self, variant: str) -> tuple[float, float]:
        """The 95 % interval of the fraction of images that are right in every fact."""
        n = len(self.of(variant))
        return fraction_interval(round(self.right[variant][ALL] * n), n)


def variants_csv(results: Results) -> str:
    """One row per variant, the upper bound last: scores, and fractions of right images."""
    facts = [*FACTS, ALL] if results.truth_is_known else []
    bounds = ["all_right_low", "all_right_high"] if facts else []
    rows: list[list[object]] = [
        ["generator", "prompt", *METRICS, *(f"{fact}_right" for fact in facts), *bounds]
    ]
    columns = [
        (GENERATORS[variant.generator], PROMPTS[variant.prompt].label, variant.name)
        for variant in VARIANTS
    ]
    for generator, prompt, name in [*columns, ("real images", "", REAL)]:
        rows.append(
            [
                generator,
                prompt,
                *(results.scores[name][metric] for metric in METRICS),
                *(results.right[name][fact] for fact in facts),
                *(results.interval_of_all_right(name) if facts else ()),
            ]
        )
    return _csv(rows)


def images_csv(results: Results) -> str:
    """One row per image: variant, caption, its CIDEr, and 1 for each fact that is right."""
    facts = FACTS if results.truth_is_known else ()
    rows: list[list[object]] = [["variant", "image_id", "caption", "cider", *facts]]
    for record in results.images:
        right = [int(record["facts"][fact]) for fact in facts]
        fields = (record[name] for name in ("variant", "image_id", "caption", "cider"))
        rows.append([*fields, *right])
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
