"""Variants of curation: experiments that differ in nothing but the seed are of one variant.

Parameters that have no effect do not distinguish variants: with ``method: none`` nothing else of
``curation`` matters, the rule ``mean_std`` reads no ratio, and a static choice knows no loss.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

from caption_curation.curation.settings import Curation

METHODS: tuple[str, ...] = get_args(Curation.model_fields["method"].annotation)
SCORES: tuple[str, ...] = get_args(Curation.model_fields["score"].annotation)

METHOD_LABELS = {
    "none": "no curation",
    "remove": "remove",
    "replace_caption": "replace caption",
    "replace_image": "replace image",
}
SCORE_LABELS = {"loss_mean": "mean loss", "loss_sum": "summed loss", "random": "random"}
_PAIRINGS = {"random_easier": "random easier caption", "easiest": "easiest caption"}


@dataclass(frozen=True)
class Variant:
    """The values of ``curation`` that have an effect; the others are ``None``.

    ``amount`` is the ratio of ``top_fraction`` and of the static schedule, and the number of
    standard deviations of ``mean_std``.
    """

    method: str
    schedule: str | None = None
    score: str | None = None
    rule: str | None = None
    amount: float | None = None
    pair_with: str | None = None

    @property
    def method_label(self) -> str:
        """The method in words."""
        return METHOD_LABELS[self.method]

    @property
    def choice_label(self) -> str:
        """Which samples are curated and when, in words; empty without curation."""
        if self.method == "none":
            return ""
        if self.schedule == "static":
            words = ["static", f"{100 * (self.amount or 0):g} %"]
        else:
            words = [SCORE_LABELS[str(self.score)], self.amount_label]
        return ", ".join([*words, self.pairing] if self.pairing else words)

    @property
    def pairing(self) -> str:
        """Which caption a synthetic image goes with, in words; empty for the sample's own."""
        return _PAIRINGS.get(str(self.pair_with), "")

    @property
    def amount_label(self) -> str:
        """How many samples the rule chooses, in words."""
        return amount_label(str(self.rule), self.amount or 0)

    @property
    def label(self) -> str:
        """The whole variant in words."""
        return ": ".join(part for part in (self.method_label, self.choice_label) if part)

    @property
    def slug(self) -> str:
        """A name for files and experiments that no other variant has."""
        if self.method == "none":
            return self.method
        kind = "std" if self.rule == "mean_std" else "top"
        choice = "static" if self.schedule == "static" else str(self.score)
        words = [self.method, choice, f"{kind}{self.amount:g}"]
        if self.pair_with not in (None, "keep"):
            words.append(str(self.pair_with))
        return "-".join(words)


def amount_label(rule: str, amount: float) -> str:
    """A rule and its value in words."""
    return f"mean + {amount:g} std" if rule == "mean_std" else f"top {100 * amount:g} %"


def variant_of(curation: Curation) -> Variant:
    """The variant of an experiment."""
    if curation.method == "none":
        return Variant("none")
    pair_with = curation.pair_with if curation.method == "replace_image" else None
    if curation.schedule == "static":
        return Variant(
            curation.method, "static", rule=None, amount=curation.ratio, pair_with=pair_with
        )
    return Variant(
        curation.method,
        "dynamic",
        curation.score,
        curation.rule,
        curation.std if curation.rule == "mean_std" else curation.ratio,
        pair_with,
    )


def random_control(variant: Variant) -> Variant | None:
    """The variant that curates as many samples, but any; ``None`` where there is no such thing.

    The control of ``mean_std`` chooses as many as the rule would by the mean loss. By the summed
    loss it chooses another number, so that nothing controls for that.
    """
    if variant.score in (None, "random"):
        return None
    if variant.rule == "mean_std" and variant.score != "loss_mean":
        return None
    return replace(variant, score="random")


def ordered(variants: Iterable[Variant]) -> list[Variant]:
    """Each variant once: no curation first, dynamic before static, a control after its variant."""

    def key(variant: Variant) -> tuple[object, ...]:
        return (
            METHODS.index(variant.method),
            variant.schedule or "",
            variant.rule == "mean_std",
            variant.pair_with != "keep",
            variant.pair_with or "",
            variant.amount or 0.0,
            SCORES.index(variant.score) if variant.score else -1,
        )

    return sorted(set(variants), key=key)


def methods_at_common_setting(runs: Sequence[Variant]) -> list[Variant]:
    """The variants for the table of methods: those at the setting that most experiments share.

    A setting is schedule, rule, amount and the score (a random control belongs to every score).
    The one with the most methods is taken, then the one with the most runs, then the first in
    order.

    Args:
        runs: the variant of every run.

    Returns:
        No curation and the variants at that setting, in order.
    """
    curated = [variant for variant in runs if variant.method != "none"]
    settings = {
        (one.schedule, one.score, one.rule, one.amount)
        for one in ordered(curated)
        if one.score != "random"
    } or {(one.schedule, one.score, one.rule, one.amount) for one in curated}

    def members(setting: tuple[object, ...]) -> list[Variant]:
        schedule, score, rule, amount = setting
        return [
            one
            for one in curated
            if (one.schedule, one.rule, one.amount) == (schedule, rule, amount)
            and one.score in (score, "random")
        ]

    def size(setting: tuple[object, ...]) -> tuple[int, int]:
        found = members(setting)
        return len({one.method for one in found}), len(found)

    none = [variant for variant in runs if variant.method == "none"]
    if not settings:
        return ordered(none)
    by_name = sorted(settings, key=repr)
    return ordered([*none, *members(max(by_name, key=size))])


def ratio_lines(variants: Iterable[Variant]) -> dict[Variant, list[Variant]]:
    """Variants that differ in their ratio alone, where there are at least two of them.

    Returns:
        The variants of every line by increasing ratio, under the line's own variant, which has no
        amount.
    """
    lines: dict[Variant, list[Variant]] = {}
    for variant in ordered(variants):
        if variant.method != "none" and variant.rule != "mean_std":
            lines.setdefault(replace(variant, amount=None), []).append(variant)
    return {line: members for line, members in lines.items() if len(members) > 1}
