"""Variants of curation: experiments that differ in nothing but the seed are of one variant.

Parameters that have no effect do not distinguish variants: with ``method: none`` nothing else of
``curation`` matters, the rule ``mean_std`` reads no ratio, and a static choice knows no loss: it
has a score and a rule only where the score is given. Scores and decisions of the user's are
part of the variant, by their content.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from caption_curation.curation.actions import NO_CURATION, generates_images, method_title, methods
from caption_curation.curation.rules import RULES, amount_label
from caption_curation.curation.scores import SCORES, is_random
from caption_curation.curation.settings import Curation
from caption_curation.experiments.given import NOTHING, Given

_PAIRINGS = {"random_easier": "random easier caption", "easiest": "easiest caption"}


@dataclass(frozen=True)
class Variant:
    """The values of ``curation`` that have an effect; the others are ``None``.

    ``amount`` is the ratio of ``top_fraction`` and of a static choice at random, and the number of
    standard deviations of ``mean_std``. ``scores`` and ``decisions`` are digests of what the user
    gave.
    """

    method: str
    schedule: str | None = None
    score: str | None = None
    rule: str | None = None
    amount: float | None = None
    pair_with: str | None = None
    scores: str | None = None
    decisions: str | None = None

    @property
    def method_label(self) -> str:
        """The method in words."""
        return method_title(self.method)

    @property
    def choice_label(self) -> str:
        """Which samples are curated and when, in words; empty without curation."""
        if self.method == NO_CURATION:
            return ""
        words = ["static"] if self.schedule == "static" else []
        if self.score is None:
            words.append(f"{100 * (self.amount or 0):g} %")
        else:
            words += [self.score_label, self.amount_label]
        return ", ".join(filter(None, [*words, self.pairing, self.decided]))

    @property
    def score_label(self) -> str:
        """How samples are ranked, in words; of scores of the user's, which; empty at random."""
        title = SCORES[self.score].title if self.score else ""
        return f"{title} {self.scores}" if self.scores else title

    @property
    def decided(self) -> str:
        """Which decisions of people were taken, in words; empty without any."""
        return f"decisions {self.decisions}" if self.decisions else ""

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
        if self.method == NO_CURATION:
            return self.method
        kind = RULES[self.rule or "top_fraction"].slug
        words = [self.method]
        words += ["static"] if self.schedule == "static" else []
        words += [self.score] if self.score is not None else []
        words.append(f"{kind}{self.amount:g}")
        if self.pair_with not in (None, "keep"):
            words.append(str(self.pair_with))
        words += [word for word in (self.scores, self.decisions) if word]
        return "-".join(words)


def variant_of(curation: Curation, given: Given = NOTHING) -> Variant:
    """The variant of an experiment; of one that is planned, as if nothing were given to it."""
    if curation.method == NO_CURATION:
        return Variant(NO_CURATION)
    pair_with = curation.pair_with if generates_images(curation.method) else None
    if curation.chooses_at_random:
        return Variant(
            curation.method,
            "static",
            rule=None,
            amount=curation.ratio,
            pair_with=pair_with,
            decisions=given.decisions_digest,
        )
    is_given = SCORES[curation.score].is_given
    static = curation.schedule == "static"
    return Variant(
        curation.method,
        curation.schedule,
        curation.score,
        curation.rule,
        float(getattr(curation, RULES[curation.rule].amount)),
        pair_with,
        scores=given.scores_digest(static=static) if is_given else None,
        decisions=given.decisions_digest,
    )


def generator_of(variant: Variant, generator_seed: int) -> int | None:
    """The seed of the generator that a run's images are of; ``None`` where it shows none."""
    return generator_seed if generates_images(variant.method) else None


def random_control(variant: Variant) -> Variant | None:
    """The variant that curates the same number of samples, chosen uniformly, if there is one.

    A random control chooses as many samples as the rule would by the score that it imitates. By
    another score some rules choose another number, so that nothing controls for that. Nor does a
    static choice at random for one by a score: it draws the same part of every image's samples.
    """
    if variant.score is None or is_random(variant.score) or variant.schedule == "static":
        return None
    for name, score in SCORES.items():
        if score.same_number_as == variant.score:
            return replace(variant, score=name, scores=None)
        if score.same_number_as is not None and RULES[str(variant.rule)].is_fraction:
            return replace(variant, score=name, scores=None)
    return None


def mismatched_control(variant: Variant, variants: Collection[Variant]) -> Variant | None:
    """A random control of the variant's setting that curates another number of samples.

    Args:
        variant: any.
        variants: where the control is looked for.
    """
    if variant.score is None or is_random(variant.score) or random_control(variant):
        return None
    controls = [replace(variant, score=name, scores=None) for name in SCORES if is_random(name)]
    return next((control for control in controls if control in variants), None)


def ordered(variants: Iterable[Variant]) -> list[Variant]:
    """Each variant once: no curation first, dynamic before static, a control after its variant."""

    def key(variant: Variant) -> tuple[object, ...]:
        return (
            methods().index(variant.method),
            variant.schedule or "",
            tuple(RULES).index(variant.rule) if variant.rule else 0,
            variant.pair_with != "keep",
            variant.pair_with or "",
            variant.amount or 0.0,
            tuple(SCORES).index(variant.score) if variant.score else -1,
            variant.scores or "",
            variant.decisions or "",
        )

    return sorted(set(variants), key=key)


def methods_at_common_setting(runs: Sequence[Variant]) -> list[Variant]:
    """The variants for the table of methods: those at the setting that most experiments share.

    A setting is schedule, rule, amount, what people decided, and the score (a random control
    belongs to every score).
    The one with the most methods is taken, then the one with the most runs, then the first in
    order.

    Args:
        runs: the variant of every run.

    Returns:
        No curation and the variants at that setting, in order.
    """
    curated = [variant for variant in runs if variant.method != NO_CURATION]

    def setting_of(variant: Variant) -> Variant:
        return replace(variant, method="", pair_with=None)

    settings = {setting_of(variant) for variant in curated if not is_random(variant.score)} or {
        setting_of(variant) for variant in curated
    }

    def members(setting: Variant) -> list[Variant]:
        return [
            variant
            for variant in curated
            if setting_of(variant) == setting
            or (
                is_random(variant.score)
                and setting_of(replace(variant, score=setting.score, scores=setting.scores))
                == setting
            )
        ]

    def size(setting: Variant) -> tuple[int, int]:
        found = members(setting)
        return len({variant.method for variant in found}), len(found)

    none = [variant for variant in runs if variant.method == NO_CURATION]
    if not settings:
        return ordered(none)
    by_name = sorted(settings, key=repr)
    return ordered([*none, *members(max(by_name, key=size))])


def amount_lines(variants: Iterable[Variant]) -> dict[Variant, list[Variant]]:
    """Variants that differ in how many samples they choose, where there are at least two of them.

    Returns:
        The variants of every line, those of a ratio first and by increasing ratio, then those of
        other rules; under the line's own variant, which has no rule and no amount.
    """
    lines: dict[Variant, list[Variant]] = {}
    for variant in ordered(variants):
        if variant.method != NO_CURATION:
            lines.setdefault(replace(variant, rule=None, amount=None), []).append(variant)
    return {line: members for line, members in lines.items() if len(members) > 1}


def representatives(shown: Iterable[Variant], runs: Mapping[Variant, int]) -> list[Variant]:
    """No curation, and of every method the variant of most runs; of several the first shown.

    Random controls are of no method.

    Args:
        shown: in the order of the tables.
        runs: how many every variant has.
    """
    most: dict[str, Variant] = {}
    for variant in shown:
        if is_random(variant.score):
            continue
        if variant.method not in most or runs[variant] > runs[most[variant.method]]:
            most[variant.method] = variant
    return sorted(most.values(), key=lambda variant: methods().index(variant.method))
