"""Which experiments may stand in one table, and why the others may not."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from caption_curation import paths
from caption_curation.curation.settings import Curation
from caption_curation.evaluation.arithmetic import KINDS, agree, differing_kinds
from caption_curation.experiments.arithmetic import classes_of
from caption_curation.experiments.finished import FinishedExperiment
from caption_curation.experiments.variants import generator_of, variant_of

DIFFERENCES_SHOWN = 3
FRACTION = "data.train_fraction"  # of a profile


@dataclass(frozen=True)
class LeftOut:
    """An experiment that is in no table, and the reason."""

    name: str
    reason: str


def by_parameters(
    experiments: Sequence[FinishedExperiment],
) -> dict[str, list[FinishedExperiment]]:
    """The experiments of each setting, under its label, in the order in which settings come first.

    Those of one setting have the same parameters and profile, but for seeds and curation. The label
    is the profile, the part of the images that is trained on unless it is all, and whatever else
    distinguishes it from other settings of the profile.

    Args:
        experiments: any.
    """
    groups: dict[str, list[FinishedExperiment]] = {}
    for experiment in experiments:
        groups.setdefault(repr(sorted(_parameters(experiment).items())), []).append(experiment)
    settings = [_parameters(group[0]) for group in groups.values()]
    return {
        _label(setting, settings): group
        for setting, group in zip(settings, groups.values(), strict=True)
    }


def _parameters(experiment: FinishedExperiment) -> dict[str, Any]:
    """Those of its setting, by `FILE: KEY`."""
    return {key: _number(value) for key, value in experiment.setting.items() if ": " in key}


def _number(value: Any) -> Any:
    """2 and 2.0 are one value, however somebody wrote it."""
    return float(value) if type(value) is int else value


def _label(setting: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    profile = _profile(setting)
    alike = [other for other in others if _profile(other) == profile]
    keys = sorted({key for other in alike for key in other})
    differing = [key for key in keys if any(other.get(key) != setting.get(key) for other in alike)]
    fraction = f"{profile}: {FRACTION}"
    words = [PurePosixPath(profile).stem]
    if setting.get(fraction, 1.0) != 1.0:
        words.append(f"{100 * setting[fraction]:g} % of the images")
    for key in differing:
        name = key.partition(": ")[2]
        if key != fraction:
            words.append(
                f"{name} = {_shown(setting[key])}" if key in setting else f"without {name}"
            )
    return ", ".join(words)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) and re.fullmatch(r"\S+", value) else repr(value)


def _profile(setting: Mapping[str, Any]) -> str:
    """The file of the profile; empty if no stage read any."""
    return next((key.split(":")[0] for key in setting if key.startswith("profiles/")), "")


def largest_comparable(
    experiments: Sequence[FinishedExperiment],
) -> tuple[list[FinishedExperiment], list[LeftOut]]:
    """The largest group of experiments that differ in seeds and curation alone.

    Of groups of one size, the one that comes first is taken. Machines of other arithmetic make
    other generators of one recipe, which :func:`_settings` says more of.

    Args:
        experiments: at least one.

    Returns:
        The group in order, and the others with what makes them different.
    """
    groups: dict[str, list[FinishedExperiment]] = {}
    settings = _settings(experiments)
    for experiment in experiments:
        values = {name: _number(value) for name, value in settings[experiment.name].items()}
        key = repr(sorted(values.items(), key=lambda item: item[0]))
        groups.setdefault(key, []).append(experiment)
    largest = max(groups.values(), key=len)
    used = {experiment.name for experiment in largest}
    setting = settings[largest[0].name]
    left_out = [
        LeftOut(
            experiment.name,
            "not comparable: " + describe_difference(settings[experiment.name], setting),
        )
        for experiment in experiments
        if experiment.name not in used
    ]
    return largest, left_out


def _settings(experiments: Sequence[FinishedExperiment]) -> dict[str, Mapping[str, Any]]:
    """What must be equal for a comparison, by name.

    Only generators that drew images count. In each arithmetic the one of most experiments is what
    the common recipe makes there of a seed; any other was made by force, or from something else.
    """
    generator = paths.GENERATOR.as_posix()
    recipes = {
        each.name: (classes, each.generator_seed)
        for each in experiments
        if (classes := classes_of(each)["generator"])
    }
    made: dict[tuple[frozenset[str], Any], Counter[Any]] = {}
    for each in experiments:
        if each.name in recipes:
            made.setdefault(recipes[each.name], Counter())[each.setting.get(generator)] += 1
    usual = {recipe: counts.most_common(1)[0][0] for recipe, counts in made.items()}
    return {
        each.name: {
            name: value
            for name, value in each.setting.items()
            if name != generator or (each.name in recipes and value != usual[recipes[each.name]])
        }
        for each in experiments
    }


def describe_difference(setting: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """What distinguishes an experiment's setting from that of the others, in a few words."""
    profiles = [
        {key.split(":")[0] for key in side if key.startswith("profiles/")}
        for side in (setting, other)
    ]
    if profiles[0] != profiles[1]:
        shown = [", ".join(sorted(names)) for names in profiles]
        return f"{shown[0]} instead of {shown[1]}"
    parameters, files = [], []
    for key in sorted(setting.keys() | other.keys()):
        if setting.get(key) == other.get(key):
            continue
        if ": " in key:
            values = [repr(side[key]) if key in side else "nothing" for side in (setting, other)]
            parameters.append(f"{key} = {values[0]} instead of {values[1]}")
        else:
            files.append(f"another {key}")
    # Parameters explain files: another corpus is one because of another data.seed.
    differences = parameters or files
    more = len(differences) - DIFFERENCES_SHOWN
    shown = differences[:DIFFERENCES_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    return "; ".join(shown)


def without_duplicates(
    experiments: Sequence[tuple[FinishedExperiment, Curation]],
) -> tuple[list[tuple[FinishedExperiment, Curation]], list[LeftOut]]:
    """Each variant, seed and generator once; ``HEAD`` and the workspace are listed last.

    Of several it is the first, unless another one can be paired with more of the experiments,
    because it was computed in the arithmetic of most. What shows no image of a generator counts
    once for all of them.

    Args:
        experiments: comparable ones.

    Returns:
        Those kept, in order, and the others with the name of the one that they repeat.
    """
    classes = {experiment.name: classes_of(experiment) for experiment, _ in experiments}
    repeated: dict[Any, list[FinishedExperiment]] = {}
    for experiment, curation in experiments:
        variant = variant_of(curation, experiment.given)
        generator = generator_of(variant, experiment.generator_seed)
        key = (variant, experiment.parameters["seed"], generator)
        repeated.setdefault(key, []).append(experiment)

    def partners(experiment: FinishedExperiment) -> int:
        return sum(agree(classes[experiment.name], other) for other in classes.values())

    reasons = {}
    for same in repeated.values():
        kept = max(same, key=partners)
        for other in same:
            if other is not kept:
                kinds = differing_kinds([classes[kept.name], classes[other.name]])
                reasons[other.name] = f"the same experiment as {kept.name}, " + _results(
                    kept, other, [KINDS[kind] for kind in kinds]
                )
    return (
        [each for each in experiments if each[0].name not in reasons],
        [LeftOut(each.name, reasons[each.name]) for each, _ in experiments if each.name in reasons],
    )


def _results(kept: FinishedExperiment, other: FinishedExperiment, kinds: Sequence[str]) -> str:
    """How the results of a repetition are, of which these kinds are of other arithmetic."""
    if other.outputs["reports/evaluation"] == kept.outputs["reports/evaluation"]:
        return "with the same results"
    if kinds:
        return f"in other arithmetic ({', '.join(kinds)}), with other results"
    return "BUT WITH OTHER RESULTS"
