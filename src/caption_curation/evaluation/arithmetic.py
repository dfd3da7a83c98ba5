"""In which arithmetic the results of a run were computed, and where runs differ in it.

The numerical class of a result names the arithmetic of the machine that computed it. Runs of one
class and seed differ by what is compared; between classes rounding differs too, and a training step
makes of rounding another model. So what two runs have of one kind of result is of one arithmetic if
the sets of its classes, over all epochs, are equal. A set is empty where no model ran, and then
agrees with every other.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from caption_curation.numerical_classes import ENDING, UNKNOWN, EpochClasses

NAMES_SHOWN = 5

# Kinds of results, in the order in which a run makes them: their name in a sentence.
KINDS = {
    "generator": "generator",
    "images": "images",
    "captioner": "captioner",
    "losses": "losses",
    "captions": "captions",
    "clipscore": "CLIPScore",
}
GENERATING = ("generator", "images")

RunClasses = Mapping[str, frozenset[str]]  # by kind


@dataclass(frozen=True)
class Part:
    """What one class file is about: its kind, and its name in a sentence."""

    kind: str
    words: str


# By the name of the class file, without its ending; those of an epoch lie in the epoch's folder.
PARTS = {
    "base_generator": Part("generator", "base generator"),
    "generator_latents": Part("generator", "latents of the generator’s images"),
    "generator": Part("generator", "generator"),
    "sbert_captions": Part("images", "captions chosen for prompts"),
    "synthetic": Part("images", "images"),
    "captioner": Part("captioner", "captioner"),
    "losses": Part("losses", "losses"),
    "validation": Part("captions", "validation captions"),
    "test_captions": Part("captions", "test captions"),
    "features": Part("clipscore", "CLIP’s vectors"),
    "clip_scores": Part("clipscore", "CLIPScores"),
}

# Classes by the part's name and its epoch, ``None`` of what is of no epoch.
Results = Mapping[tuple[str, int | None], Collection[str]]


def relevant(results: Results) -> dict[tuple[str, int | None], frozenset[str]]:
    """What a run's numbers depend on: without a generator, and its prompts, that drew no image."""
    drew = any(classes for (part, _), classes in results.items() if part == "synthetic")
    return {
        (part, epoch): frozenset(classes)
        for (part, epoch), classes in results.items()
        if classes and (drew or PARTS[part].kind not in GENERATING)
    }


def by_kind(results: Results) -> RunClasses:
    """The classes of every kind of a run's results, over all epochs."""
    found: dict[str, frozenset[str]] = dict.fromkeys(KINDS, frozenset())
    for (part, _), classes in relevant(results).items():
        kind = PARTS[part].kind
        found[kind] |= classes
    return found


def unknown_classes(*, draws_images: bool) -> RunClasses:
    """Those of a run of which none were recorded.

    Args:
        draws_images: whether its curation replaces images.
    """
    return {
        kind: frozenset([UNKNOWN] if draws_images or kind not in GENERATING else [])
        for kind in KINDS
    }


def agree(one: RunClasses, other: RunClasses) -> bool:
    """Whether all that two runs have in common was computed in one arithmetic."""
    return not differing_kinds([one, other])


def differing_kinds(runs: Iterable[RunClasses]) -> list[str]:
    """The kinds of results that were not computed in one arithmetic in all runs that have them."""
    runs = list(runs)
    return [kind for kind in KINDS if len({run[kind] for run in runs if run.get(kind)}) > 1]


def describe_runs(runs: Mapping[str, RunClasses]) -> list[str]:
    """Which runs differ in the arithmetic of which results, a line for each way to tell them apart.

    Args:
        runs: by name.

    Returns:
        Nothing where all are of one arithmetic. In a line the class that most runs have comes
        first.
    """
    lines: dict[tuple[tuple[str, tuple[str, ...]], ...], list[str]] = {}
    for kind in differing_kinds(runs.values()):
        groups: dict[frozenset[str], list[str]] = {}
        for name, classes in runs.items():
            if classes.get(kind):
                groups.setdefault(classes[kind], []).append(name)
        ordered = sorted(groups.items(), key=lambda item: -len(item[1]))
        told = tuple((class_names(classes), tuple(names)) for classes, names in ordered)
        lines.setdefault(told, []).append(KINDS[kind])
    return [
        f"{_listed(kinds)}: "
        + "; ".join(f"{classes} in {_shown(names)}" for classes, names in groups)
        for groups, kinds in lines.items()
    ]


def results_of_run(
    epochs: EpochClasses, others: Mapping[str, list[str]]
) -> dict[tuple[str, int | None], list[str]]:
    """The results of one run with their classes.

    Args:
        epochs: what its history says.
        others: classes by part, of what belongs to no epoch.
    """
    results: dict[tuple[str, int | None], list[str]] = {
        (part, int(epoch)): classes
        for part, of_epochs in epochs.items()
        for epoch, classes in of_epochs.items()
    }
    return results | {(part, None): classes for part, classes in others.items()}


def describe_run(results: Results) -> list[str]:
    """Which results of one run are of which class, a line a class; none where all are of one."""
    of_classes: dict[frozenset[str], dict[str, list[int]]] = {}
    found = relevant(results)
    if len({name for classes in found.values() for name in classes}) < 2:
        return []
    for part, epoch in sorted(found, key=lambda key: (list(PARTS).index(key[0]), key[1] or 0)):
        epochs = of_classes.setdefault(found[part, epoch], {}).setdefault(PARTS[part].words, [])
        if epoch is not None:
            epochs.append(epoch)
    return [
        f"{class_names(classes)}: {'; '.join(_by_epochs(parts))}"
        for classes, parts in of_classes.items()
    ]


def class_names(classes: Collection[str]) -> str:
    """Classes in a sentence."""
    return " and ".join(
        "no recorded class" if name == UNKNOWN else name
        for name in sorted(classes, key=lambda name: (name == UNKNOWN, name))
    )


CLASS_FILE = re.compile(
    r"(data|data/epochs/(?P<epoch>\d+)|data/clip|reports)/(?P<part>\w+)" + re.escape(ENDING)
)


def part_of_file(path: str) -> tuple[str, int | None] | None:
    """What a class file is about, by its path in the project: a part and its epoch.

    Returns:
        ``None`` for every other file, and for class files of what is no part of a run.
    """
    found = CLASS_FILE.fullmatch(path)
    if found is None or found["part"] not in PARTS:
        return None
    return found["part"], int(found["epoch"]) if found["epoch"] else None


def _by_epochs(parts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """Names of parts with their epochs; those of the same epochs, one after the other, together."""
    for epochs, words in groupby(parts, key=lambda words: parts[words]):
        which = f" of epoch{'s' if len(epochs) > 1 else ''} {', '.join(map(str, epochs))}"
        yield _listed(list(words)) + (which if epochs else "")


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _shown(names: Sequence[str]) -> str:
    """The names of runs, or their number where these are many."""
    return _listed(names) if len(names) <= NAMES_SHOWN else f"{len(names)} experiments"
